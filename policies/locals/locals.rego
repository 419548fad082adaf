# METADATA
# title: The build's own folders
# description: The folder of the Dockerfile and the build context, and no named contexts. Everything else is allowed.
package docker

import data.lib.locals.contexts

default allow := false

allow if contexts.standard(input.local)

allow if input.git

allow if input.http

allow if input.image

allow if input.ociLayout

deny_msg contains contexts.denial(input.local, set())

decision := {"allow": allow, "deny_msg": deny_msg}
