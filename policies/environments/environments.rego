# METADATA
# title: Strict in production, lenient in development
# description: |
#   A build of the stage `dev` or `test`, or with the argument `ENVIRONMENT=development`, may use any image and any
#   https URL. All other builds may use images by digest that have provenance, commits by their full id, and no files.
#   Folders are allowed.
package docker

import data.lib.environments.stages
import data.lib.git.refs
import data.lib.git.remotes
import data.lib.images.digests
import data.lib.images.provenance
import data.lib.urls.hosts

builds := {
	"targets": {"dev", "test"},
	"args": {"ENVIRONMENT": {"development"}},
	"production": {"targets": {"release"}, "args": {"ENVIRONMENT": {"production"}}},
}

development if stages.development(input.env, builds)

default allow := false

allow if input.local

allow if {
	development
	input.image
}

allow if {
	development
	input.ociLayout
}

allow if {
	development
	remotes.encrypted(input.git)
}

allow if {
	development
	hosts.encrypted(input.http)
}

allow if {
	digests.pinned(input.image)
	provenance.present(input.image)
}

allow if {
	remotes.encrypted(input.git)
	refs.pinned(input.git)
}

deny_msg contains digests.denial(input.image) if not allow

deny_msg contains message if {
	input.image.isCanonical
	not allow
	message := provenance.denial(input.image)
}

deny_msg contains refs.denial(input.git) if not allow

deny_msg contains remotes.denial_encrypted(input.git)

deny_msg contains hosts.denial_encrypted(input.http)

deny_msg contains message if {
	input.http
	not development
	message := sprintf("%s: files are not downloaded by production builds; add them to the context", [input.http.url])
}

deny_msg contains message if {
	input.ociLayout
	not development
	message := sprintf("%s: layouts are for development builds", [input.ociLayout.ref])
}

decision := {"allow": allow, "deny_msg": deny_msg}
