package lib.images.versions_test

import data.lib.images.versions

image(tag) := {"ref": concat(":", ["docker.io/library/golang", tag]), "tag": tag}

test_from_the_minimum_on if {
	every tag in ["1.24.0", "1.24", "1.25.3", "2.0.0", "2", "1.25.3-alpine3.22", "v1.24.1", "1.25-bookworm"] {
		versions.within(image(tag), {"min": "1.24"})
	}
}

test_not_before_the_minimum if {
	every tag in ["1.23.9", "1.23", "0.9.9", "1", "1-alpine"] {
		not versions.within(image(tag), {"min": "1.24"})
	}
}

test_below_the_end_of_the_range if {
	every tag in ["20.0.0", "20.99.99", "20", "20-slim"] {
		versions.within(image(tag), {"min": "20", "below": "21"})
	}
}

test_not_from_the_end_on if {
	every tag in ["21.0.0", "21", "20.19.0"] {
		not versions.within(image(tag), {"below": "20.19"})
	}
}

test_a_tag_stands_for_all_that_it_can_become if {
	not versions.within(image("1.25"), {"below": "1.25.9"})
	versions.within(image("1.25"), {"below": "1.26"})
	not versions.within(image("1"), {"below": "1.26"})
}

test_tags_without_version_are_denied if {
	every tag in ["latest", "alpine3.22", "x1.25.0", "1.25rc1", "1.25.0b2", ""] {
		not versions.within(image(tag), {"min": "1"})
	}
}

test_prereleases_are_denied if {
	every tag in ["1.25.0-rc1", "1.25.0-rc.1", "1.25-beta", "v1.25.0-alpha.2-slim", "1.25.0-RC2", "1.25.0-dev"] {
		not versions.within(image(tag), {"min": "1"})
	}
}

test_prereleases_are_allowed_where_wanted if {
	versions.within(image("1.25.0-rc1"), {"min": "1", "prereleases": true})
	not versions.within(image("1.25.0-rc1"), {"min": "1", "prereleases": false})
}

test_variants_are_no_prereleases if {
	every tag in ["1.25.0-devel", "1.25.0-preload", "3.12-rcx"] {
		versions.within(image(tag), {"min": "1"})
	}
}

test_numbers_are_compared_as_numbers if {
	versions.within(image("1.100.0"), {"min": "1.24"})
	versions.within(image("24.04"), {"min": "22.04", "below": "24.10"})
	versions.within(image("20250101.0.0"), {"min": "20241231"})
}

test_zeros_are_numbers if versions.within(image("0.0.0"), {"below": "0.0.1"})

test_a_misspelt_bound_lets_nothing_through if {
	not versions.within(image("1.25.0"), {"minimum": "2"})
	not versions.within(image("1.25.0"), {"min": "1", "max": "2"})
	not versions.within(image("1.25.0"), {})
}

test_a_bound_that_is_no_version_lets_nothing_through if {
	not versions.within(image("1.25.0"), {"min": "one"})
	not versions.within(image("1.25.0"), {"below": "latest"})
	not versions.within(image("1.25.0"), {"min": 1})
}

test_no_tag_is_denied if not versions.within({"ref": "x", "isCanonical": true}, {"min": "1"})

test_tags_of_repositories if versions.tag_within("v0.26.1", {"min": "0.26.0", "below": "1"})

test_the_denial_shows_the_range if {
	wanted := `docker.io/library/golang:1.23: the version must be in the range {"below": "2", "min": "1.24"}`
	versions.denial(image("1.23"), {"min": "1.24", "below": "2"}) == wanted
}

test_what_is_within_has_no_denial if not versions.denial(image("1.24"), {"min": "1.24"})

test_the_denial_of_a_tag if {
	wanted := `the version of the tag v0.25.0 must be in the range {"min": "0.26.0"}`
	versions.denial_tag("v0.25.0", {"min": "0.26.0"}) == wanted
	not versions.denial_tag("v0.26.1", {"min": "0.26.0"})
}

test_only_true_takes_prereleases if {
	not versions.within(image("1.25.0-rc1"), {"min": "1", "prereleases": "yes"})
}

test_zeros_at_the_end_are_kept if {
	versions.within(image("1.20.0"), {"min": "1.20", "below": "1.21"})
	not versions.within(image("1.2.0"), {"min": "1.20"})
}
