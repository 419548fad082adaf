package docker

test_signed_provenance_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "ghcr.io/org/app:1",
		"hasProvenance": true,
		"provenance": {
			"predicateType": "https://slsa.dev/provenance/v1",
			"completeness": {"parameters": true, "materials": true},
			"signatures": [{"trustRoot": "sigstore"}],
		},
	}}
}

test_unsigned_provenance_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"ghcr.io/org/app:1: no signature that verifies covers its provenance"},
	} with input as {"image": {
		"ref": "ghcr.io/org/app:1",
		"hasProvenance": true,
		"provenance": {
			"predicateType": "https://slsa.dev/provenance/v1",
			"completeness": {"parameters": true, "materials": true},
		},
	}}
}

test_incomplete_provenance_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"ghcr.io/org/app:1: its provenance doesn't tell all parameters and materials"},
	} with input as {"image": {
		"ref": "ghcr.io/org/app:1",
		"hasProvenance": true,
		"provenance": {"predicateType": "https://slsa.dev/provenance/v1", "signatures": [{"trustRoot": "sigstore"}]},
	}}
}

test_no_provenance_is_denied if {
	count(deny_msg) == 3 with input as {"image": {"ref": "ghcr.io/org/app:1", "hasProvenance": false}}
}

test_layouts_are_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"base:1: images in layouts have no signed provenance"},
	} with input as {"ociLayout": {"ref": "base:1"}}
}

test_git_is_allowed if decision.allow with input as {"git": {"remote": "https://example.com/r.git"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_other_attestations_are_no_provenance if {
	not decision.allow with input as {"image": {
		"ref": "ghcr.io/org/app:1",
		"hasProvenance": false,
		"provenance": {
			"predicateType": "https://slsa.dev/provenance/v1",
			"completeness": {"parameters": true, "materials": true},
			"signatures": [{"trustRoot": "sigstore"}],
		},
	}}
}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}
