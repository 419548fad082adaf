package docker

test_other_images_are_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "docker.io/library/alpine:latest",
		"fullRepo": "docker.io/library/alpine",
		"tag": "latest",
	}}
}

test_an_unsigned_frontend_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/docker/dockerfile:1: this tag must be signed by Docker's GitHub builder for moby/buildkit"},
	} with input as {"image": {
		"ref": "docker.io/docker/dockerfile:1",
		"fullRepo": "docker.io/docker/dockerfile",
		"tag": "1",
		"hasProvenance": true,
		"signatures": [],
	}}
}

test_git_is_allowed if decision.allow with input as {"git": {"remote": "https://example.com/r.git"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}

test_a_signed_frontend_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "docker.io/docker/dockerfile:1",
		"fullRepo": "docker.io/docker/dockerfile",
		"tag": "1",
		"hasProvenance": true,
		"signatures": [{
			"kind": "docker-github-builder",
			"type": "bundle-v0.3",
			"timestamps": [{"type": "Tlog"}],
			"signer": {
				"certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev",
				"issuer": "https://token.actions.githubusercontent.com",
				"runnerEnvironment": "github-hosted",
				"sourceRepositoryURI": "https://github.com/moby/buildkit",
				"sourceRepositoryRef": "refs/tags/dockerfile/1.21.0",
			},
		}],
	}}
}

test_a_frontend_that_was_never_signed_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with input as {"image": {
		"ref": "docker.io/docker/dockerfile:1.20",
		"fullRepo": "docker.io/docker/dockerfile",
		"tag": "1.20",
	}}
}

test_an_image_without_a_name_is_denied if not decision.allow with input as {"image": {"ref": "x"}}
