package lib.images.age_test

import data.lib.images.age

# 2026-06-30T00:00:00Z
now := 1782777600000000000

created(timestamp) := {"ref": "docker.io/library/alpine:3.22", "createdTime": timestamp}

built(timestamp) := {"ref": "docker.io/library/alpine:3.22", "provenance": {"finishedOn": timestamp}}

test_a_young_image_is_allowed if age.created_within(created("2026-06-01T00:00:00Z"), 30) with time.now_ns as now

test_to_the_day if {
	age.created_within(created("2026-05-31T00:00:00Z"), 30) with time.now_ns as now
	not age.created_within(created("2026-05-30T23:59:59Z"), 30) with time.now_ns as now
}

test_fractions_and_zones if {
	age.created_within(created("2026-06-29T23:59:59.123456789+02:00"), 1) with time.now_ns as now
}

test_an_old_image_is_denied if not age.created_within(created("1970-01-01T00:00:00Z"), 365) with time.now_ns as now

test_a_clock_may_be_ahead_a_little if {
	age.created_within(created("2026-06-30T12:00:00Z"), 30) with time.now_ns as now
}

test_a_date_in_the_future_is_none if {
	not age.created_within(created("2027-01-01T00:00:00Z"), 30) with time.now_ns as now
}

test_no_date_is_denied if not age.created_within({"ref": "x"}, 30) with time.now_ns as now

test_the_denial_says_when if {
	wanted := "docker.io/library/alpine:3.22: made 2020-01-01T00:00:00Z, and must not be older than 90 days"
	age.denial(created("2020-01-01T00:00:00Z"), 90) == wanted with time.now_ns as now
}

test_the_denial_without_a_date if {
	wanted := "x: made at an unknown time, and must not be older than 90 days"
	age.denial({"ref": "x"}, 90) == wanted with time.now_ns as now
}

test_a_young_image_has_no_denial if not age.denial(created("2026-06-01T00:00:00Z"), 90) with time.now_ns as now

test_by_provenance if {
	age.built_within(built("2026-06-01T00:00:00Z"), 30) with time.now_ns as now
	not age.built_within(built("2026-05-01T00:00:00Z"), 30) with time.now_ns as now
	not age.built_within({"ref": "x"}, 30) with time.now_ns as now
}

test_the_denial_by_provenance if {
	wanted := "x: needs provenance that says it was built within the last 30 days"
	age.denial_built({"ref": "x"}, 30) == wanted with time.now_ns as now
}

test_a_young_build_has_no_denial if {
	not age.denial_built(built("2026-06-01T00:00:00Z"), 30) with time.now_ns as now
}

test_by_provenance_to_the_day if {
	age.built_within(built("2026-05-31T00:00:00Z"), 30) with time.now_ns as now
	not age.built_within(built("2026-05-30T23:59:59Z"), 30) with time.now_ns as now
}

test_a_day_ahead_is_too_much if {
	age.created_within(created("2026-06-30T23:59:59Z"), 30) with time.now_ns as now
	not age.created_within(created("2026-07-01T00:00:00Z"), 30) with time.now_ns as now
}
