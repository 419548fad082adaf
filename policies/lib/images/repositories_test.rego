package lib.images.repositories_test

import data.lib.images.repositories

alpine := {"ref": "docker.io/library/alpine:3.22", "repo": "alpine", "fullRepo": "docker.io/library/alpine"}

app := {"ref": "ghcr.io/org/app:1.0.0", "repo": "ghcr.io/org/app", "fullRepo": "ghcr.io/org/app"}

test_a_listed_repository_is_allowed if repositories.allowed(alpine, {"docker.io/library/alpine"})

test_another_repository_is_denied if not repositories.allowed(app, {"docker.io/library/alpine"})

test_short_names_match_nothing if not repositories.allowed(alpine, {"alpine", "library/alpine"})

test_the_denial_shows_the_name_to_list if {
	wanted := "docker.io/library/alpine:3.22: docker.io/library/alpine is not on the list of repositories"
	repositories.denial(alpine, {"alpine"}) == wanted
}

test_what_is_allowed_has_no_denial if not repositories.denial(alpine, {"docker.io/library/alpine"})

test_below_takes_a_whole_organization if repositories.below(app, {"ghcr.io/org"})

test_below_takes_a_trailing_slash if repositories.below(app, {"ghcr.io/org/"})

test_below_takes_a_registry if repositories.below(app, {"ghcr.io"})

test_below_ends_between_segments if not repositories.below(app, {"ghcr.io/or", "ghcr", "ghcr.io/org/app"})

test_below_nothing_is_nothing if not repositories.below(app, {"", "/"})

test_the_denial_below_names_the_paths if {
	wanted := "docker.io/library/alpine:3.22: docker.io/library/alpine lies below none of ghcr.io/org"
	repositories.denial_below(alpine, {"ghcr.io/org"}) == wanted
}

test_what_lies_below_has_no_denial if not repositories.denial_below(app, {"ghcr.io/org"})

test_a_name_is_a_repository_or_what_lies_below if {
	repositories.named(app, "ghcr.io/org/app")
	repositories.named(app, "ghcr.io/org/")
	not repositories.named(app, "ghcr.io/org")
	not repositories.named(app, "ghcr.io/org/app/")
	not repositories.named(app, "/")
}

test_below_is_from_the_beginning if {
	elsewhere := {"ref": "x", "fullRepo": "evil.example/ghcr.io/org/app"}
	not repositories.below(elsewhere, {"ghcr.io/org"})
}

test_the_denial_below_names_all_paths if {
	endswith(repositories.denial_below(alpine, {"quay.io", "ghcr.io/org"}), "below none of ghcr.io/org, quay.io")
}
