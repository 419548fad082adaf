package docker

# Each test gives the policy an input and says what it must decide. To see the input of a real source:
#
#   policy-check eval --print docker-image://alpine:3.22

test_the_build_context_is_allowed if {
	decision.allow with input as {"local": {"name": "context"}}
}

test_other_folders_are_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"the folder home is none that this build may use"},
	} with input as {"local": {"name": "home"}}
}

test_a_version_in_the_range_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "docker.io/library/golang:1.25.3-alpine",
		"fullRepo": "docker.io/library/golang",
		"tag": "1.25.3-alpine",
	}}
}

test_an_old_version_is_denied if {
	result := decision with input as {"image": {
		"ref": "docker.io/library/golang:1.22",
		"fullRepo": "docker.io/library/golang",
		"tag": "1.22",
	}}
	not result.allow
	some message in result.deny_msg
	contains(message, "the version must be in the range")
}

test_another_image_is_denied if {
	result := decision with input as {"image": {
		"ref": "docker.io/library/busybox:1.37",
		"fullRepo": "docker.io/library/busybox",
		"tag": "1.37",
	}}
	not result.allow
	"docker.io/library/busybox:1.37: docker.io/library/busybox is not on the list of repositories" in result.deny_msg
}

test_a_tag_of_a_listed_repository_is_allowed if {
	decision.allow with input as {"git": {
		"remote": "https://github.com/moby/buildkit.git",
		"schema": "https",
		"tagName": "v0.26.1",
	}}
}

test_a_branch_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"https://github.com/moby/buildkit.git: the branch master is no tag like v[0-9]*"},
	} with input as {"git": {
		"remote": "https://github.com/moby/buildkit.git",
		"schema": "https",
		"branch": "master",
	}}
}

test_a_listed_host_is_allowed if {
	decision.allow with input as {"http": {
		"url": "https://example.com/a.tar.gz",
		"schema": "https",
		"host": "example.com",
	}}
}

test_another_host_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.org/a.tar.gz: files may come from example.com alone"},
	} with input as {"http": {
		"url": "https://example.org/a.tar.gz",
		"schema": "https",
		"host": "example.org",
	}}
}

test_another_repository_is_denied if {
	result := decision with input as {"git": {
		"remote": "https://example.com/tool.git",
		"schema": "https",
		"tagName": "v1.0.0",
	}}
	not result.allow
	"https://example.com/tool.git: this repository is not on the list" in result.deny_msg
}

test_the_oldest_version_that_is_allowed if {
	decision.allow with input as {"image": {
		"ref": "docker.io/library/alpine:3.20",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.20",
	}}
	not decision.allow with input as {"image": {
		"ref": "docker.io/library/alpine:3.19",
		"fullRepo": "docker.io/library/alpine",
		"tag": "3.19",
	}}
}
