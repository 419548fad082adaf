package lib.images.signatures_test

import data.lib.images.signatures

google := {
	"trustRoot": "sigstore",
	"signer": {"issuer": "https://accounts.google.com", "subjectAlternativeName": "release@example.com"},
}

workflow := {
	"kind": "docker-github-builder",
	"type": "bundle-v0.3",
	"subject": "attestation",
	"trustRoot": "sigstore",
	"timestamps": [{"type": "Tlog"}],
	"signer": {
		"certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev",
		"issuer": "https://token.actions.githubusercontent.com",
		"runnerEnvironment": "github-hosted",
		"sourceRepositoryURI": "https://github.com/our-org/app",
		"sourceRepositoryRef": "refs/tags/v1.0.0",
	},
}

with_signatures(list) := {"ref": "ghcr.io/our-org/app:1.0.0", "hasProvenance": true, "signatures": list}

unsigned := with_signatures([])

built := with_signatures([{"kind": "untrusted", "type": "simplesigning-v1"}, workflow])

by_google := with_signatures([{
	"kind": "untrusted",
	"trustRoot": "sigstore",
	"signer": object.union(google.signer, {"certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev"}),
}])

test_github_builder if {
	signatures.github_builder(built, "our-org/app")
	not signatures.github_builder(built, "our-org/other")
	not signatures.github_builder(unsigned, "our-org/app")
}

test_github_builder_tag if {
	signatures.github_builder_tag(built, "our-org/app", "v1.0.0")
	not signatures.github_builder_tag(built, "our-org/app", "v1.0.1")
	not signatures.github_builder_tag(unsigned, "our-org/app", "v1.0.0")
}

test_the_tag_must_be_that_of_the_builder if {
	other := json.patch(workflow, [
		{"op": "replace", "path": "/kind", "value": "self-signed"},
		{"op": "replace", "path": "/signer/sourceRepositoryRef", "value": "refs/tags/v2.0.0"},
	])
	not signatures.github_builder_tag(with_signatures([workflow, other]), "our-org/app", "v2.0.0")
}

test_the_denial_of_what_the_builder_did_not_build if {
	wanted := "ghcr.io/our-org/app:1.0.0: no signature of Docker's GitHub builder for our-org/app"
	signatures.denial_github_builder(unsigned, "our-org/app") == wanted
	not signatures.denial_github_builder(built, "our-org/app")
}

test_hardened if {
	hardened := with_signatures([{"kind": "docker-hardened-image", "isDHI": true}])
	signatures.hardened(hardened)
	not signatures.hardened(built)
	not signatures.hardened(with_signatures([{"kind": "untrusted", "isDHI": true}]))
	not signatures.denial_hardened(hardened)
	signatures.denial_hardened(built) == "ghcr.io/our-org/app:1.0.0: no signature of a Docker Hardened Image"
}

test_keyless if {
	signatures.keyless(by_google, google)
	not signatures.keyless(built, google)
	not signatures.keyless(unsigned, google)
}

test_keyless_needs_its_root if not signatures.keyless(by_google, object.union(google, {"trustRoot": "ours"}))

test_keyless_needs_every_field_of_one_signature if {
	split_up := with_signatures([
		{"trustRoot": "sigstore", "signer": {"issuer": "https://accounts.google.com"}},
		{"trustRoot": "sigstore", "signer": {"subjectAlternativeName": "release@example.com"}},
	])
	not signatures.keyless(split_up, google)
}

test_an_identity_names_somebody if {
	every identity in [
		{}, {"trustRoot": "sigstore"}, {"trustRoot": "sigstore", "signer": {}},
		{"trustRoot": "sigstore", "signer": {"issuer": "https://accounts.google.com"}},
		{"trustRoot": "sigstore", "signer": {"subjectAlternativeName": "release@example.com"}},
		{"signer": google.signer}, object.union(google, {"trustRoot": ""}), object.union(google, {"singer": {}}),
		{"trustRoot": "sigstore", "signer": {"issuer": "", "subjectAlternativeName": "release@example.com"}},
		{"trustRoot": "sigstore", "signer": {"issuer": "https://accounts.google.com", "subjectAlternativeName": ""}},
	] {
		not signatures.keyless(by_google, identity)
		contains(signatures.denial_keyless(by_google, identity), "the policy names no signer")
	}
}

test_the_denial_names_signer_and_root if {
	message := signatures.denial_keyless(unsigned, google)
	startswith(message, "ghcr.io/our-org/app:1.0.0: no signature of ")
	contains(message, "release@example.com")
	endswith(message, " under the trust root sigstore")
	not signatures.denial_keyless(by_google, google)
}

test_github_workflow if {
	signatures.github_workflow(built, "our-org/app")
	not signatures.github_workflow(built, "our-org/ap")
	not signatures.github_workflow(unsigned, "our-org/app")
}

test_a_runner_of_ones_own_does_not_count if {
	patch := [{"op": "replace", "path": "/signer/runnerEnvironment", "value": "self-hosted"}]
	not signatures.github_workflow(with_signatures([json.patch(workflow, patch)]), "our-org/app")
}

test_the_denial_names_the_repository if {
	wanted := "ghcr.io/our-org/app:1.0.0: no signature of a workflow of https://github.com/our-org/app"
	signatures.denial_github_workflow(unsigned, "our-org/app") == wanted
	not signatures.denial_github_workflow(built, "our-org/app")
}

test_failures_tell_why if {
	image := object.union(unsigned, {"verification": [{"step": "certificate", "message": "it had expired"}]})
	signatures.failures(image) == {"ghcr.io/our-org/app:1.0.0: a signature doesn't verify: it had expired"}
	signatures.failures(unsigned) == set()
}

test_the_builder_makes_provenance if {
	without := object.union(built, {"hasProvenance": false})
	not signatures.github_builder(without, "our-org/app")
	not signatures.github_builder_tag(without, "our-org/app", "v1.0.0")
}

test_tags_are_compared_whole if {
	later := json.patch(workflow, [{
		"op": "replace",
		"path": "/signer/sourceRepositoryRef",
		"value": "refs/tags/v1.0.00",
	}])
	not signatures.github_builder_tag(with_signatures([later]), "our-org/app", "v1.0.0")
}

test_hardened_is_said_twice if {
	not signatures.hardened(with_signatures([{"kind": "docker-hardened-image"}]))
	not signatures.hardened(with_signatures([{"kind": "docker-hardened-image", "isDHI": false}]))
}

test_each_kind_of_subject_will_do if {
	every field in ["subjectAlternativeName", "buildSignerURI", "sourceRepositoryURI"] {
		signer := {"issuer": "https://i", field: "x"}
		image := with_signatures([{"trustRoot": "ours", "signer": signer}])
		signatures.keyless(image, {"trustRoot": "ours", "signer": signer})
	}
}
