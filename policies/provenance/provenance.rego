# METADATA
# title: Images with signed provenance
# description: |
#   Images have SLSA provenance that tells all parameters and materials, and a signature that verifies covers it. Who
#   signed is not asked: see [signed-images](#images-signed-by-their-publishers) for that. Everything else is allowed,
#   layouts aside.
# custom:
#   buildx: doesn't tell who signed provenance, and denies all images
package docker

import data.lib.images.provenance

default allow := false

allow if {
	provenance.present(input.image)
	provenance.complete(input.image)
	provenance.signed(input.image)
}

allow if input.git

allow if input.http

allow if input.local

deny_msg contains provenance.denial(input.image)

deny_msg contains provenance.denial_complete(input.image)

deny_msg contains provenance.denial_signed(input.image)

deny_msg contains message if {
	input.ociLayout
	message := sprintf("%s: images in layouts have no signed provenance", [input.ociLayout.ref])
}

decision := {"allow": allow, "deny_msg": deny_msg}
