package lib.urls.checksums_test

import data.lib.urls.checksums

one := "sha256:1111111111111111111111111111111111111111111111111111111111111111"

two := "sha256:2222222222222222222222222222222222222222222222222222222222222222"

file := {"url": "https://example.com/a.tar", "checksum": one}

test_known if {
	checksums.known(file, {"https://example.com/a.tar": one})
	not checksums.known(file, {"https://example.com/a.tar": two})
	not checksums.known(file, {"https://example.com/b.tar": one})
	not checksums.known({"checksum": one}, {"": one})
}

test_one_of if {
	checksums.one_of(file, {two, one})
	not checksums.one_of(file, {two})
}

test_the_denial_shows_both if {
	wanted := sprintf("https://example.com/a.tar: expected %s, found %s", [two, one])
	checksums.denial(file, {"https://example.com/a.tar": two}) == wanted
	contains(checksums.denial(file, {}), "expected a checksum listed for this URL")
	not checksums.denial(file, {"https://example.com/a.tar": one})
}

test_the_denial_shows_what_was_found if {
	wanted := sprintf("https://example.com/a.tar: %s is not one of the known checksums", [one])
	checksums.denial_one_of(file, {two}) == wanted
	not checksums.denial_one_of(file, {one})
}

test_the_denial_of_what_is_not_listed if {
	wanted := sprintf("https://example.com/a.tar: expected a checksum listed for this URL, found %s", [one])
	checksums.denial(file, {}) == wanted
}
