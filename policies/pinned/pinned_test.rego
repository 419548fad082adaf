package docker

test_a_digest_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "docker.io/library/alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111",
		"isCanonical": true,
	}}
}

test_a_tag_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/alpine:3: name the digest as well, docker.io/library/alpine:3@sha256:…"},
	} with input as {"image": {"ref": "docker.io/library/alpine:3", "isCanonical": false}}
}

test_a_commit_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"git": {
		"remote": "https://example.com/r.git",
		"isCommitRef": true,
	}}
}

test_a_branch_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/r.git: name a commit by its full id instead of the branch main"},
	} with input as {"git": {"remote": "https://example.com/r.git", "branch": "main"}}
}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}
