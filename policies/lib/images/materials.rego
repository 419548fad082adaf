# METADATA
# title: What an image was built from
# description: |
#   The materials of a provenance are inputs like the image itself, so that the same rules can judge them: the images,
#   commits and files that went into an image, and into those in turn. Each level costs a lookup for each image that
#   is named; `depth` says how many levels are read, 4 at most. An image without provenance tells nothing of its
#   materials: `untold` finds those.
# custom:
#   buildx: reads the first level alone, so with a greater depth it allows no image that was built from another
package lib.images.materials

# METADATA
# scope: document
# description: |
#   All materials down to so many levels, each an input (`image`, `git` or `http`). Undefined for a depth that isn't
#   1, 2, 3 or 4.
# custom:
#   example: |
#     some material in materials.down_to(input.image, 2)
down_to(image, 1) := first(image)

down_to(image, 2) := all_of([first(image), second(image)])

down_to(image, 3) := all_of([first(image), second(image), third(image)])

down_to(image, 4) := all_of([first(image), second(image), third(image), below(third(image))])

# A built-in function would look at all that is in the materials, and so have it looked up.
all_of(levels) := [material | some level in levels; some material in level]

first(image) := [material | some material in image.provenance.materials]

second(image) := below(first(image))

third(image) := below(second(image))

below(materials) := [material |
	some above in materials
	some material in above.image.provenance.materials
]

# METADATA
# description: |
#   The image, and each image that it was built from down to so many levels, has provenance. Images on the last level
#   need none.
# custom:
#   example: materials.told(input.image, 2)
told(image, depth) if {
	image.hasProvenance
	image.provenance.predicateType
	count(untold(image, depth)) == 0
}

# METADATA
# scope: document
# description: References of the images above the last level that have no provenance.
# custom:
#   example: deny_msg contains sprintf("%s has no provenance", [ref]) if some ref in materials.untold(input.image, 2)
untold(_, 1) := set()

untold(image, depth) := {material.image.ref |
	some material in down_to(image, depth - 1)
	material.image
	not material.image.provenance.predicateType
} if {
	depth in {2, 3, 4}
}

# METADATA
# description: |
#   Everything that went into the image down to so many levels came from these places: images from `repositories`
#   (`fullRepo`), commits from `remotes`, files from `hosts`. Materials of other kinds are not allowed.
# custom:
#   example: |
#     materials.allowed(input.image, 2, {
#     	"repositories": {"docker.io/library/golang"},
#     	"remotes": {"https://github.com/our-org/app.git"},
#     	"hosts": set(),
#     })
allowed(image, depth, places) if {
	told(image, depth)
	every material in down_to(image, depth) {
		from(material, places)
	}
}

from(material, places) if material.image.fullRepo in places.repositories

from(material, places) if material.git.remote in places.remotes

from(material, places) if material.http.host in places.hosts

# METADATA
# description: Why the image isn't allowed by `allowed`.
denial(image, depth, places) := message if {
	not allowed(image, depth, places)
	strangers := {name(material) | some material in down_to(image, depth); not from(material, places)}
	causes := strangers | {concat("", [ref, " (no provenance)"]) | some ref in untold(image, depth)}
	message := sprintf("%s: not all that it was built from is allowed: %s", [image.ref, listed(causes)])
}

name(material) := material.image.ref

name(material) := material.git.remote

name(material) := material.http.url

listed(causes) := concat(", ", causes) if count(causes) > 0

listed(causes) := "it has no provenance" if count(causes) == 0
