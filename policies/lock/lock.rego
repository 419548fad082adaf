# METADATA
# title: Only what is locked
# description: |
#   Allows a source only if the lock file has it, with the very digest, commit or checksum that it has now.
#   `policy-check lock` writes that file, `Dockerfile.lock.json`, beside the Dockerfile. It is read from the
#   build context, so keep it there. Sources that it doesn't name are denied, and so is what moved since it
#   was written. Folders of the client are allowed. BuildKit asks about a tag first, and then about the digest
#   that it loads, so a tag that moves in between gets nowhere.
package docker

# METADATA
# description: What `policy-check lock` wrote.
lock := content if {
	content := load_json(concat("", [input.env.filename, ".lock.json"]))
	content.version == 1
}

# METADATA
# scope: document
# description: What a source has to be, if the lock names it.
locked := lock.images[input.image.ref] if input.image

# An image that is asked for by its tag is asked for once more with its digest when it is loaded.
locked := lock.images[tagged] if {
	input.image.isCanonical
	not lock.images[input.image.ref]
}

locked := lock.git[concat("#", [input.git.remote, input.git.ref])] if input.git

locked := lock.http[input.http.url] if input.http

# What a layout is called changes from build to build.
locked := checksum if {
	checksum := input.ociLayout.checksum
	some name, digest in lock.images
	startswith(name, "oci-layout://")
	digest == checksum
}

tagged := concat(":", [input.image.fullRepo, input.image.tag])

# METADATA
# scope: document
# description: What a source is now.
found := input.image.checksum

found := input.git.commitChecksum

found := input.http.checksum

found := input.ociLayout.checksum

# METADATA
# scope: document
# description: What to call a source.
name := input.image.ref

name := concat("#", [input.git.remote, input.git.ref])

name := input.http.url

name := input.ociLayout.ref

default allow := false

allow if input.local

allow if found == locked

deny_msg contains message if {
	not locked
	message := sprintf("%s is not locked: run `policy-check lock` if it may be used", [name])
}

deny_msg contains message if {
	found != locked
	moved := "%s was locked as %s and is %s now: run `policy-check lock` if it may be"
	message := sprintf(moved, [name, locked, found])
}

decision := {"allow": allow, "deny_msg": deny_msg}
