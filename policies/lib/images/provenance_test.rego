package lib.images.provenance_test

import data.lib.images.provenance

bare := {"ref": "ghcr.io/our-org/app:1.0.0", "hasProvenance": false}

built := {
	"ref": "ghcr.io/our-org/app:1.0.0",
	"hasProvenance": true,
	"provenance": {
		"predicateType": "https://slsa.dev/provenance/v1",
		"builderID": "https://github.com/our-org/app/actions/runs/1",
		"configSource": {"uri": "https://github.com/our-org/app.git#refs/heads/main"},
		"hermetic": true,
		"signatures": [{"trustRoot": "sigstore", "signer": {"issuer": "https://i", "subjectAlternativeName": "a@b"}}],
		"completeness": {"parameters": true, "materials": true},
	},
}

changed(path, value) := json.patch(built, [{"op": "add", "path": concat("/", ["/provenance", path]), "value": value}])

test_present if {
	provenance.present(built)
	not provenance.present(bare)
	not provenance.denial(built)
	contains(provenance.denial(bare), "it has no SLSA provenance")
}

test_other_attestations_are_no_provenance if {
	not provenance.present({"ref": "x", "hasProvenance": true})
}

test_signed if {
	provenance.signed(built)
	not provenance.signed(changed("signatures", []))
	not provenance.signed(bare)
	not provenance.denial_signed(built)
	contains(provenance.denial_signed(bare), "no signature that verifies")
}

test_signed_by if {
	signer := {"issuer": "https://i", "subjectAlternativeName": "a@b"}
	provenance.signed_by(built, {"trustRoot": "sigstore", "signer": signer})
	not provenance.signed_by(built, {"trustRoot": "acme", "signer": signer})
	not provenance.signed_by(built, {"trustRoot": "sigstore", "signer": {"issuer": "https://i"}})
	not provenance.signed_by(bare, {"trustRoot": "sigstore", "signer": signer})
}

test_built_by if {
	provenance.built_by(built, {"https://github.com/our-org/app/actions/runs/1"})
	not provenance.built_by(built, {"https://github.com/our-org/app/actions/runs/2"})
	not provenance.built_by(bare, {""})
}

test_built_below if {
	provenance.built_below(built, {"https://github.com/our-org/"})
	not provenance.built_below(built, {"https://github.com/other/"})
	not provenance.built_below(bare, {"https://github.com/our-org/"})
}

test_a_prefix_ends_with_a_slash if not provenance.built_below(built, {"https://github.com/our-org", ""})

test_the_denial_names_the_builder if {
	wanted := "ghcr.io/our-org/app:1.0.0: its provenance doesn't tell who built it"
	provenance.denial_builder(bare, {"https://github.com/our-org/"}) == wanted
	not provenance.denial_builder(built, {"https://github.com/our-org/"})
	not provenance.denial_builder(built, {"https://github.com/our-org/app/actions/runs/1"})
}

test_from_source if {
	provenance.from_source(built, {"https://github.com/our-org/app"})
	provenance.from_source(built, {"https://github.com/our-org/app.git"})
	not provenance.from_source(built, {"https://github.com/our-org"})
	not provenance.from_source(built, {"https://github.com/our-org/app2"})
	not provenance.from_source(bare, {"https://github.com/our-org/app"})
}

test_forms_of_a_source if {
	every uri in ["git+https://github.com/our-org/app.git", "https://github.com/our-org/app#v1:folder"] {
		provenance.from_source(changed("configSource/uri", uri), {"https://github.com/our-org/app"})
	}
}

test_no_source_is_no_repository if not provenance.from_source(changed("configSource/uri", "#main"), {"", "#"})

test_the_denial_names_the_source if {
	contains(provenance.denial_source(bare, {"x"}), "its provenance doesn't tell what it was built from")
	contains(provenance.denial_source(built, {"x"}), "built from https://github.com/our-org/app.git#refs/heads/main")
	not provenance.denial_source(built, {"https://github.com/our-org/app"})
}

test_hermetic if {
	provenance.hermetic(built)
	not provenance.hermetic(changed("hermetic", false))
	not provenance.hermetic(bare)
	not provenance.denial_hermetic(built)
	contains(provenance.denial_hermetic(bare), "not built without network")
}

test_complete if {
	provenance.complete(built)
	not provenance.complete(changed("completeness/parameters", false))
	not provenance.complete(changed("completeness/materials", false))
	not provenance.complete(bare)
	not provenance.denial_complete(built)
	contains(provenance.denial_complete(bare), "doesn't tell all parameters and materials")
}

test_the_denial_names_who_should_have_signed if {
	identity := {"trustRoot": "sigstore", "signer": {"issuer": "https://i", "subjectAlternativeName": "a@b"}}
	message := provenance.denial_signed_by(bare, identity)
	startswith(message, "ghcr.io/our-org/app:1.0.0: its provenance is not signed by ")
	contains(message, "a@b")
	not provenance.denial_signed_by(built, identity)
}

test_attestations_without_the_flag_are_no_provenance if {
	not provenance.present(object.union(built, {"hasProvenance": false}))
}

test_a_prefix_is_where_the_builder_begins if {
	elsewhere := changed("builderID", "https://evil.example/https://github.com/our-org/")
	not provenance.built_below(elsewhere, {"https://github.com/our-org/"})
}

test_a_name_that_ends_like_the_suffix if {
	digit := changed("configSource/uri", "https://github.com/our-org/digit")
	provenance.from_source(digit, {"https://github.com/our-org/digit.git"})
	not provenance.from_source(digit, {"https://github.com/our-org/d"})
}
