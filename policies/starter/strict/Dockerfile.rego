# METADATA
# title: A strict policy to begin with
# description: |
#   Images by digest from listed repositories, git repositories from a list by commit, files by checksum. It denies
#   what no rule allows.
package docker

# Which sources may builds of this folder use? `policy-check dry-run .` decides about all of a build, and
# `docker buildx build` holds builds to it. Tests are in Dockerfile_test.rego: `policy-check test .`

# What no rule allows is denied.
default allow := false

# The build context and the Dockerfile itself, and no other folders.
allow if input.local.name in {"dockerfile", "context"}

# Change this: the repositories that images may come from, by their whole name (`input.image.fullRepo`).
repositories := {"docker.io/library/alpine", "docker.io/library/golang"}

# Write `FROM alpine:3.22@sha256:…`: a tag can be moved to other content, a digest can't.
allow if {
	input.image.fullRepo in repositories
	input.image.isCanonical
}

# Change this: the git repositories that may be cloned.
remotes := {"https://github.com/moby/buildkit.git"}

# Write `ADD https://…/repo.git#<commit>`, with the commit's full id.
allow if {
	input.git.remote in remotes
	input.git.isCommitRef
}

# Change this: the files that may be downloaded, and what they have to be. Whoever changes one of them has to change it
# here.
files := {"https://example.com/tool.tar.gz": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}

allow if input.http.checksum == files[input.http.url]

# Why something is denied: what to say to somebody who has to do something about it.
deny_msg contains message if {
	input.image
	not input.image.fullRepo in repositories
	message := sprintf("%s: %s is not on the list of repositories in Dockerfile.rego", [
		input.image.ref,
		input.image.fullRepo,
	])
}

deny_msg contains message if {
	input.image
	not input.image.isCanonical
	message := sprintf("%s: name the digest as well, %s@sha256:…", [input.image.ref, input.image.ref])
}

deny_msg contains message if {
	input.git
	not input.git.remote in remotes
	message := sprintf("%s is not on the list of git repositories in Dockerfile.rego", [input.git.remote])
}

deny_msg contains message if {
	input.git
	not input.git.isCommitRef
	message := sprintf("%s: name a commit by its full id", [input.git.remote])
}

deny_msg contains message if {
	input.http
	not allow
	message := sprintf("%s: it has no entry in the files of Dockerfile.rego, or another checksum", [input.http.url])
}

deny_msg contains message if {
	input.local
	not allow
	message := sprintf("the folder %s is neither the build context nor that of the Dockerfile", [input.local.name])
}

# What is asked for. Everything above only serves it.
decision := {"allow": allow, "deny_msg": deny_msg}
