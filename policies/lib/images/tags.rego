# METADATA
# title: Tags that images may have
# description: |
#   Patterns are globs: `latest`, `*-rc*`, `v[0-9]*`. An image without a tag, by digest alone, has none that could
#   be forbidden. What a tag says is the word of whoever pushed it, so allow repositories as well.
package lib.images.tags

# METADATA
# description: Tags that by their name move with every release or every night.
moving := {"latest", "edge", "stable", "nightly", "canary", "dev", "main", "master", "unstable"}

# METADATA
# scope: document
# description: |
#   The image has a tag that none of the patterns matches, or a digest and no tag.
# custom:
#   example: tags.permitted(input.image, tags.moving | {"*-rc*"})
permitted(image, forbidden) if {
	is_list(forbidden)
	image.tag
	not matching(image.tag, forbidden)
}

permitted(image, forbidden) if {
	is_list(forbidden)
	not image.tag
	image.isCanonical
}

# A text alone would be a list of nothing.
is_list(patterns) if is_set(patterns)

is_list(patterns) if is_array(patterns)

matching(tag, patterns) if {
	some pattern in patterns
	glob.match(pattern, null, tag)
}

# METADATA
# description: Why the image isn't allowed by `permitted`.
denial(image, forbidden) := message if {
	not permitted(image, forbidden)
	message := sprintf("%s: this tag may not be used; name a version, or a digest alone", [image.ref])
}

# METADATA
# description: |
#   The image is none of the versions that are listed for its repository: those with a known hole, or that were
#   withdrawn. The list has patterns of tags, digests, or both, by repository. A tag that isn't listed may name the
#   content of one that is, so list digests for what must not come in by any name.
# custom:
#   example: |
#     tags.not_withdrawn(input.image, {"docker.io/library/node": {"22.3.*", "sha256:86915971d2ce…"}})
not_withdrawn(image, withdrawn) if {
	listed := object.get(withdrawn, image.fullRepo, [])
	is_list(listed)
	not has_tag_of(image, listed)
	has_no_digest_of(image, {digest | some digest in listed; startswith(digest, "sha256:")})
}

has_tag_of(image, listed) if matching(image.tag, listed)

has_no_digest_of(_, digests) if digests == set()

# Positive, for buildx doesn't look up all that stands under a negation.
has_no_digest_of(image, digests) if {
	digests != set()
	every digest in digests {
		image.checksum != digest
	}
}

# METADATA
# description: Why the image isn't allowed by `not_withdrawn`.
denial_withdrawn(image, withdrawn) := message if {
	not not_withdrawn(image, withdrawn)
	message := sprintf("%s: this version was withdrawn; use another one", [image.ref])
}
