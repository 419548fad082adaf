# METADATA
# title: Images signed with a key
# description: |
#   Signatures of `cosign sign --key` and the like, by a public key (PEM: ECDSA, RSA, Ed25519) in the policy's root.
# custom:
#   buildx: has no function for this, and refuses policies that import this file
package lib.images.keys

# METADATA
# description: The key in this file signed the image. `image` must be `input.image` itself.
# custom:
#   example: keys.signed(input.image, "cosign.pub")
signed(image, file) if count(verify_image_key(image, file)) > 0

# METADATA
# description: Why the image isn't allowed by `signed`.
denial(image, file) := message if {
	not signed(image, file)
	message := sprintf("%s: no signature of the key %s", [image.ref, file])
}
