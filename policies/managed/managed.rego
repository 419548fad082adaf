# METADATA
# title: BuildKit's own images are signed
# description: |
#   Docker's Dockerfile frontend, SBOM scanner and BuildKit images are signed by Docker's GitHub builder, as the policy
#   demands that buildx has built in. Everything else is allowed.
package docker

import data.lib.images.managed

default allow := false

# Without a call: buildx looks up signatures of all images that it calls a function for.
allow if {
	input.image.fullRepo
	not managed.images[input.image.fullRepo]
}

allow if {
	managed.images[input.image.fullRepo]
	managed.trusted(input.image)
}

allow if input.git

allow if input.http

allow if input.local

allow if input.ociLayout

deny_msg contains message if {
	managed.images[input.image.fullRepo]
	message := managed.denial(input.image)
}

decision := {"allow": allow, "deny_msg": deny_msg}
