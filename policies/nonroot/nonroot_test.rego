package docker

test_another_user_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {"ref": "ghcr.io/org/base:1", "user": "1000"}}
}

test_root_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"ghcr.io/org/base:1: its containers run as root; use an image with another USER"},
	} with input as {"image": {"ref": "ghcr.io/org/base:1"}}
}

test_layouts_are_judged_as_well if not decision.allow with input as {"ociLayout": {"ref": "base:1", "user": "root"}}

test_layouts_of_another_user_are_allowed if {
	decision.allow with input as {"ociLayout": {"ref": "base:1", "user": "app"}}
}

test_git_is_allowed if decision.allow with input as {"git": {"remote": "https://example.com/r.git"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}

test_the_denial_of_a_layout if {
	wanted := "base:1: its containers run as root; use an image with another USER"
	deny_msg == {wanted} with input as {"ociLayout": {"ref": "base:1", "user": "root"}}
}
