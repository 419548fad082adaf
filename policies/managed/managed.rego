# METADATA
# title: BuildKit's own images are signed
# description: |
#   Docker's Dockerfile frontend, SBOM scanner and BuildKit images are signed by Docker's GitHub builder, as the policy
#   demands that buildx has built in. Everything else is allowed.
package docker

import data.lib.images.managed

default allow := false

allow if managed.trusted(input.image)

allow if input.git

allow if input.http

allow if input.local

allow if input.ociLayout

deny_msg contains managed.denial(input.image)

decision := {"allow": allow, "deny_msg": deny_msg}
