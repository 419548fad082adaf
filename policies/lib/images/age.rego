# METADATA
# title: Age of images
# description: |
#   An image that nobody rebuilds collects known holes. Some images have no useful date: builds that are reproducible
#   set it to 1970 or to that of a commit. Those are old here; allow them by digest or repository instead.
package lib.images.age

nanoseconds_a_day := ((24 * 60) * 60) * 1000000000

# METADATA
# description: |
#   The image was made at most so many days ago, as its config says (`createdTime`). A date that lies more than a day
#   ahead is none.
# custom:
#   buildx: cannot look that up, so there this never holds
#   example: age.created_within(input.image, 90)
created_within(image, days) if days_ago(image.createdTime) <= days

# METADATA
# description: The image was built at most so many days ago, as its provenance says (`finishedOn`).
# custom:
#   example: age.built_within(input.image, 90)
built_within(image, days) if days_ago(image.provenance.finishedOn) <= days

days_ago(timestamp) := days if {
	days := (time.now_ns() - time.parse_rfc3339_ns(timestamp)) / nanoseconds_a_day
	days > -1
}

# METADATA
# description: Why the image isn't allowed by `created_within`.
denial(image, days) := message if {
	not created_within(image, days)
	message := sprintf("%s: made %s, and must not be older than %d days", [image.ref, made(image), days])
}

made(image) := image.createdTime

made(image) := "at an unknown time" if not image.createdTime

# METADATA
# description: Why the image isn't allowed by `built_within`.
denial_built(image, days) := message if {
	not built_within(image, days)
	message := sprintf("%s: needs provenance that says it was built within the last %d days", [image.ref, days])
}
