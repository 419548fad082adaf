package docker

one := concat("", ["sha256:", "1111111111111111111111111111111111111111111111111111111111111111"])

two := concat("", ["sha256:", "2222222222222222222222222222222222222222222222222222222222222222"])

commit := "3333333333333333333333333333333333333333"

example := {
	"version": 1,
	"images": {
		"docker.io/library/alpine:3.22": one,
		concat("@", ["docker.io/library/busybox", two]): two,
		"oci-layout://layouts/base:1": two,
	},
	"git": {"https://example.com/r.git#refs/heads/main": commit},
	"http": {"https://example.com/a": one},
}

by_digest(digest) := {"image": {
	"ref": concat("@", ["docker.io/library/alpine:3.22", digest]),
	"fullRepo": "docker.io/library/alpine",
	"tag": "3.22",
	"isCanonical": true,
	"checksum": digest,
}}

git(id) := {"git": {"remote": "https://example.com/r.git", "ref": "refs/heads/main", "commitChecksum": id}}

test_local_is_allowed if {
	allow with input as {"local": {"name": "context"}} with data.docker.lock as example
}

test_locked_digest_is_allowed if {
	allow with input as by_digest(one) with data.docker.lock as example
}

test_other_digest_is_denied if {
	not allow with input as by_digest(two) with data.docker.lock as example
}

test_digest_without_tag_is_allowed if {
	allow with input as {"image": {
		"ref": concat("@", ["docker.io/library/busybox", two]),
		"fullRepo": "docker.io/library/busybox",
		"isCanonical": true,
		"checksum": two,
	}} with data.docker.lock as example
}

test_unknown_image_is_denied if {
	image := {"image": {"ref": "docker.io/library/golang:1", "checksum": one}}
	not allow with input as image with data.docker.lock as example
	"docker.io/library/golang:1 is not locked: run `policy-check lock` if it may be used" in deny_msg with input as image with data.docker.lock as example
}

test_moved_tag_is_denied if {
	image := {"image": {"ref": "docker.io/library/alpine:3.22", "checksum": two}}
	not allow with input as image with data.docker.lock as example
	count(deny_msg) == 1 with input as image with data.docker.lock as example
}

test_locked_commit_is_allowed if {
	allow with input as git(commit) with data.docker.lock as example
}

test_moved_branch_is_denied if {
	not allow with input as git("4444444444444444444444444444444444444444") with data.docker.lock as example
}

test_locked_file_is_allowed if {
	allow with input as {"http": {"url": "https://example.com/a", "checksum": one}} with data.docker.lock as example
}

test_changed_file_is_denied if {
	not allow with input as {"http": {"url": "https://example.com/a", "checksum": two}} with data.docker.lock as example
}

test_unknown_file_is_denied if {
	not allow with input as {"http": {"url": "https://example.com/b", "checksum": one}} with data.docker.lock as example
}

test_locked_layout_is_allowed if {
	allow with input as {"ociLayout": {"ref": "x", "checksum": two}} with data.docker.lock as example
}

test_unknown_layout_is_denied if {
	not allow with input as {"ociLayout": {"ref": "x", "checksum": one}} with data.docker.lock as example
}
