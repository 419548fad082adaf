# METADATA
# title: Provenance of images
# description: |
#   Provenance is what the builder says of the build. `input.image.hasProvenance` holds for an image with attestations
#   of any kind; these functions read the SLSA provenance itself. Without a signature it is the word of whoever pushed
#   the image: `signed_by`, or rules about [signatures](#signed-images), make it more.
package lib.images.provenance

import data.lib.images.signatures

# METADATA
# description: The image has SLSA provenance.
# custom:
#   example: provenance.present(input.image)
present(image) if {
	image.hasProvenance
	image.provenance.predicateType
}

# METADATA
# description: Why the image isn't allowed by `present`.
denial(image) := message if {
	not present(image)
	message := sprintf("%s: it has no SLSA provenance; build it with --provenance=mode=max", [image.ref])
}

# METADATA
# description: |
#   A verified signature covers this provenance, whoever made it: ask who with `signed_by`, or with a rule about
#   signatures.
# custom:
#   buildx: doesn't tell, so there this never holds
#   example: provenance.signed(input.image)
signed(image) if count(image.provenance.signatures) > 0

# METADATA
# description: |
#   A certificate for this identity signed this provenance; `identity` is that of
#   [`keyless`](#signed-images).
# custom:
#   buildx: doesn't tell, so there this never holds
#   example: |
#     provenance.signed_by(input.image, {
#     	"trustRoot": "sigstore",
#     	"signer": {
#     		"issuer": "https://token.actions.githubusercontent.com",
#     		"sourceRepositoryURI": "https://github.com/our-org/app",
#     	},
#     })
signed_by(image, identity) if {
	covering := {"signatures": image.provenance.signatures}
	signatures.keyless(covering, identity)
}

# METADATA
# description: Why the image isn't allowed by `signed`.
denial_signed(image) := message if {
	not signed(image)
	message := sprintf("%s: no signature that verifies covers its provenance", [image.ref])
}

# METADATA
# description: Why the image isn't allowed by `signed_by`.
denial_signed_by(image, identity) := message if {
	not signed_by(image, identity)
	message := sprintf("%s: its provenance is not signed by %v", [image.ref, identity])
}

# METADATA
# description: One of these builders made it (`builderID`).
# custom:
#   example: |
#     provenance.built_by(input.image, {"https://github.com/our-org/app/actions/runs/1/attempts/1"})
built_by(image, builders) if image.provenance.builderID in builders

# METADATA
# description: A builder whose id begins with one of these made it. End them with a slash.
# custom:
#   example: |
#     provenance.built_below(input.image, {"https://github.com/our-org/"})
built_below(image, prefixes) if {
	some prefix in prefixes
	endswith(prefix, "/")
	startswith(image.provenance.builderID, prefix)
}

# METADATA
# scope: document
# description: Why the image isn't allowed by `built_by` or `built_below`; `known` is what they were given.
denial_builder(image, known) := message if {
	not built_by(image, known)
	not built_below(image, known)
	builder := image.provenance.builderID
	message := sprintf("%s: built by %s, which is not on the list of builders", [image.ref, builder])
}

denial_builder(image, _) := message if {
	not image.provenance.builderID
	message := sprintf("%s: its provenance doesn't tell who built it", [image.ref])
}

# METADATA
# description: |
#   It was built from one of these repositories. They are compared without `.git` and without a ref:
#   `https://github.com/our-org/app`.
# custom:
#   example: |
#     provenance.from_source(input.image, {"https://github.com/our-org/app"})
from_source(image, repositories) if {
	built_from := repository(image.provenance.configSource.uri)
	some wanted in repositories
	built_from == repository(wanted)
}

repository(uri) := name if {
	name := trim_suffix(trim_prefix(split(uri, "#")[0], "git+"), ".git")
	name != ""
}

# METADATA
# scope: document
# description: Why the image isn't allowed by `from_source`.
denial_source(image, repositories) := message if {
	not from_source(image, repositories)
	built_from := image.provenance.configSource.uri
	message := sprintf("%s: built from %s, which is not on the list of repositories", [image.ref, built_from])
}

denial_source(image, _) := message if {
	not image.provenance.configSource.uri
	message := sprintf("%s: its provenance doesn't tell what it was built from", [image.ref])
}

# METADATA
# description: It was built without network.
# custom:
#   example: provenance.hermetic(input.image)
hermetic(image) if image.provenance.hermetic

# METADATA
# description: Why the image isn't allowed by `hermetic`.
denial_hermetic(image) := message if {
	not hermetic(image)
	message := sprintf("%s: it was not built without network", [image.ref])
}

# METADATA
# description: The provenance tells all parameters and all materials.
# custom:
#   example: provenance.complete(input.image)
complete(image) if {
	image.provenance.completeness.parameters
	image.provenance.completeness.materials
}

# METADATA
# description: Why the image isn't allowed by `complete`.
denial_complete(image) := message if {
	not complete(image)
	message := sprintf("%s: its provenance doesn't tell all parameters and materials", [image.ref])
}
