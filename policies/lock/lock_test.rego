package docker

two := "sha256:2222222222222222222222222222222222222222222222222222222222222222"

# What a lock file may say. Inputs are written out in each test, as `docker buildx policy test` needs them.
example := {
	"version": 1,
	"images": {
		"docker.io/library/alpine:3.22": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"docker.io/library/busybox@sha256:2222222222222222222222222222222222222222222222222222222222222222": two,
		"oci-layout://layouts/base:1": two,
	},
	"git": {"https://example.com/r.git#refs/heads/main": "3333333333333333333333333333333333333333"},
	"http": {"https://example.com/a": "sha256:1111111111111111111111111111111111111111111111111111111111111111"},
}

test_local_is_allowed if {
	allow with data.docker.lock as example with input as {"local": {"name": "context"}}
}

test_locked_tag_is_allowed if {
	allow with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/alpine:3.22",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.22",
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
}

test_locked_digest_is_allowed if {
	allow with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/alpine:3.22@sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.22",
		"isCanonical": true,
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
}

test_other_digest_is_denied if {
	not allow with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/alpine:3.22@sha256:2222222222222222222222222222222222222222222222222222222222222222",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.22",
		"isCanonical": true,
		"checksum": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
	}}
}

test_digest_without_tag_is_allowed if {
	allow with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/busybox@sha256:2222222222222222222222222222222222222222222222222222222222222222",
		"fullRepo": "docker.io/library/busybox",
		"isCanonical": true,
		"checksum": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
	}}
}

test_unknown_image_is_denied if {
	not allow with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/golang:1",
		"fullRepo": "docker.io/library/golang",
		"tag": "1",
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
	wanted := "docker.io/library/golang:1 is not locked: run `policy-check lock` if it may be used"
	deny_msg == {wanted} with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/golang:1",
		"fullRepo": "docker.io/library/golang",
		"tag": "1",
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
}

test_moved_tag_is_denied if {
	not allow with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/alpine:3.22",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.22",
		"checksum": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
	}}
	wanted := concat("", [
		"docker.io/library/alpine:3.22 was locked as ",
		example.images["docker.io/library/alpine:3.22"],
		" and is ",
		two,
		" now: run `policy-check lock` if it may be",
	])
	deny_msg == {wanted} with data.docker.lock as example with input as {"image": {
		"ref": "docker.io/library/alpine:3.22",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.22",
		"checksum": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
	}}
}

test_locked_commit_is_allowed if {
	allow with data.docker.lock as example with input as {"git": {
		"remote": "https://example.com/r.git",
		"ref": "refs/heads/main",
		"commitChecksum": "3333333333333333333333333333333333333333",
	}}
}

test_moved_branch_is_denied if {
	not allow with data.docker.lock as example with input as {"git": {
		"remote": "https://example.com/r.git",
		"ref": "refs/heads/main",
		"commitChecksum": "4444444444444444444444444444444444444444",
	}}
}

test_locked_file_is_allowed if {
	allow with data.docker.lock as example with input as {"http": {
		"url": "https://example.com/a",
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
}

test_changed_file_is_denied if {
	not allow with data.docker.lock as example with input as {"http": {
		"url": "https://example.com/a",
		"checksum": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
	}}
}

test_unknown_file_is_denied if {
	not allow with data.docker.lock as example with input as {"http": {
		"url": "https://example.com/b",
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
}

test_locked_layout_is_allowed if {
	allow with data.docker.lock as example with input as {"ociLayout": {
		"ref": "any/name:1",
		"checksum": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
	}}
}

# What each kind of source is called in a message.
test_messages[name] if {
	some name, source in {
		"https://example.com/r.git#refs/heads/dev": {"git": {
			"remote": "https://example.com/r.git",
			"ref": "refs/heads/dev",
		}},
		"https://example.com/b": {"http": {"url": "https://example.com/b"}},
		"layouts/base:1": {"ociLayout": {"ref": "layouts/base:1"}},
	}
	decision.allow == false with data.docker.lock as example with input as source
	wanted := sprintf("%s is not locked: run `policy-check lock` if it may be used", [name])
	decision.deny_msg == {wanted} with data.docker.lock as example with input as source
}

# Put in the place of `load_json`.
file("app.Dockerfile.lock.json") := example

test_file_beside_the_dockerfile_is_read if {
	allow with load_json as file with input as {
		"env": {"filename": "app.Dockerfile"},
		"image": {
			"ref": "docker.io/library/alpine:3.22",
			"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
		},
	}
}

# What moved is shown with both.
test_messages_of_what_moved[name] if {
	one := "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	some name, case in {
		"git": {
			"source": {"git": {
				"remote": "https://example.com/r.git",
				"ref": "refs/heads/main",
				"commitChecksum": "4",
			}},
			"said": ["https://example.com/r.git#refs/heads/main", "3333333333333333333333333333333333333333", "4"],
		},
		"http": {
			"source": {"http": {"url": "https://example.com/a", "checksum": "sha256:2"}},
			"said": ["https://example.com/a", one, "sha256:2"],
		},
	}
	result := decision with data.docker.lock as example with input as case.source
	wanted := sprintf("%s was locked as %s and is %s now: run `policy-check lock` if it may be", case.said)
	result == {"allow": false, "deny_msg": {wanted}}
}
