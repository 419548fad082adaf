package lib.urls.signatures_test

import data.lib.urls.signatures

file := {
	"url": "https://github.com/our-org/app/releases/download/v1/app.tar",
	"schema": "https",
	"host": "github.com",
	"path": "/our-org/app/releases/download/v1/app.tar",
}

signed_with(_, signature, keys) if [signature, keys] == ["a.sig", "a.asc"]

signer := {
	"issuer": "https://token.actions.githubusercontent.com",
	"runnerEnvironment": "github-hosted",
	"sourceRepositoryURI": "https://github.com/our-org/app",
}

attested(_, "our-org/app") := {"signer": signer}

# As if another repository had attested the file.
attested_by_another(_, _) := {"signer": object.union(signer, {"sourceRepositoryURI": "https://github.com/evil/app"})}

self_hosted(_, _) := {"signer": object.union(signer, {"runnerEnvironment": "self-hosted"})}

bundled(_, "app.json") := {"signer": signer}

test_pgp if {
	signatures.pgp(file, "a.sig", "a.asc") with verify_http_pgp_signature as signed_with
	not signatures.pgp(file, "b.sig", "a.asc") with verify_http_pgp_signature as signed_with
}

test_the_denial_of_pgp if {
	message := signatures.denial_pgp(file, "b.sig", "a.asc") with verify_http_pgp_signature as signed_with
	endswith(message, ": b.sig is no signature of this file by a key of a.asc")
	not signatures.denial_pgp(file, "a.sig", "a.asc") with verify_http_pgp_signature as signed_with
}

test_github_release if {
	signatures.github_release(file, {"our-org/app", "x/y"}) with github_attestation as attested
	not signatures.github_release(file, {"our-org/other"}) with github_attestation as attested
	not signatures.github_release(file, {"our-org/app"}) with github_attestation as attested_by_another
}

test_only_releases_of_the_repository_count if {
	every change in [
		{"schema": "http"}, {"host": "github.com.evil.example"}, {"path": "/our-org/app2/releases/download/v1/app.tar"},
		{"path": "/our-org/app/archive/main.tar"},
	] {
		other := object.union(file, change)
		not signatures.github_release(other, {"our-org/app"}) with github_attestation as attested
	}
}

test_the_denial_of_a_release if {
	message := signatures.denial_github_release(file, {"x/y", "a/b"}) with github_attestation as attested
	endswith(message, "v1/app.tar: no attested file of a release on GitHub of a/b, x/y")
	not signatures.denial_github_release(file, {"our-org/app"}) with github_attestation as attested
}

test_bundle if {
	signatures.bundle(file, "app.json", "our-org/app") with artifact_attestation as bundled
	not signatures.bundle(file, "app.json", "our-org/other") with artifact_attestation as bundled
	not signatures.bundle(file, "other.json", "our-org/app") with artifact_attestation as bundled
	not signatures.bundle(file, "app.json", "our-org/app") with artifact_attestation as self_hosted
}

test_the_denial_of_a_bundle if {
	message := signatures.denial_bundle(file, "other.json", "our-org/app") with artifact_attestation as bundled
	endswith(message, ": other.json doesn't attest it for https://github.com/our-org/app")
	not signatures.denial_bundle(file, "app.json", "our-org/app") with artifact_attestation as bundled
}

test_what_the_signer_says_is_compared_whole if {
	every field in ["issuer", "runnerEnvironment", "sourceRepositoryURI"] {
		other := {"signer": object.union(signer, {field: concat("", [signer[field], "2"])})}
		not signatures.bundle(file, "app.json", "our-org/app") with artifact_attestation as other
	}
}

test_a_release_is_on_github_from_the_beginning if {
	deeper := object.union(file, {"path": concat("", ["/x", file.path])})
	not signatures.github_release(deeper, {"our-org/app"}) with github_attestation as attested
	other := object.union(file, {"schema": "https2"})
	not signatures.github_release(other, {"our-org/app"}) with github_attestation as attested
}

longer(_, _) := {"signer": object.union(signer, {"sourceRepositoryURI": "https://github.com/our-org/app2"})}

test_the_repository_is_compared_whole if {
	not signatures.github_release(file, {"our-org/app"}) with github_attestation as longer
}
