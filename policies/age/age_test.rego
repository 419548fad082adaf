package docker

# 2026-06-30T00:00:00Z
now := 1782777600000000000

test_a_young_image_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with time.now_ns as now with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"createdTime": "2026-05-01T00:00:00Z",
	}}
}

test_an_old_image_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/alpine:3: made 2026-03-01T00:00:00Z, and must not be older than 90 days"},
	} with time.now_ns as now with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"createdTime": "2026-03-01T00:00:00Z",
	}}
}

test_layouts_are_judged_as_well if {
	not decision.allow with time.now_ns as now with input as {"ociLayout": {
		"ref": "base:1",
		"createdTime": "2026-03-01T00:00:00Z",
	}}
}

test_young_layouts_are_allowed if {
	decision.allow with time.now_ns as now with input as {"ociLayout": {
		"ref": "base:1",
		"createdTime": "2026-06-01T00:00:00Z",
	}}
}

test_git_is_allowed if decision.allow with input as {"git": {"remote": "https://example.com/r.git"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}

test_the_denial_of_a_layout if {
	deny_msg == {"base:1: made 2026-03-01T00:00:00Z, and must not be older than 90 days"} with time.now_ns as now
		with input as {"ociLayout": {"ref": "base:1", "createdTime": "2026-03-01T00:00:00Z"}}
}
