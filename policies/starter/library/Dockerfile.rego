# METADATA
# title: A policy with the library
# description: |
#   Versions of listed repositories, tags of listed git repositories, files of listed hosts, by functions of the
#   library, which comes along in `lib/`.
package docker

# Which sources may builds of this folder use? `policy-check dry-run .` decides about all of a build, and
# `docker buildx build` holds builds to it. Tests are in Dockerfile_test.rego: `policy-check test .`

# Each import is a file below `lib/`, which lies in the build context's root.
import data.lib.git.refs
import data.lib.git.remotes
import data.lib.images.repositories
import data.lib.images.versions
import data.lib.locals.contexts
import data.lib.urls.hosts

# What no rule allows is denied.
default allow := false

allow if contexts.standard(input.local)

# Change this: what you trust.
trusted := {
	"images": {
		"docker.io/library/alpine": {"min": "3.20", "below": "4"},
		"docker.io/library/golang": {"min": "1.24"},
	},
	"git": {"https://github.com/moby/buildkit.git"},
	"hosts": {"example.com"},
}

allow if versions.within(input.image, trusted.images[input.image.fullRepo])

allow if {
	remotes.allowed(input.git, trusted.git)
	refs.tagged(input.git, {"v[0-9]*"})
}

allow if hosts.allowed(input.http, trusted.hosts)

# Why something is denied. Each function that decides has one that says why.
deny_msg contains repositories.denial(input.image, object.keys(trusted.images))

deny_msg contains versions.denial(input.image, trusted.images[input.image.fullRepo])

deny_msg contains remotes.denial(input.git, trusted.git)

deny_msg contains refs.denial_tag(input.git, {"v[0-9]*"})

deny_msg contains hosts.denial(input.http, trusted.hosts)

deny_msg contains contexts.denial(input.local, set())

# What is asked for. Everything above only serves it.
decision := {"allow": allow, "deny_msg": deny_msg}
