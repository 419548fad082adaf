# METADATA
# title: Images signed with a key
# description: |
#   `keys.json` in the policy's root says which public key signs which repositories: by their full name, or by a path
#   that ends with a slash for all that lie below it. Keys are files in the policy's root. Where several match, any of
#   them will do. Images that match nothing are denied. Other sources than images are allowed, layouts aside.
#
#   ```json
#   {
#     "ghcr.io/our-org/": "keys/cosign.pub"
#   }
#   ```
# custom:
#   buildx: refuses it, having no function for keys
package docker

import data.lib.images.keys
import data.lib.images.repositories

signers := load_json("keys.json")

default allow := false

allow if {
	some name, key in signers
	repositories.named(input.image, name)
	keys.signed(input.image, key)
}

allow if input.git

allow if input.http

allow if input.local

has_signer if {
	some name, _ in signers
	repositories.named(input.image, name)
}

deny_msg contains message if {
	not allow
	some name, key in signers
	repositories.named(input.image, name)
	message := keys.denial(input.image, key)
}

deny_msg contains message if {
	input.image
	not has_signer
	message := sprintf("%s: keys.json doesn't say whose key signs %s", [input.image.ref, input.image.fullRepo])
}

deny_msg contains message if {
	input.ociLayout
	message := sprintf("%s: signatures are not looked for in layouts", [input.ociLayout.ref])
}

decision := {"allow": allow, "deny_msg": deny_msg}
