# METADATA
# title: Repositories that images may come from
# description: |
#   Repositories are compared by `input.image.fullRepo`, which has the registry: `docker.io/library/alpine`,
#   `ghcr.io/org/app`. `input.image.repo` leaves out `docker.io/library/`, but has the host of every other
#   registry, so lists of short names easily allow more or less than they say.
package lib.images.repositories

# METADATA
# description: The image is of one of these repositories.
# custom:
#   example: repositories.allowed(input.image, {"docker.io/library/alpine", "ghcr.io/our-org/base"})
allowed(image, repositories) if image.fullRepo in repositories

# METADATA
# description: |
#   The image lies below one of these paths, which end between two segments: `ghcr.io/our-org` has
#   `ghcr.io/our-org/app`, and not `ghcr.io/our-org-2/app`.
# custom:
#   example: repositories.below(input.image, {"ghcr.io/our-org"})
below(image, paths) if {
	some path in paths
	folder := trim_right(path, "/")
	folder != ""
	startswith(image.fullRepo, concat("", [folder, "/"]))
}

# METADATA
# scope: document
# description: |
#   The image is of the repository with this full name, or lies below it if it ends with a slash. For configuration
#   that says something about each of several repositories.
# custom:
#   example: |
#     some name, key in {"docker.io/library/alpine": "a.pub", "ghcr.io/our-org/": "b.pub"}
#     repositories.named(input.image, name)
named(image, name) if allowed(image, {name})

named(image, name) if {
	endswith(name, "/")
	below(image, {name})
}

# METADATA
# description: Why the image isn't allowed by `allowed`.
denial(image, repositories) := message if {
	not allowed(image, repositories)
	message := sprintf("%s: %s is not on the list of repositories", [image.ref, image.fullRepo])
}

# METADATA
# description: Why the image isn't allowed by `below`.
denial_below(image, paths) := message if {
	not below(image, paths)
	message := sprintf("%s: %s lies below none of %s", [image.ref, image.fullRepo, concat(", ", paths)])
}
