# METADATA
# title: Images by how they were built
# description: |
#   `built-from.json` in the policy's root says what the provenance of images must tell, by repository: by its full
#   name, or by a path that ends with a slash for all that lie below it. Each of these may be there, and must be met:
#   `builders` (ids, or what they begin with up to a slash), `sources` (repositories), `hermetic`, `materials` ([what
#   went into the image](#what-an-image-was-built-from), down to a `depth`) and `signedBy` (who
#   [signed](#provenance-of-images) it: without that it is the word of whoever pushed the image). Where several match,
#   any of them will do. Images that match nothing are denied. Other sources than images are allowed, layouts aside.
#
#   ```json
#   {
#     "ghcr.io/our-org/": {
#       "builders": ["https://github.com/docker/github-builder/"],
#       "sources": ["https://github.com/our-org/app"],
#       "hermetic": true,
#       "materials": {
#         "depth": 1,
#         "repositories": ["docker.io/library/golang"],
#         "remotes": ["https://github.com/our-org/app.git"],
#         "hosts": []
#       },
#       "signedBy": {
#         "trustRoot": "sigstore",
#         "signer": {
#           "issuer": "https://token.actions.githubusercontent.com",
#           "sourceRepositoryURI": "https://github.com/our-org/app"
#         }
#       }
#     }
#   }
#   ```
# custom:
#   buildx: doesn't tell who signed provenance, so with `signedBy` it allows no image
package docker

import data.lib.images.materials
import data.lib.images.provenance
import data.lib.images.repositories

origins := load_json("built-from.json")

# What is demanded of this image.
of_image contains demands if {
	some name, demands in origins
	repositories.named(input.image, name)
}

default allow := false

allow if {
	provenance.present(input.image)
	some demands in of_image
	unknown(demands) == set()
	has_builder(input.image, demands)
	has_source(input.image, demands)
	is_hermetic(input.image, demands)
	has_materials(input.image, demands)
	is_signed(input.image, demands)
}

allow if input.git

allow if input.http

allow if input.local

# A misspelt demand must not be a missing one.
unknown(demands) := object.keys(demands) - {"builders", "sources", "hermetic", "materials", "signedBy"}

has_builder(_, demands) if not "builders" in object.keys(demands)

has_builder(image, demands) if provenance.built_by(image, demands.builders)

has_builder(image, demands) if provenance.built_below(image, demands.builders)

has_source(_, demands) if not "sources" in object.keys(demands)

has_source(image, demands) if provenance.from_source(image, demands.sources)

is_hermetic(_, demands) if not "hermetic" in object.keys(demands)

is_hermetic(image, demands) if {
	demands.hermetic == true
	provenance.hermetic(image)
}

has_materials(_, demands) if not "materials" in object.keys(demands)

has_materials(image, demands) if materials.allowed(image, demands.materials.depth, demands.materials)

is_signed(_, demands) if not "signedBy" in object.keys(demands)

is_signed(image, demands) if provenance.signed_by(image, demands.signedBy)

why(image, "builders", wanted) := provenance.denial_builder(image, wanted)

why(image, "sources", wanted) := provenance.denial_source(image, wanted)

why(image, "hermetic", true) := provenance.denial_hermetic(image)

why(image, "materials", wanted) := materials.denial(image, wanted.depth, wanted)

why(image, "signedBy", wanted) := provenance.denial_signed_by(image, wanted)

deny_msg contains message if {
	not allow
	some demands in of_image
	some demand, wanted in demands
	message := why(input.image, demand, wanted)
}

deny_msg contains message if {
	not allow
	count(of_image) > 0
	message := provenance.denial(input.image)
}

deny_msg contains message if {
	not allow
	some demands in of_image
	some demand in unknown(demands)
	message := sprintf("%s: built-from.json demands %s, which is not known", [input.image.ref, demand])
}

deny_msg contains message if {
	input.image
	count(of_image) == 0
	message := sprintf("%s: built-from.json doesn't say how %s is built", [input.image.ref, input.image.fullRepo])
}

deny_msg contains message if {
	input.ociLayout
	message := sprintf("%s: provenance is not judged in layouts", [input.ociLayout.ref])
}

decision := {"allow": allow, "deny_msg": deny_msg}
