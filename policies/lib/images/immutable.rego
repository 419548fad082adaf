# METADATA
# title: Tags that don't move
# description: |
#   Publishers move `3` and `3.22` with each release, and by convention leave `3.22.1` alone. `complete` demands
#   such a tag; `unmoved` holds it to the digest that it had when somebody wrote it down.
package lib.images.immutable

# METADATA
# scope: document
# description: The tag is a complete version (`3.22.1`, `v1.2.3`, `1.25.3-alpine3.22`), or there is a digest.
# custom:
#   example: immutable.complete(input.image)
complete(image) if image.isCanonical

complete(image) if complete_tag(image.tag)

complete_tag(tag) if regex.match(`^v?\d+\.\d+\.\d+([-+_.].*)?$`, tag)

# METADATA
# description: Why the image isn't allowed by `complete`.
denial(image) := message if {
	not complete(image)
	message := sprintf("%s: this tag moves; name a complete version such as 1.2.3, or a digest", [image.ref])
}

# METADATA
# scope: document
# description: |
#   The tag of a complete version still names the digest that is recorded for it. Tags that aren't complete versions
#   may move. A complete version that nobody recorded is denied.
# custom:
#   example: |
#     immutable.unmoved(input.image, {"docker.io/library/alpine:3.22.1": "sha256:4bcff63911fc…"})
unmoved(image, recorded) if image.checksum == recorded[concat(":", [image.fullRepo, image.tag])]

unmoved(image, _) if {
	image.tag
	not complete_tag(image.tag)
}

# METADATA
# description: Why the image isn't allowed by `unmoved`.
denial_unmoved(image, recorded) := message if {
	not unmoved(image, recorded)
	name := concat(":", [image.fullRepo, image.tag])
	message := sprintf("%s: expected %s, found %s", [
		image.ref,
		object.get(recorded, name, "a digest recorded for this version"),
		image.checksum,
	])
}
