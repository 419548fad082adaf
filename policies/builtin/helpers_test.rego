package docker

# A signature as Docker's GitHub builder makes it.
good := {
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

changed(path, value) := json.patch(good, [{"op": "replace", "path": path, "value": value}])

image(signatures) := {"hasProvenance": true, "signatures": signatures}

release := {"schema": "https", "host": "github.com", "path": "/our-org/app/releases/download/v1.0.0/app.tar.gz"}

# As if GitHub had an attestation of every file, by its repository.
attestation(_, repository) := {"of": repository}

test_signature if docker_github_builder_signature(good, "our-org/app")

test_signature_of_another_repository[repository] if {
	some repository in ["our-org/ap", "our-org/app2", "our-org", "", "evil/our-org/app"]
	not docker_github_builder_signature(good, repository)
}

# Anything else in one of the fields, and it is another signature.
test_signature_by_somebody_else[path] if {
	some path, value in {
		"/kind": "untrusted",
		"/type": "simplesigning-v1",
		"/subject": "index",
		"/trustRoot": "acme",
		"/timestamps": [],
		"/signer/certificateIssuer": "CN=sigstore-intermediate,O=acme.dev",
		"/signer/issuer": "https://accounts.google.com",
		"/signer/runnerEnvironment": "self-hosted",
		"/signer/sourceRepositoryURI": "https://github.com/evil/app",
	}
	not docker_github_builder_signature(changed(path, value), "our-org/app")
}

test_signature_without_a_field[path] if {
	some path in [
		"/kind", "/type", "/timestamps", "/signer", "/signer/certificateIssuer", "/signer/issuer",
		"/signer/runnerEnvironment", "/signer/sourceRepositoryURI",
	]
	not docker_github_builder_signature(json.remove(good, [path]), "our-org/app")
}

# What buildx shows of a signature lacks both.
test_signature_without_subject_and_root if {
	docker_github_builder_signature(object.remove(good, ["subject", "trustRoot"]), "our-org/app")
}

test_image if {
	docker_github_builder(image([good]), "our-org/app")
	docker_github_builder(image([changed("/kind", "untrusted"), good]), "our-org/app")
	not docker_github_builder(image([good]), "our-org/other")
	not docker_github_builder(image([]), "our-org/app")
	not docker_github_builder({"hasProvenance": true}, "our-org/app")
}

test_image_needs_provenance if {
	not docker_github_builder(object.union(image([good]), {"hasProvenance": false}), "our-org/app")
	not docker_github_builder({"signatures": [good]}, "our-org/app")
}

test_tag if {
	docker_github_builder_tag(image([good]), "our-org/app", "v1.0.0")
	not docker_github_builder_tag(image([good]), "our-org/app", "v1.0.1")
	not docker_github_builder_tag(image([good]), "our-org/app", "tags/v1.0.0")
	not docker_github_builder_tag(image([good]), "our-org/other", "v1.0.0")
	not docker_github_builder_tag(image([]), "our-org/app", "v1.0.0")
}

test_tag_is_not_a_branch if {
	branch := changed("/signer/sourceRepositoryRef", "refs/heads/v1.0.0")
	not docker_github_builder_tag(image([branch]), "our-org/app", "v1.0.0")
}

test_tag_and_builder_are_of_one_signature if {
	other := json.patch(good, [
		{"op": "replace", "path": "/kind", "value": "untrusted"},
		{"op": "replace", "path": "/signer/sourceRepositoryRef", "value": "refs/tags/v2.0.0"},
	])
	not docker_github_builder_tag(image([good, other]), "our-org/app", "v2.0.0")
}

test_tag_needs_provenance if {
	without := object.union(image([good]), {"hasProvenance": false})
	not docker_github_builder_tag(without, "our-org/app", "v1.0.0")
}

# As if every bundle verified, and were this one's.
bundle(_, "app.json") := good

test_bundle if {
	docker_github_builder_bundle(release, "app.json", "our-org/app") with artifact_attestation as bundle
	not docker_github_builder_bundle(release, "app.json", "our-org/other") with artifact_attestation as bundle
	not docker_github_builder_bundle(release, "other.json", "our-org/app") with artifact_attestation as bundle
}

test_bundle_that_does_not_verify if not docker_github_builder_bundle(release, "app.json", "our-org/app")

test_release if github_release_attestation(release) == {"of": "our-org/app"} with github_attestation as attestation

test_release_with_a_tag_of_several_words if {
	file := object.union(release, {"path": "/our-org/app/releases/download/v1%2Fx/folder/app.tar.gz"})
	github_release_attestation(file) == {"of": "our-org/app"} with github_attestation as attestation
}

test_host_in_capitals if {
	file := object.union(release, {"host": "GitHub.com"})
	github_release_attestation(file) == {"of": "our-org/app"} with github_attestation as attestation
}

test_what_is_no_release_has_none[name] if {
	some name, change in {
		"plain http": {"schema": "http"},
		"another host": {"host": "github.com.evil.example"},
		"a port": {"host": "github.com:8443"},
		"an archive": {"path": "/our-org/app/archive/main.tar.gz"},
		"no file": {"path": "/our-org/app/releases/download/v1.0.0/"},
		"no tag": {"path": "/our-org/app/releases/download//app.tar.gz"},
		"latest": {"path": "/our-org/app/releases/latest/download/app.tar.gz"},
		"deeper": {"path": "/x/our-org/app/releases/download/v1.0.0/app.tar.gz"},
		"no owner": {"path": "//app/releases/download/v1.0.0/app.tar.gz"},
	}
	file := object.union(release, change)
	not github_release_attestation(file) with github_attestation as attestation
}

test_release_without_attestation if not github_release_attestation(release)
