# METADATA
# title: Signed files
# description: |
#   Files with a detached OpenPGP signature, with a Sigstore bundle, or with an attestation that GitHub stores.
#   Signatures, keys and bundles are files in the policy's root. `file` must be `input.http` itself. Everything
#   downloads the file, so ask about its host first.
package lib.urls.signatures

# METADATA
# description: The detached OpenPGP signature in `signature` was made over this file by a key of `keys`.
# custom:
#   example: signatures.pgp(input.http, "release.sig", "keys/release.asc")
pgp(file, signature, keys) if verify_http_pgp_signature(file, signature, keys)

# METADATA
# description: Why the file isn't allowed by `pgp`.
denial_pgp(file, signature, keys) := message if {
	not pgp(file, signature, keys)
	message := sprintf("%s: %s is no signature of this file by a key of %s", [file.url, signature, keys])
}

# METADATA
# description: |
#   The file is from a release on GitHub of one of these repositories (`owner/name`), and GitHub has an attestation by
#   a workflow of that repository.
# custom:
#   example: signatures.github_release(input.http, {"cli/cli"})
github_release(file, repositories) if {
	file.schema == "https"
	file.host == "github.com"
	some repository in repositories
	startswith(file.path, concat("", ["/", repository, "/releases/download/"]))
	signature := github_attestation(file, repository)
	signature.signer.sourceRepositoryURI == concat("/", ["https://github.com", repository])
}

# METADATA
# description: Why the file isn't allowed by `github_release`.
denial_github_release(file, repositories) := message if {
	not github_release(file, repositories)
	known := concat(", ", repositories)
	message := sprintf("%s: no attested file of a release on GitHub of %s", [file.url, known])
}

# METADATA
# description: |
#   The Sigstore bundle in `bundle` attests this file, and was made by a workflow of this repository (`owner/name`) on a
#   runner of GitHub's own.
# custom:
#   example: signatures.bundle(input.http, "app.sigstore.json", "our-org/app")
bundle(file, bundle_file, repository) if {
	signature := artifact_attestation(file, bundle_file)
	signature.signer.issuer == "https://token.actions.githubusercontent.com"
	signature.signer.runnerEnvironment == "github-hosted"
	signature.signer.sourceRepositoryURI == concat("/", ["https://github.com", repository])
}

# METADATA
# description: Why the file isn't allowed by `bundle`.
denial_bundle(file, bundle_file, repository) := message if {
	not bundle(file, bundle_file, repository)
	message := sprintf("%s: %s doesn't attest it for https://github.com/%s", [file.url, bundle_file, repository])
}
