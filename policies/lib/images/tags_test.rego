package lib.images.tags_test

import data.lib.images.tags

digest := "sha256:1111111111111111111111111111111111111111111111111111111111111111"

tagged(tag) := {
	"ref": concat(":", ["docker.io/library/node", tag]),
	"fullRepo": "docker.io/library/node",
	"tag": tag,
	"checksum": digest,
}

by_digest := {
	"ref": concat("@", ["docker.io/library/node", digest]),
	"fullRepo": "docker.io/library/node",
	"isCanonical": true,
	"checksum": digest,
}

test_a_version_is_permitted if tags.permitted(tagged("22.4.0"), tags.moving)

test_latest_is_not if not tags.permitted(tagged("latest"), tags.moving)

test_patterns_are_globs if not tags.permitted(tagged("23.0.0-rc1"), {"*-rc*"})

test_patterns_match_whole_tags if tags.permitted(tagged("latest-alpine"), {"latest"})

test_dots_are_nothing_special if not tags.permitted(tagged("22.3.1"), {"22.*"})

test_a_forbidden_tag_stays_forbidden_with_a_digest if {
	not tags.permitted(object.union(by_digest, {"tag": "latest"}), tags.moving)
}

test_a_digest_alone_is_permitted if tags.permitted(by_digest, tags.moving)

test_neither_tag_nor_digest_is_denied if not tags.permitted({"ref": "x"}, tags.moving)

test_the_denial_says_what_to_write if {
	wanted := "docker.io/library/node:latest: this tag may not be used; name a version, or a digest alone"
	tags.denial(tagged("latest"), tags.moving) == wanted
}

test_what_is_permitted_has_no_denial if not tags.denial(tagged("22.4.0"), tags.moving)

test_other_versions_are_not_withdrawn if {
	tags.not_withdrawn(tagged("22.4.0"), {"docker.io/library/node": {"22.3.*"}})
}

test_a_withdrawn_version_is_denied if {
	not tags.not_withdrawn(tagged("22.3.1"), {"docker.io/library/node": {"22.3.*"}})
}

test_a_withdrawn_digest_is_denied_by_any_name if {
	not tags.not_withdrawn(tagged("22.4.0"), {"docker.io/library/node": {digest}})
	not tags.not_withdrawn(by_digest, {"docker.io/library/node": {digest}})
}

test_a_pattern_is_no_digest if tags.not_withdrawn(by_digest, {"docker.io/library/node": {"22.3.*"}})

test_other_repositories_are_not_withdrawn if {
	tags.not_withdrawn(tagged("22.3.1"), {"docker.io/library/golang": {"22.3.*"}})
}

test_what_is_no_image_is_not_let_through if not tags.not_withdrawn({}, {"docker.io/library/node": {"*"}})

test_the_denial_of_a_withdrawn_version if {
	wanted := "docker.io/library/node:22.3.1: this version was withdrawn; use another one"
	tags.denial_withdrawn(tagged("22.3.1"), {"docker.io/library/node": ["22.3.1"]}) == wanted
}

test_what_is_not_withdrawn_has_no_denial if not tags.denial_withdrawn(by_digest, {})

test_a_text_is_no_list if {
	not tags.permitted({"tag": "3.22"}, "latest")
	not tags.permitted({"isCanonical": true}, "latest")
	not tags.not_withdrawn({"fullRepo": "x", "tag": "1"}, {"x": "2"})
	not tags.not_withdrawn({"fullRepo": "x", "tag": "1"}, json.unmarshal(`"x"`))
}

test_lists_are_sets_or_arrays if {
	tags.permitted({"tag": "3.22"}, ["latest"])
	not tags.permitted({"tag": "3.22"}, ["3.*"])
	not tags.not_withdrawn({"fullRepo": "x", "tag": "1"}, {"x": ["1"]})
}

test_a_digest_that_nobody_knows_is_not_trusted if {
	not tags.not_withdrawn({"fullRepo": "x", "tag": "1"}, {"x": {"sha256:1"}})
}

test_tags_that_move if {
	every tag in ["latest", "edge", "stable", "nightly", "canary", "dev", "main", "master", "unstable"] {
		not tags.permitted(tagged(tag), tags.moving)
	}
}
