package docker

by_a_maintainer(made, file) if {
	file == "keys/maintainers.asc"
	made.pgpSignature.keyID == "1111111111111111"
}

test_a_tag_of_a_maintainer_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with verify_git_signature as by_a_maintainer with input as {"git": {
		"remote": "https://example.com/r.git",
		"tag": {"pgpSignature": {"keyID": "1111111111111111"}},
		"commit": {"message": "x"},
	}}
}

test_a_commit_of_a_maintainer_is_allowed if {
	decision.allow with verify_git_signature as by_a_maintainer with input as {"git": {
		"remote": "https://example.com/r.git",
		"commit": {"message": "x", "pgpSignature": {"keyID": "1111111111111111"}},
	}}
}

test_a_commit_of_a_stranger_is_denied if {
	not decision.allow with verify_git_signature as by_a_maintainer with input as {"git": {
		"remote": "https://example.com/r.git",
		"commit": {"message": "x", "pgpSignature": {"keyID": "2222222222222222"}},
	}}
}

test_an_unsigned_commit_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/r.git: neither tag nor commit is signed by a key of keys/maintainers.asc"},
	} with verify_git_signature as by_a_maintainer with input as {"git": {
		"remote": "https://example.com/r.git",
		"commit": {"message": "x"},
	}}
}

test_images_are_allowed if decision.allow with input as {"image": {"ref": "docker.io/library/alpine:3"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}
