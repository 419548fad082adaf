package lib.images.materials_test

import data.lib.images.materials

built_from(ref, list) := {"image": {
	"ref": ref,
	"fullRepo": ref,
	"hasProvenance": true,
	"provenance": {"predicateType": "https://slsa.dev/provenance/v1", "materials": list},
}}

bare(ref) := {"image": {"ref": ref, "fullRepo": ref, "hasProvenance": false}}

source := {"git": {"remote": "https://github.com/our-org/app.git"}}

archive := {"http": {"url": "https://example.com/a.tar", "host": "example.com"}}

# app < golang < debian < scratch
app := built_from("app", [built_from("golang", [built_from("debian", [bare("scratch")]), archive]), source]).image

everything := {
	"repositories": {"golang", "debian", "scratch"},
	"remotes": {"https://github.com/our-org/app.git"},
	"hosts": {"example.com"},
}

refs(depth) := {material.image.ref | some material in materials.down_to(app, depth)}

test_one_level_is_what_it_names if refs(1) == {"golang"}

test_each_level_adds_what_that_names if {
	refs(2) == {"golang", "debian"}
	refs(3) == {"golang", "debian", "scratch"}
	refs(4) == refs(3)
}

test_other_kinds_are_there if {
	source in materials.down_to(app, 1)
	archive in materials.down_to(app, 2)
}

test_other_depths_are_undefined if {
	not materials.down_to(app, 0)
	not materials.down_to(app, 5)
}

test_told if {
	materials.told(app, 1)
	materials.told(app, 3)
	not materials.told(app, 4)
	not materials.told(bare("x").image, 1)
}

test_other_depths_are_not_told if {
	not materials.told(app, 0)
	not materials.told(app, 6)
}

test_untold_names_images_without_provenance if materials.untold(app, 4) == {"scratch"}

test_allowed if {
	materials.allowed(app, 1, everything)
	materials.allowed(app, 3, everything)
	not materials.allowed(app, 4, everything)
	not materials.allowed(app, 5, everything)
	not materials.allowed(bare("x").image, 1, everything)
}

test_each_kind_is_judged if {
	every kind in ["repositories", "remotes", "hosts"] {
		not materials.allowed(app, 2, object.union(everything, {kind: set()}))
		not materials.allowed(app, 2, object.remove(everything, [kind]))
	}
}

test_the_denial_names_what_is_not_allowed if {
	message := materials.denial(app, 4, {"repositories": {"golang", "debian"}, "hosts": {"example.com"}})
	startswith(message, "app: not all that it was built from is allowed: ")
	contains(message, "https://github.com/our-org/app.git, scratch, scratch (no provenance)")
}

test_the_denial_names_files if {
	endswith(materials.denial(app, 2, object.remove(everything, ["hosts"])), ": https://example.com/a.tar")
}

test_the_denial_without_provenance if {
	wanted := "x: not all that it was built from is allowed: it has no provenance"
	materials.denial(bare("x").image, 1, everything) == wanted
}

test_what_is_allowed_has_no_denial if not materials.denial(app, 3, everything)

test_told_two_levels_down if {
	materials.told(app, 2)
	materials.untold(app, 2) == set()
}

test_other_attestations_tell_nothing if {
	not materials.told(object.remove(app, ["hasProvenance"]), 1)
	not materials.told(object.union(app, {"hasProvenance": false}), 1)
	not materials.told({"hasProvenance": true, "provenance": {}}, 1)
}

test_only_images_are_untold if materials.untold(built_from("x", [source, archive]).image, 2) == set()
