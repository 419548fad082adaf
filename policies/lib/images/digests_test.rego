package lib.images.digests_test

import data.lib.images.digests

one := "sha256:1111111111111111111111111111111111111111111111111111111111111111"

two := "sha256:2222222222222222222222222222222222222222222222222222222222222222"

by_tag := {
	"ref": "docker.io/library/alpine:3.22",
	"fullRepo": "docker.io/library/alpine",
	"tag": "3.22",
	"checksum": one,
}

by_digest := object.union(by_tag, {"isCanonical": true})

test_a_digest_is_pinned if digests.pinned(by_digest)

test_a_tag_is_not if not digests.pinned(by_tag)

test_false_is_not if not digests.pinned(object.union(by_tag, {"isCanonical": false}))

test_the_denial_says_what_to_write if {
	wanted := "docker.io/library/alpine:3.22: name the digest as well, docker.io/library/alpine:3.22@sha256:…"
	digests.denial(by_tag) == wanted
}

test_what_is_pinned_has_no_denial if not digests.denial(by_digest)

test_a_known_digest_is_allowed if digests.known(by_tag, {"docker.io/library/alpine": {two, one}})

test_an_unknown_digest_is_denied if not digests.known(by_tag, {"docker.io/library/alpine": {two}})

test_a_digest_of_another_repository_is_denied if not digests.known(by_tag, {"docker.io/library/busybox": {one}})

test_the_denial_names_the_digest if {
	message := digests.denial_known(by_tag, {"docker.io/library/alpine": {two}})
	startswith(message, "docker.io/library/alpine:3.22: sha256:1111")
	endswith(message, " is not one of the known digests of docker.io/library/alpine")
}

test_what_is_known_has_no_denial if not digests.denial_known(by_tag, {"docker.io/library/alpine": [one]})

same(_, digest) if digest == two

test_a_listed_tag_is_pinned_to_its_digest if {
	digests.pin(by_tag, {"docker.io/library/alpine:3.22": two}) with pin_image as same
}

test_an_unlisted_tag_is_not_pinned if {
	not digests.pin(by_tag, {"docker.io/library/alpine:3.21": two}) with pin_image as same
}
