package docker

example := {
	"githubReleases": ["cli/cli"],
	"pgp": {"https://example.com/a": {"signature": "a.asc", "keys": "keys/release.asc"}},
	"bundles": {"https://example.com/b": {"bundle": "b.json", "repository": "our-org/b"}},
}

file(url) := {"url": url, "schema": "https", "host": host, "path": concat("", ["/", path])} if {
	[_, host, path] := regex.find_all_string_submatch_n(`^https://([^/]+)/(.*)$`, url, 1)[0]
}

release := file("https://github.com/cli/cli/releases/download/v2/gh.tar.gz")

by(repository) := {"signer": {
	"issuer": "https://token.actions.githubusercontent.com",
	"runnerEnvironment": "github-hosted",
	"sourceRepositoryURI": concat("/", ["https://github.com", repository]),
}}

# What verifies: the signature of `a`, the bundle of `b`, the attestation of the release.
verifies_pgp(source, signature, keys) if {
	[source.url, signature, keys] == ["https://example.com/a", "a.asc", "keys/release.asc"]
}

verifies_bundle(source, "b.json") := by("our-org/b") if source.url == "https://example.com/b"

has_attestation(source, "cli/cli") := by("cli/cli") if source.url == release.url

# Nothing verifies.
nothing(_, _) if not example

test_a_signed_file if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example
		with verify_http_pgp_signature as verifies_pgp
		with input as {"http": file("https://example.com/a")}
}

test_a_file_with_a_bundle if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example
		with artifact_attestation as verifies_bundle
		with input as {"http": file("https://example.com/b")}
}

test_a_file_of_a_release if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example
		with github_attestation as has_attestation
		with input as {"http": release}
}

test_a_signature_that_does_not_verify if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/a: a.asc is no signature of this file by a key of keys/release.asc"},
	} with load_json as example
		with verify_http_pgp_signature as false
		with input as {"http": file("https://example.com/a")}
}

test_a_bundle_that_does_not_verify if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/b: b.json doesn't attest it for https://github.com/our-org/b"},
	} with load_json as example
		with artifact_attestation as nothing
		with input as {"http": file("https://example.com/b")}
}

test_a_release_without_attestation if {
	decision == {
		"allow": false,
		"deny_msg": {sprintf("%s: no attested file of a release on GitHub of cli/cli", [release.url])},
	} with load_json as example with github_attestation as nothing with input as {"http": release}
}

test_a_file_on_no_list if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/c: signed-files.json doesn't say who signs it"},
	} with load_json as object.remove(example, ["githubReleases"]) with input as {"http": file("https://example.com/c")}
	not decision.allow with load_json as {} with input as {"http": file("https://example.com/c")}
}

test_any_of_several_will_do if {
	both := object.union(example, {"bundles": {"https://example.com/a": {"bundle": "x", "repository": "our-org/x"}}})
	decision == {"allow": true, "deny_msg": set()} with load_json as both
		with verify_http_pgp_signature as verifies_pgp
		with artifact_attestation as nothing
		with input as {"http": file("https://example.com/a")}
}

test_git_is_allowed if {
	decision.allow with load_json as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_images_are_allowed if {
	decision.allow with load_json as example with input as {"image": {"ref": "docker.io/library/alpine:3"}}
}

test_folders_are_allowed if decision.allow with load_json as example with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with load_json as example with input as {"ociLayout": {"ref": "base:1"}}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("signed-files.json") := example

test_the_file_is_read if {
	decision.allow with load_json as of_file
		with github_attestation as has_attestation
		with input as {"http": release}
}

test_several_that_do_not_verify_are_all_told if {
	both := object.union(example, {"bundles": {"https://example.com/a": {"bundle": "x", "repository": "our-org/x"}}})
	result := decision with load_json as both
		with artifact_attestation as nothing
		with verify_http_pgp_signature as false
		with input as {"http": file("https://example.com/a")}
	result == {
		"allow": false,
		"deny_msg": {
			"https://example.com/a: a.asc is no signature of this file by a key of keys/release.asc",
			"https://example.com/a: x doesn't attest it for https://github.com/our-org/x",
		},
	}
}

test_any_of_several_will_do_the_other_way_round if {
	both := object.union(example, {"pgp": {"https://example.com/b": {"signature": "x", "keys": "y"}}})
	decision == {"allow": true, "deny_msg": set()} with load_json as both
		with verify_http_pgp_signature as verifies_pgp
		with artifact_attestation as verifies_bundle
		with input as {"http": file("https://example.com/b")}
}

test_a_file_on_a_list_is_not_told_that_it_is_on_none if {
	only := object.remove(example, ["githubReleases"])
	every url in ["https://example.com/a", "https://example.com/b"] {
		count(deny_msg) == 1 with load_json as only
			with verify_http_pgp_signature as false
			with artifact_attestation as nothing
			with input as {"http": file(url)}
	}
}
