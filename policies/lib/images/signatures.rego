# METADATA
# title: Signed images
# description: |
#   Reading signatures makes the engine look all of them up and verify them; only those that verified are there.
#   Ask about repository and host first, so that other images cost nothing. Missing signatures prove nothing, so
#   demand signatures and never forbid them.
package lib.images.signatures

# METADATA
# description: Docker's GitHub builder built and signed the image from this repository (`owner/name`).
# custom:
#   example: signatures.github_builder(input.image, "our-org/app")
github_builder(image, repository) if data.docker.docker_github_builder(image, repository)

# METADATA
# description: As `github_builder`, from the git tag `tag`, by one signature.
# custom:
#   example: signatures.github_builder_tag(input.image, "our-org/app", input.image.tag)
github_builder_tag(image, repository, tag) if {
	image.hasProvenance
	some signature in image.signatures
	data.docker.docker_github_builder_signature(signature, repository)
	signature.signer.sourceRepositoryRef == concat("/", ["refs/tags", tag])
}

# METADATA
# description: Why the image isn't allowed by `github_builder` or `github_builder_tag`.
denial_github_builder(image, repository) := message if {
	not github_builder(image, repository)
	message := sprintf("%s: no signature of Docker's GitHub builder for %s", [image.ref, repository])
}

# METADATA
# description: The image is a Docker Hardened Image, signed as such.
# custom:
#   example: signatures.hardened(input.image)
hardened(image) if {
	some signature in image.signatures
	signature.kind == "docker-hardened-image"
	signature.isDHI
}

# METADATA
# description: Why the image isn't allowed by `hardened`.
denial_hardened(image) := message if {
	not hardened(image)
	message := sprintf("%s: no signature of a Docker Hardened Image", [image.ref])
}

# METADATA
# description: |
#   A certificate for this identity signed the image, under a trust root that is named: `sigstore`, `github`, or the
#   name of a `--trust-root`. Anybody can have *some* certificate of a public root, so `signer` must have the
#   `issuer` and at least one of `subjectAlternativeName`, `buildSignerURI` and `sourceRepositoryURI`. Each of its
#   fields is one of `input.image.signatures[_].signer`, and must be exactly this.
# custom:
#   buildx: doesn't tell the trust root, so there this never holds
#   example: |
#     signatures.keyless(input.image, {
#     	"trustRoot": "sigstore",
#     	"signer": {
#     		"issuer": "https://accounts.google.com",
#     		"subjectAlternativeName": "release@example.com",
#     	},
#     })
keyless(image, identity) if {
	names_somebody(identity)
	some signature in image.signatures
	signature.trustRoot == identity.trustRoot
	every field, value in identity.signer {
		signature.signer[field] == value
	}
}

names_somebody(identity) if {
	object.keys(identity) == {"trustRoot", "signer"}
	identity.trustRoot != ""
	identity.signer.issuer != ""
	some field in ["subjectAlternativeName", "buildSignerURI", "sourceRepositoryURI"]
	identity.signer[field] != ""
}

# METADATA
# scope: document
# description: Why the image isn't allowed by `keyless`.
denial_keyless(image, identity) := message if {
	names_somebody(identity)
	not keyless(image, identity)
	message := sprintf("%s: no signature of %v under the trust root %s", [image.ref, identity.signer, identity.trustRoot])
}

denial_keyless(image, identity) := message if {
	not names_somebody(identity)
	message := sprintf("%s: the policy names no signer: give trustRoot, issuer and subject", [image.ref])
}

# METADATA
# description: |
#   A workflow of this repository (`owner/name`) signed the image on a runner of GitHub's own.
# custom:
#   buildx: doesn't tell the trust root, so there this never holds
#   example: signatures.github_workflow(input.image, "our-org/app")
github_workflow(image, repository) if keyless(image, {
	"trustRoot": "sigstore",
	"signer": {
		"issuer": "https://token.actions.githubusercontent.com",
		"runnerEnvironment": "github-hosted",
		"sourceRepositoryURI": concat("/", ["https://github.com", repository]),
	},
})

# METADATA
# description: Why the image isn't allowed by `github_workflow`.
denial_github_workflow(image, repository) := message if {
	not github_workflow(image, repository)
	message := sprintf("%s: no signature of a workflow of https://github.com/%s", [image.ref, repository])
}

# METADATA
# description: What is there as a signature of this image and doesn't verify, and why.
# custom:
#   buildx: doesn't tell, so there this is empty
#   example: deny_msg contains message if some message in signatures.failures(input.image)
failures(image) := {message |
	some failure in image.verification
	message := sprintf("%s: a signature doesn't verify: %s", [image.ref, failure.message])
}
