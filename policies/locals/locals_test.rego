package docker

test_the_context_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"local": {"name": "context"}}
}

test_other_folders_are_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"the folder home is none that this build may use"},
	} with input as {"local": {"name": "home"}}
}

test_git_is_allowed if decision.allow with input as {"git": {"remote": "https://example.com/r.git"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_images_are_allowed if decision.allow with input as {"image": {"ref": "docker.io/library/alpine:3"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}
