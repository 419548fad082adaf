# METADATA
# title: Images signed by their publishers
# description: |
#   `signers.json` in the policy's root says who signs which repositories: by their full name, or by a path that ends
#   with a slash for all that lie below it. `githubBuilder` is Docker's GitHub builder for a repository on GitHub,
#   `hardened` a Docker Hardened Image; else it is a [keyless identity](#signed-images). Where several match, any of
#   them will do. Images that match nothing are denied. Other sources than images are allowed, layouts aside.
#
#   ```json
#   {
#     "dhi.io/": {"hardened": true},
#     "docker.io/our-org/app": {"githubBuilder": "our-org/app"},
#     "ghcr.io/our-org/": {
#       "trustRoot": "sigstore",
#       "signer": {
#         "issuer": "https://token.actions.githubusercontent.com",
#         "runnerEnvironment": "github-hosted",
#         "sourceRepositoryURI": "https://github.com/our-org/images"
#       }
#     }
#   }
#   ```
# custom:
#   buildx: doesn't tell trust roots, so of keyless identities it allows none
package docker

import data.lib.images.repositories
import data.lib.images.signatures

signers := load_json("signers.json")

default allow := false

allow if {
	some name, signer in signers
	repositories.named(input.image, name)
	is_signed(input.image, signer)
}

allow if input.git

allow if input.http

allow if input.local

is_builder(signer) if object.keys(signer) == {"githubBuilder"}

is_hardened(signer) if signer == {"hardened": true}

is_signed(image, signer) if {
	is_builder(signer)
	signatures.github_builder(image, signer.githubBuilder)
}

is_signed(image, signer) if {
	is_hardened(signer)
	signatures.hardened(image)
}

is_signed(image, signer) if signatures.keyless(image, signer)

why(image, signer) := signatures.denial_github_builder(image, signer.githubBuilder) if is_builder(signer)

why(image, signer) := signatures.denial_hardened(image) if is_hardened(signer)

why(image, signer) := signatures.denial_keyless(image, signer) if {
	not is_builder(signer)
	not is_hardened(signer)
}

has_signer if {
	some name, _ in signers
	repositories.named(input.image, name)
}

deny_msg contains message if {
	not allow
	some name, signer in signers
	repositories.named(input.image, name)
	message := why(input.image, signer)
}

deny_msg contains message if {
	input.image
	not has_signer
	message := sprintf("%s: signers.json doesn't say who signs %s", [input.image.ref, input.image.fullRepo])
}

deny_msg contains message if {
	not allow
	some message in signatures.failures(input.image)
}

deny_msg contains message if {
	input.ociLayout
	message := sprintf("%s: signatures are not looked for in layouts", [input.ociLayout.ref])
}

decision := {"allow": allow, "deny_msg": deny_msg}
