# METADATA
# title: A policy to begin with
# description: |
#   Images of well-known registries, git repositories and files over encrypted connections. It denies what no rule
#   allows.
package docker

# Which sources may builds of this folder use? `policy-check dry-run .` decides about all of a build, and
# `docker buildx build` holds builds to it. Tests are in Dockerfile_test.rego: `policy-check test .`

# What no rule allows is denied.
default allow := false

# The build context and the Dockerfile itself. Builds with a Dockerfile on this machine need it.
allow if input.local

# Change this: the registries that you trust. Better still, list repositories: see below.
trusted_registries := {"docker.io", "ghcr.io", "dhi.io"}

allow if input.image.host in trusted_registries

# To allow only some repositories, replace the rule above by this one. `fullRepo` is the whole name:
#
#   trusted_repositories := {"docker.io/library/alpine", "ghcr.io/our-org/base"}
#
#   allow if input.image.fullRepo in trusted_repositories
#
# To demand that the Dockerfile names the digest as well, add this line to the rule's body:
#
#   input.image.isCanonical

# Git repositories that nobody on the way can change.
allow if input.git.schema in {"https", "ssh"}

# Files that `ADD` downloads.
allow if input.http.schema == "https"

# Why something is denied: what to say to somebody who has to do something about it.
deny_msg contains message if {
	input.image
	not allow
	message := sprintf("%s: %s is no registry that we trust; see trusted_registries in Dockerfile.rego", [
		input.image.ref,
		input.image.host,
	])
}

deny_msg contains message if {
	input.git
	not allow
	message := sprintf("%s: fetch it by https or ssh", [input.git.remote])
}

deny_msg contains message if {
	input.http
	not allow
	message := sprintf("%s: use https", [input.http.url])
}

# What is asked for. Everything above only serves it.
decision := {"allow": allow, "deny_msg": deny_msg}
