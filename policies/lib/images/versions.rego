# METADATA
# title: Ranges of versions
# description: |
#   Versions are the numbers at the start of a tag: `1.25.3-alpine3.22` is 1.25.3 in the variant `alpine3.22`. As
#   semantic versions go, that would be a pre-release *before* 1.25.3, which is why `semver.compare` refuses most
#   images of Docker Hub. A tag with fewer numbers stands for all versions that begin with them, and is in a range
#   only if all of those are: `1.25` is not below `1.25.9`.
#
#   Beside a digest a tag decides nothing: `golang:1.25@sha256:…` is whatever has the digest, in this repository. Allow
#   repositories as well, and digests where the Dockerfile's author is not to be trusted.
#
#   A range is an object with `min` (included), `below` (not included), or both, and `prereleases: true` to take
#   release candidates and the like. Other names, and bounds that are no versions, let nothing through.
package lib.images.versions

# METADATA
# description: All that the tag can stand for is in the range.
# custom:
#   example: |
#     versions.within(input.image, {"min": "1.24", "below": "2"})
within(image, range) if tag_within(image.tag, range)

# METADATA
# description: As `within`, for a tag. Tags of git repositories have versions, too.
# custom:
#   example: |
#     versions.tag_within(input.git.tagName, {"min": "0.26.0"})
tag_within(tag, range) if {
	valid(range)
	version := parts(tag)
	lowest(version) >= start(range)
	highest(version) < end(range)
	release_or_wanted(tag, range)
}

# METADATA
# description: Why the tag isn't allowed by `tag_within`.
denial_tag(tag, range) := message if {
	not tag_within(tag, range)
	message := sprintf("the version of the tag %s must be in the range %v", [tag, range])
}

# METADATA
# description: Why the image isn't allowed by `within`.
denial(image, range) := message if {
	not within(image, range)
	message := sprintf("%s: the version must be in the range %v", [image.ref, range])
}

# A misspelt bound must not be a missing one.
valid(range) if {
	count(range) > 0
	every name, _ in range {
		name in {"min", "below", "prereleases"}
	}
}

start(range) := lowest(parts(range.min))

start(range) := [0, 0, 0] if not has(range, "min")

end(range) := lowest(parts(range.below))

# Above every version: lists compare above numbers.
end(range) := [[]] if not has(range, "below")

has(range, name) if name in object.keys(range)

release_or_wanted(_, range) if range.prereleases == true

release_or_wanted(tag, _) if not prerelease(tag)

prerelease(tag) if {
	unfinished := `alpha|beta|canary|dev|ea|next|nightly|pre|preview|rc|snapshot`
	regex.match(sprintf(`(?i)^v?\d+(\.\d+)*[-+_.]?(%s)([-+_.\d]|$)`, [unfinished]), tag)
}

# The one to three numbers that a tag begins with.
parts(tag) := [number(text) |
	some text in array.slice(match[0], 1, 4)
	text != ""
] if {
	match := regex.find_all_string_submatch_n(`^v?(\d+)(?:\.(\d+)(?:\.(\d+)(?:\.\d+)*)?)?(?:$|[-+_])`, tag, 1)
	count(match) == 1
}

# `24.04` has a number with a leading zero, which is no JSON.
number(text) := to_number(digits) if {
	digits := trim_left(text, "0")
	digits != ""
}

number(text) := 0 if trim_left(text, "0") == ""

lowest(version) := array.slice(array.concat(version, [0, 0]), 0, 3)

highest(version) := array.slice(array.concat(version, [[], []]), 0, 3)
