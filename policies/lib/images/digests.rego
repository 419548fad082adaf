# METADATA
# title: Images by digest
# description: |
#   A tag can be moved to other content; a digest is the content. BuildKit asks about an image that is named by a
#   tag once more with its digest, when it loads it. `pinned` demands the digest in the Dockerfile itself.
package lib.images.digests

# METADATA
# description: The reference in the build has a digest.
# custom:
#   example: digests.pinned(input.image)
pinned(image) if image.isCanonical

# METADATA
# description: Why the image isn't allowed by `pinned`.
denial(image) := message if {
	not pinned(image)
	message := sprintf("%s: name the digest as well, %s@sha256:…", [image.ref, image.ref])
}

# METADATA
# description: |
#   The image has one of the digests that are listed for its repository, however the build refers to it.
# custom:
#   example: |
#     digests.known(input.image, {"docker.io/library/alpine": {"sha256:4bcff63911fc…"}})
known(image, digests) if image.checksum in digests[image.fullRepo]

# METADATA
# description: Why the image isn't allowed by `known`.
denial_known(image, digests) := message if {
	not known(image, digests)
	message := sprintf("%s: %s is not one of the known digests of %s", [image.ref, image.checksum, image.fullRepo])
}

# METADATA
# description: |
#   True, and the build uses the digest that is listed for this repository and tag instead of what the tag names
#   now. Asks for no metadata. Use it in the rule that allows, with `input.image` itself.
# custom:
#   example: |
#     digests.pin(input.image, {"docker.io/library/alpine:3.22": "sha256:4bcff63911fc…"})
pin(image, digests) if pin_image(image, digests[concat(":", [image.fullRepo, image.tag])])
