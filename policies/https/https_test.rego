package docker

test_https_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"http": {
		"url": "https://example.com/a",
		"schema": "https",
	}}
}

test_http_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"http://example.com/a: use https"},
	} with input as {"http": {"url": "http://example.com/a", "schema": "http"}}
}

test_git_by_ssh_is_allowed if {
	decision.allow with input as {"git": {"remote": "ssh://git@example.com/r.git", "schema": "ssh"}}
}

test_plain_git_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"git://example.com/r.git: fetch it by https or ssh"},
	} with input as {"git": {"remote": "git://example.com/r.git", "schema": "git"}}
}

test_images_are_allowed if decision.allow with input as {"image": {"ref": "docker.io/library/alpine:3"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}
