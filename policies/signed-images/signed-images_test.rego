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
	decision == {"allow": true, "deny_msg": set()} with data.docker.signers as example with input as {"image": {
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
	decision.allow with data.docker.signers as example with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"fullRepo": "docker.io/library/alpine",
		"signatures": [{
			"trustRoot": "ours",
			"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
		}],
	}}
}

test_a_full_name_is_no_path if {
	not decision.allow with data.docker.signers as example with input as {"image": {
		"ref": "docker.io/library/alpine/x:3",
		"fullRepo": "docker.io/library/alpine/x",
		"signatures": [{
			"trustRoot": "ours",
			"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
		}],
	}}
}

test_the_signer_of_another_repository_does_not_count if {
	not decision.allow with data.docker.signers as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"signatures": [{
			"trustRoot": "ours",
			"signer": {"issuer": "https://login.example.com", "subjectAlternativeName": "mirror@example.com"},
		}],
	}}
}

test_an_unsigned_image_is_denied if {
	count(deny_msg) == 1 with data.docker.signers as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"signatures": [],
		"verification": [],
	}}
}

test_the_denial_tells_what_does_not_verify if {
	result := decision with data.docker.signers as example with input as {"image": {
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
	} with data.docker.signers as example with input as {"image": {
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
	} with data.docker.signers as example with input as {"ociLayout": {"ref": "base:1"}}
}

test_git_is_allowed if {
	decision.allow with data.docker.signers as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_files_are_allowed if {
	decision.allow with data.docker.signers as example with input as {"http": {"url": "https://example.com/a"}}
}

test_folders_are_allowed if {
	decision.allow with data.docker.signers as example with input as {"local": {"name": "context"}}
}
