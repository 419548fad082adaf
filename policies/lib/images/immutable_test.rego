package lib.images.immutable_test

import data.lib.images.immutable

one := "sha256:1111111111111111111111111111111111111111111111111111111111111111"

two := "sha256:2222222222222222222222222222222222222222222222222222222222222222"

tagged(tag) := {
	"ref": concat(":", ["docker.io/library/alpine", tag]),
	"fullRepo": "docker.io/library/alpine",
	"tag": tag,
	"checksum": one,
}

test_complete_versions if {
	every tag in ["3.22.1", "v1.2.3", "1.25.3-alpine3.22", "10.0.100", "1.2.3.4", "24.04.20250101"] {
		immutable.complete(tagged(tag))
	}
}

test_tags_that_move if {
	every tag in ["latest", "3", "3.22", "v1", "3.22-slim", "x1.2.3", "1.2.3x"] {
		not immutable.complete(tagged(tag))
	}
}

test_a_digest_does_not_move if immutable.complete(object.union(tagged("latest"), {"isCanonical": true}))

test_neither_tag_nor_digest_is_denied if not immutable.complete({"ref": "x"})

test_the_denial_says_what_to_write if {
	wanted := "docker.io/library/alpine:3: this tag moves; name a complete version such as 1.2.3, or a digest"
	immutable.denial(tagged("3")) == wanted
}

test_a_complete_version_has_no_denial if not immutable.denial(tagged("3.22.1"))

test_an_unmoved_tag_is_allowed if immutable.unmoved(tagged("3.22.1"), {"docker.io/library/alpine:3.22.1": one})

test_a_moved_tag_is_denied if not immutable.unmoved(tagged("3.22.1"), {"docker.io/library/alpine:3.22.1": two})

test_an_unrecorded_version_is_denied if not immutable.unmoved(tagged("3.22.2"), {})

test_other_tags_may_move if immutable.unmoved(tagged("3.22"), {})

test_a_recorded_tag_of_any_kind_counts if immutable.unmoved(tagged("3.22"), {"docker.io/library/alpine:3.22": one})

test_no_tag_at_all_is_denied if not immutable.unmoved({"ref": "x", "checksum": one}, {})

test_the_denial_shows_both_digests if {
	wanted := sprintf("docker.io/library/alpine:3.22.1: expected %s, found %s", [two, one])
	immutable.denial_unmoved(tagged("3.22.1"), {"docker.io/library/alpine:3.22.1": two}) == wanted
}

test_the_denial_of_an_unrecorded_version if {
	message := immutable.denial_unmoved(tagged("3.22.1"), {})
	contains(message, "expected a digest recorded for this version, found sha256:1111")
}

test_an_unmoved_tag_has_no_denial if {
	not immutable.denial_unmoved(tagged("3.22.1"), {"docker.io/library/alpine:3.22.1": one})
}

test_digests_are_compared_whole if {
	not immutable.unmoved(object.union(tagged("3.22.1"), {"checksum": two}), {"docker.io/library/alpine:3.22.1": one})
}
