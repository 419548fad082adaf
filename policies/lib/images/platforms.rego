# METADATA
# title: Platforms that images may be for
# description: The platform is the one that the build asks for, as `os/architecture` without a variant.
package lib.images.platforms

# METADATA
# description: The image is for one of these platforms.
# custom:
#   example: platforms.allowed(input.image, {"linux/amd64", "linux/arm64"})
allowed(image, platforms) if concat("/", [image.os, image.arch]) in platforms

# METADATA
# description: Why the image isn't allowed by `allowed`.
denial(image, platforms) := message if {
	not allowed(image, platforms)
	message := sprintf("%s: images may be for %s", [image.ref, concat(", ", platforms)])
}
