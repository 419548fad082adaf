package docker

test_a_complete_version_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "docker.io/library/alpine:3.22.1",
		"tag": "3.22.1",
	}}
}

test_a_digest_is_allowed if {
	decision.allow with input as {"image": {
		"ref": "docker.io/library/alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"isCanonical": true,
	}}
}

test_latest_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {
			"docker.io/library/alpine:latest: this tag may not be used; name a version, or a digest alone",
			"docker.io/library/alpine:latest: this tag moves; name a complete version such as 1.2.3, or a digest",
		},
	} with input as {"image": {"ref": "docker.io/library/alpine:latest", "tag": "latest"}}
}

test_a_short_version_is_denied if {
	not decision.allow with input as {"image": {"ref": "docker.io/library/alpine:3", "tag": "3"}}
}

test_a_git_tag_is_allowed if {
	decision.allow with input as {"git": {"remote": "https://example.com/r.git", "tagName": "v1"}}
}

test_a_commit_is_allowed if {
	decision.allow with input as {"git": {"remote": "https://example.com/r.git", "isCommitRef": true}}
}

test_a_branch_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/r.git: name a tag or a commit"},
	} with input as {"git": {"remote": "https://example.com/r.git", "branch": "main"}}
}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}

test_a_tag_that_moves_beside_a_digest_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"x:latest@sha256:1: this tag may not be used; name a version, or a digest alone"},
	} with input as {"image": {"ref": "x:latest@sha256:1", "tag": "latest", "isCanonical": true}}
}

test_git_that_is_allowed_has_no_message if {
	deny_msg == set() with input as {"git": {"remote": "https://example.com/r.git", "tagName": "v1"}}
}
