package docker

example := {
	"ghcr.io/our-org/": {
		"trustRoot": "sigstore",
		"signer": {"issuer": "https://accounts.google.com", "subjectAlternativeName": "release@example.com"},
	},
	"docker.io/library/alpine": {
		"trustRoot": "ours",
		"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
	},
}

test_a_signed_image_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"signatures": [{
			"trustRoot": "sigstore",
			"signer": {"issuer": "https://accounts.google.com", "subjectAlternativeName": "release@example.com"},
		}],
		"verification": [{"message": "an old signature"}],
	}}
}

test_a_repository_by_its_full_name if {
	decision.allow with load_json as example with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"fullRepo": "docker.io/library/alpine",
		"signatures": [{
			"trustRoot": "ours",
			"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
		}],
	}}
}

test_a_full_name_is_no_path if {
	not decision.allow with load_json as example with input as {"image": {
		"ref": "docker.io/library/alpine/x:3",
		"fullRepo": "docker.io/library/alpine/x",
		"signatures": [{
			"trustRoot": "ours",
			"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
		}],
	}}
}

test_the_signer_of_another_repository_does_not_count if {
	not decision.allow with load_json as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"signatures": [{
			"trustRoot": "ours",
			"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
		}],
	}}
}

test_an_unsigned_image_is_denied if {
	count(deny_msg) == 1 with load_json as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"signatures": [],
		"verification": [],
	}}
}

test_the_denial_tells_what_does_not_verify if {
	result := decision with load_json as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"signatures": [],
		"verification": [{"message": "it had expired"}],
	}}
	"ghcr.io/our-org/app:1: a signature doesn't verify: it had expired" in result.deny_msg
}

test_an_image_without_signer_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/busybox:1: signers.json doesn't say who signs docker.io/library/busybox"},
	} with load_json as example with input as {"image": {
		"ref": "docker.io/library/busybox:1",
		"fullRepo": "docker.io/library/busybox",
		"signatures": [],
		"verification": [],
	}}
}

test_layouts_are_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"base:1: signatures are not looked for in layouts"},
	} with load_json as example with input as {"ociLayout": {"ref": "base:1"}}
}

test_git_is_allowed if {
	decision.allow with load_json as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_files_are_allowed if {
	decision.allow with load_json as example with input as {"http": {"url": "https://example.com/a"}}
}

test_folders_are_allowed if {
	decision.allow with load_json as example with input as {"local": {"name": "context"}}
}

built(signature) := {
	"ref": "docker.io/our-org/app:1",
	"fullRepo": "docker.io/our-org/app",
	"hasProvenance": true,
	"signatures": [signature],
}

by_builder := {
	"kind": "docker-github-builder",
	"type": "bundle-v0.3",
	"timestamps": [{"type": "Tlog"}],
	"signer": {
		"certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev",
		"issuer": "https://token.actions.githubusercontent.com",
		"runnerEnvironment": "github-hosted",
		"sourceRepositoryURI": "https://github.com/our-org/app",
	},
}

hardened := {"kind": "docker-hardened-image", "isDHI": true}

test_the_github_builder if {
	signers_by_builder := {"docker.io/our-org/app": {"githubBuilder": "our-org/app"}}
	decision == {"allow": true, "deny_msg": set()} with load_json as signers_by_builder
		with input as {"image": built(by_builder)}
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/our-org/app:1: no signature of Docker's GitHub builder for our-org/app"},
	} with load_json as signers_by_builder with input as {"image": built(hardened)}
}

test_hardened_images if {
	signers_of_hardened := {"docker.io/our-org/": {"hardened": true}}
	decision == {"allow": true, "deny_msg": set()} with load_json as signers_of_hardened
		with input as {"image": built(hardened)}
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/our-org/app:1: no signature of a Docker Hardened Image"},
	} with load_json as signers_of_hardened with input as {"image": built(by_builder)}
}

test_what_names_nobody_allows_nothing[name] if {
	some name, signer in {
		"nothing": {},
		"not hardened": {"hardened": false},
		"two": {"hardened": true, "githubBuilder": "our-org/app"},
		"misspelt": {"builder": "our-org/app"},
	}
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/our-org/app:1: the policy names no signer: give trustRoot, issuer and subject"},
	} with load_json as {"docker.io/our-org/app": signer} with input as {"image": built(by_builder)}
}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("signers.json") := {"docker.io/our-org/": {"hardened": true}}

test_the_file_is_read if decision.allow with load_json as of_file with input as {"image": built(hardened)}

test_any_of_several_will_do if {
	two := {"docker.io/our-org/": {"hardened": true}, "docker.io/our-org/app": {"githubBuilder": "our-org/app"}}
	decision == {"allow": true, "deny_msg": set()} with load_json as two with input as {"image": built(hardened)}
}
