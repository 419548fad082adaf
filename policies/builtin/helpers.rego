# METADATA
# title: Helper functions of every build policy
# description: |
#   Part of every policy, in package docker, under the names that buildx gives them.
#   They count only what buildx counts.
package docker # lint:ignore no-decision every policy has these functions, and they decide nothing

# METADATA
# description: The image was built and signed by Docker's GitHub builder from `repo` ("owner/name").
docker_github_builder(image, repo) if {
	image.hasProvenance
	some signature in image.signatures
	docker_github_builder_signature(signature, repo)
}

# METADATA
# description: As docker_github_builder, from the tag `tag` of the repository.
docker_github_builder_tag(image, repo, tag) if {
	image.hasProvenance
	ref := concat("/", ["refs/tags", tag])

	# One signature must say both: an image may have several.
	some signature in image.signatures
	docker_github_builder_signature(signature, repo)
	signature.signer.sourceRepositoryRef == ref
}

# METADATA
# description: |
#   The signature is one of Docker's GitHub builder, made on a GitHub-hosted runner for `repo`. Of an image's it counts
#   only on the attestation manifest, and under the root that buildx knows; a test's input may leave out both fields.
docker_github_builder_signature(signature, repo) if {
	object.get(signature, "subject", "attestation") == "attestation"
	object.get(signature, "trustRoot", "sigstore") == "sigstore"
	signature.kind == "docker-github-builder"
	signature.type == "bundle-v0.3"
	count(signature.timestamps) > 0
	signer := signature.signer
	signer.certificateIssuer == "CN=sigstore-intermediate,O=sigstore.dev"
	signer.issuer == "https://token.actions.githubusercontent.com"
	signer.runnerEnvironment == "github-hosted"
	signer.sourceRepositoryURI == concat("/", ["https://github.com", repo])
}

# METADATA
# description: The bundle in `filename` says that Docker's GitHub builder made this file for `repo`.
docker_github_builder_bundle(http, filename, repo) if {
	docker_github_builder_signature(artifact_attestation(http, filename), repo)
}

# METADATA
# description: The attestation of a file that was downloaded from a release on GitHub, by its own repository.
github_release_attestation(http) := github_attestation(http, concat("/", [owner, name])) if {
	http.schema == "https"
	lower(http.host) == "github.com"
	some [_, owner, name] in regex.find_all_string_submatch_n(
		`^/([^/]+)/([^/]+)/releases/download/[^/]+/.+$`,
		http.path,
		1,
	)
}
