package lib.locks.lockfile_test

import data.lib.locks.lockfile

one := "sha256:1111111111111111111111111111111111111111111111111111111111111111"

two := "sha256:2222222222222222222222222222222222222222222222222222222222222222"

lock := {
	"version": 1,
	"images": {"docker.io/library/alpine:3.22": one, "docker.io/library/busybox:1": two, "oci-layout://base:1": two},
	"git": {"https://example.com/r.git#refs/heads/main": "3333"},
	"http": {"https://example.com/a": one},
}

next_version := object.union(lock, {"version": 2})

run := "run `policy-check lock` if it may be"

image(checksum) := {
	"ref": "docker.io/library/alpine:3.22",
	"fullRepo": "docker.io/library/alpine",
	"tag": "3.22",
	"checksum": checksum,
}

by_digest(checksum) := object.union(image(checksum), {
	"ref": concat("@", ["docker.io/library/alpine:3.22", checksum]),
	"isCanonical": true,
})

branch(commit) := {"remote": "https://example.com/r.git", "ref": "refs/heads/main", "commitChecksum": commit}

file(checksum) := {"url": "https://example.com/a", "checksum": checksum}

test_image if {
	lockfile.locked_image(image(one), lock)
	not lockfile.locked_image(image(two), lock)
	not lockfile.locked_image(image(one), next_version)
	not lockfile.locked_image(image(one), {})
}

test_image_by_the_digest_of_its_tag if {
	lockfile.locked_image(by_digest(one), lock)
	not lockfile.locked_image(by_digest(two), lock)
}

# The tag decides nothing where the reference says something else.
test_only_digests_are_asked_for_again if {
	other := object.union(image(one), {"ref": "mirror.example.com/library/alpine:3.22"})
	not lockfile.locked_image(other, lock)
}

test_image_by_a_digest_that_is_locked_itself if {
	locked := object.union(lock, {"images": {by_digest(two).ref: two, "docker.io/library/alpine:3.22": one}})
	lockfile.locked_image(by_digest(two), locked)
	not lockfile.locked_image(object.union(by_digest(two), {"checksum": one}), locked)
}

test_the_denial_of_an_image if {
	ref := "docker.io/library/alpine:3.22"
	lockfile.denial_image(image(two), lock) == sprintf("%s was locked as %s and is %s now: %s", [ref, one, two, run])
	lockfile.denial_image(image(one), {}) == sprintf("%s is not locked: %s used", [ref, run])
	not lockfile.denial_image(image(one), lock)
}

test_commit if {
	lockfile.locked_commit(branch("3333"), lock)
	not lockfile.locked_commit(branch("4444"), lock)
	not lockfile.locked_commit(branch("3333"), next_version)
	not lockfile.locked_commit(object.union(branch("3333"), {"ref": "refs/heads/dev"}), lock)
}

test_the_denial_of_a_ref if {
	ref := "https://example.com/r.git#refs/heads/main"
	lockfile.denial_commit(branch("4444"), lock) == sprintf("%s was locked as 3333 and is 4444 now: %s", [ref, run])
	lockfile.denial_commit(branch("3333"), next_version) == sprintf("%s is not locked: %s used", [ref, run])
	not lockfile.denial_commit(branch("3333"), lock)
}

test_file if {
	lockfile.locked_file(file(one), lock)
	not lockfile.locked_file(file(two), lock)
	not lockfile.locked_file(file(one), next_version)
	not lockfile.locked_file(object.union(file(one), {"url": "https://example.com/b"}), lock)
}

test_the_denial_of_a_file if {
	url := "https://example.com/a"
	lockfile.denial_file(file(two), lock) == sprintf("%s was locked as %s and is %s now: %s", [url, one, two, run])
	lockfile.denial_file(file(one), {}) == sprintf("%s is not locked: %s used", [url, run])
	not lockfile.denial_file(file(one), lock)
}

test_layout if {
	lockfile.locked_layout({"ref": "x:1", "checksum": two}, lock)
	not lockfile.locked_layout({"ref": "x:1", "checksum": one}, lock)
	not lockfile.locked_layout({"ref": "x:1", "checksum": two}, next_version)
	not lockfile.locked_layout({"ref": "x:1"}, lock)
}

test_the_denial_of_a_layout if {
	lockfile.denial_layout({"ref": "x:1", "checksum": one}, lock) == sprintf("x:1 is not locked: %s used", [run])
	not lockfile.denial_layout({"ref": "x:1", "checksum": two}, lock)
}

test_layouts_are_not_locked_by_images if {
	not lockfile.locked_layout({"ref": "x:1", "checksum": one}, lock)
	strange := {"version": 1, "images": {"example.com/oci-layout://x:1": one}}
	not lockfile.locked_layout({"ref": "x:1", "checksum": one}, strange)
}
