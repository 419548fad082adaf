# METADATA
# title: Sources that are locked
# description: |
#   `policy-check lock` writes down what the sources of a build are: [locks](../docs/lock.md). `lock` is the content of
#   that file, as `load_json("Dockerfile.lock.json")` gives it. A source is locked if the file names it, and if it is
#   now what the file says; asking for that costs a lookup. In a file of another version than 1 nothing is locked.
package lib.locks.lockfile

# METADATA
# description: |
#   The image has the digest that is locked for its reference. One that is loaded by its digest, as BuildKit does after
#   it has asked about a tag, has that of its tag.
# custom:
#   example: lockfile.locked_image(input.image, load_json("Dockerfile.lock.json"))
locked_image(image, lock) if image.checksum == of_image(image, lock)

# METADATA
# scope: document
# description: Why the image isn't allowed by `locked_image`.
denial_image(image, lock) := message if {
	not locked_image(image, lock)
	message := moved(image.ref, of_image(image, lock), image.checksum)
}

denial_image(image, lock) := unknown(image.ref) if not of_image(image, lock)

of_image(image, lock) := entries(lock, "images")[image.ref]

of_image(image, lock) := entries(lock, "images")[concat(":", [image.fullRepo, image.tag])] if {
	image.isCanonical
	not lock.images[image.ref]
}

# METADATA
# description: The ref names the commit that is locked for it.
# custom:
#   example: lockfile.locked_commit(input.git, load_json("Dockerfile.lock.json"))
locked_commit(git, lock) if git.commitChecksum == of_git(git, lock)

# METADATA
# scope: document
# description: Why the ref isn't allowed by `locked_commit`.
denial_commit(git, lock) := message if {
	not locked_commit(git, lock)
	message := moved(git_name(git), of_git(git, lock), git.commitChecksum)
}

denial_commit(git, lock) := unknown(git_name(git)) if not of_git(git, lock)

of_git(git, lock) := entries(lock, "git")[git_name(git)]

git_name(git) := concat("#", [git.remote, git.ref])

# METADATA
# description: The file has the checksum that is locked for its URL.
# custom:
#   example: lockfile.locked_file(input.http, load_json("Dockerfile.lock.json"))
locked_file(file, lock) if file.checksum == of_file(file, lock)

# METADATA
# scope: document
# description: Why the file isn't allowed by `locked_file`.
denial_file(file, lock) := message if {
	not locked_file(file, lock)
	message := moved(file.url, of_file(file, lock), file.checksum)
}

denial_file(file, lock) := unknown(file.url) if not of_file(file, lock)

of_file(file, lock) := entries(lock, "http")[file.url]

# METADATA
# description: |
#   The image in an OCI layout has one of the digests that are locked for layouts: what a layout is called changes from
#   build to build.
# custom:
#   example: lockfile.locked_layout(input.ociLayout, load_json("Dockerfile.lock.json"))
locked_layout(layout, lock) if {
	some name, digest in entries(lock, "images")
	startswith(name, "oci-layout://")
	digest == layout.checksum
}

# METADATA
# description: Why the image in a layout isn't allowed by `locked_layout`.
denial_layout(layout, lock) := unknown(layout.ref) if not locked_layout(layout, lock)

entries(lock, kind) := lock[kind] if lock.version == 1

unknown(name) := sprintf("%s is not locked: run `policy-check lock` if it may be used", [name])

moved(name, locked, found) := sprintf("%s was locked as %s and is %s now: run `policy-check lock` if it may be", [
	name,
	locked,
	found,
])
