package docker

# Each test gives the policy an input and says what it must decide. To see the input of a real source:
#
#   policy-check eval --print docker-image://alpine:3.22

test_the_build_context_is_allowed if {
	decision.allow with input as {"local": {"name": "context"}}
}

test_other_folders_are_denied if {
	result := decision with input as {"local": {"name": "home"}}
	result == {
		"allow": false,
		"deny_msg": {"the folder home is neither the build context nor that of the Dockerfile"},
	}
}

test_a_listed_image_by_digest_is_allowed if {
	decision.allow with input as {"image": {
		"ref": "docker.io/library/alpine:3.22@sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"fullRepo": "docker.io/library/alpine",
		"isCanonical": true,
	}}
}

test_a_tag_alone_is_denied if {
	result := decision with input as {"image": {
		"ref": "docker.io/library/alpine:3.22",
		"fullRepo": "docker.io/library/alpine",
		"isCanonical": false,
	}}
	not result.allow
	some message in result.deny_msg
	contains(message, "name the digest as well")
}

test_another_image_is_denied if {
	result := decision with input as {"image": {
		"ref": "docker.io/library/busybox@sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"fullRepo": "docker.io/library/busybox",
		"isCanonical": true,
	}}
	not result.allow
	some message in result.deny_msg
	contains(message, "docker.io/library/busybox is not on the list")
}

test_a_commit_of_a_listed_repository_is_allowed if {
	decision.allow with input as {"git": {"remote": "https://github.com/moby/buildkit.git", "isCommitRef": true}}
}

test_a_branch_is_denied if {
	result := decision with input as {"git": {"remote": "https://github.com/moby/buildkit.git", "isCommitRef": false}}
	not result.allow
	"https://github.com/moby/buildkit.git: name a commit by its full id" in result.deny_msg
}

test_another_repository_is_denied if {
	result := decision with input as {"git": {"remote": "https://example.com/tool.git", "isCommitRef": true}}
	not result.allow
	"https://example.com/tool.git is not on the list of git repositories in Dockerfile.rego" in result.deny_msg
}

test_a_file_with_its_checksum_is_allowed if {
	decision.allow with input as {"http": {
		"url": "https://example.com/tool.tar.gz",
		"checksum": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
	}}
}

test_a_changed_file_is_denied if {
	result := decision with input as {"http": {
		"url": "https://example.com/tool.tar.gz",
		"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
	}}
	not result.allow
	some message in result.deny_msg
	contains(message, "another checksum")
}

test_what_no_rule_knows_is_denied if {
	not decision.allow with input as {"env": {"filename": "Dockerfile"}}
}

test_the_dockerfile_is_allowed if decision.allow with input as {"local": {"name": "dockerfile"}}

test_each_listed_repository_is_allowed_without_a_message if {
	every name in ["docker.io/library/alpine", "docker.io/library/golang"] {
		decision == {"allow": true, "deny_msg": set()} with input as {"image": {
			"ref": concat("@", [name, "sha256:1111111111111111111111111111111111111111111111111111111111111111"]),
			"fullRepo": name,
			"isCanonical": true,
		}}
	}
}
