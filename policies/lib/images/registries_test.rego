package lib.images.registries_test

import data.lib.images.registries

ghcr := {"ref": "ghcr.io/org/app:1.0.0", "host": "ghcr.io"}

test_a_listed_host_is_allowed if registries.allowed(ghcr, {"docker.io", "ghcr.io"})

test_arrays_do_as_well_as_sets if registries.allowed(ghcr, ["docker.io", "ghcr.io"])

test_another_host_is_denied if not registries.allowed(ghcr, {"docker.io"})

test_a_host_is_compared_whole if not registries.allowed(ghcr, {"io", "ghcr.io.example.com"})

test_an_image_without_a_host_is_denied if not registries.allowed({"ref": "layout"}, {"docker.io"})

test_the_denial_names_what_is_allowed if {
	wanted := "ghcr.io/org/app:1.0.0: images may come from docker.io, quay.io, not from ghcr.io"
	registries.denial(ghcr, {"quay.io", "docker.io"}) == wanted
}

test_what_is_allowed_has_no_denial if not registries.denial(ghcr, {"ghcr.io"})
