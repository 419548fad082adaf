# What this repository's own image may be built from.
package docker

default allow := false

# The build context and the Dockerfile itself.
allow if input.local

# Rust's official image, in the version that the workspace names.
allow if {
	input.image.fullRepo == "docker.io/library/rust"
	startswith(input.image.tag, "1.95-")
}

deny_msg contains msg if {
	not allow
	input.image
	msg := sprintf("%s is not what this image is built from: see Dockerfile.rego", [input.image.ref])
}

decision := {"allow": allow, "deny_msg": deny_msg}
