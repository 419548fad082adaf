# METADATA
# title: What an image says of itself
# description: Labels and user of the image's config. Whoever pushes an image writes them.
package lib.images.config

# METADATA
# description: The image has all of these labels, and none is empty.
# custom:
#   example: config.labelled(input.image, {"org.opencontainers.image.source"})
labelled(image, names) if {
	every name in names {
		image.labels[name] != ""
	}
}

# METADATA
# description: Why the image isn't allowed by `labelled`.
denial_labels(image, names) := message if {
	missing := sort([name | some name in names; not labelled(image, [name])])
	count(missing) > 0
	message := sprintf("%s: labels are missing or empty: %s", [image.ref, concat(", ", missing)])
}

# METADATA
# description: Each of these labels has one of the values that are listed for it.
# custom:
#   example: |
#     config.label_values(input.image, {"org.opencontainers.image.vendor": {"Example Corp"}})
label_values(image, values) if {
	every name, allowed in values {
		image.labels[name] in allowed
	}
}

# METADATA
# description: Why the image isn't allowed by `label_values`.
denial_label_values(image, values) := message if {
	wrong := sort([name | some name, allowed in values; not label_values(image, {name: allowed})])
	count(wrong) > 0
	message := sprintf("%s: labels have other values than are allowed: %s", [image.ref, concat(", ", wrong)])
}

# METADATA
# description: |
#   The image's containers run as a user that isn't root: it is named, and neither `root` nor 0. A name could still
#   have the id 0 in the image's `/etc/passwd`; numbers can't.
# custom:
#   example: config.non_root(input.image)
non_root(image) if {
	user := split(image.user, ":")[0]
	not user in {"", "root"}
	not regex.match(`^[+-]?0+$`, user)
}

# METADATA
# description: Why the image isn't allowed by `non_root`.
denial_root(image) := message if {
	not non_root(image)
	message := sprintf("%s: its containers run as root; use an image with another USER", [image.ref])
}
