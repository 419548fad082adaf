# METADATA
# title: Images signed by their publishers
# description: |
#   `signers.json` in the policy's root says who signs which repositories: by their full name, or by a path that ends
#   with a slash for all that lie below it. Where several match, any of them will do. Images that match nothing are
#   denied. Other sources than images are allowed, layouts aside.
#
#   ```json
#   {
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
package docker

import data.lib.images.repositories
import data.lib.images.signatures

signers := load_json("signers.json")

default allow := false

allow if {
	input.image
	some name, identity in signers
	matches(input.image, name)
	signatures.keyless(input.image, identity)
}

allow if input.git

allow if input.http

allow if input.local

matches(image, name) if repositories.allowed(image, {name})

matches(image, name) if {
	endswith(name, "/")
	repositories.below(image, {name})
}

has_signer if {
	input.image
	some name, _ in signers
	matches(input.image, name)
}

deny_msg contains message if {
	input.image
	not allow
	some name, identity in signers
	matches(input.image, name)
	message := signatures.denial_keyless(input.image, identity)
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
