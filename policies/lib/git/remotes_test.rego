package lib.git.remotes_test

import data.lib.git.remotes

buildkit := {"schema": "https", "host": "github.com", "remote": "https://github.com/moby/buildkit.git"}

over(schema) := {
	"schema": schema,
	"host": "github.com",
	"remote": concat("://", [schema, "github.com/moby/buildkit.git"]),
}

test_a_listed_host if {
	remotes.on_host(buildkit, {"github.com"})
	not remotes.on_host(buildkit, {"gitlab.com"})
}

test_a_listed_repository if {
	remotes.allowed(buildkit, {"https://github.com/moby/buildkit.git"})
	remotes.allowed(buildkit, {"https://github.com/moby/buildkit"})
	not remotes.allowed(buildkit, {"https://github.com/moby/buildkit2", "https://github.com/moby"})
}

test_below if {
	remotes.below(buildkit, {"https://github.com/moby"})
	remotes.below(buildkit, {"https://github.com/moby/", "https://github.com"})
	not remotes.below(buildkit, {"https://github.com/mob", "", "/", "https:", "https:/"})
}

test_paths_that_climb_lie_nowhere if {
	every path in ["moby/../evil/x.git", "moby/..", "moby/./x", "moby/%2e%2e/evil"] {
		climbing := object.union(buildkit, {"remote": concat("/", ["https://github.com", path])})
		not remotes.below(climbing, {"https://github.com/moby"})
	}
}

test_ssh_is_encrypted if remotes.on_host(over("ssh"), {"github.com"})

test_plain_protocols_are_not if {
	every schema in ["http", "git"] {
		not remotes.encrypted(over(schema))
		not remotes.on_host(over(schema), {"github.com"})
		not remotes.allowed(over(schema), {over(schema).remote})
		not remotes.below(over(schema), {concat("://", [schema, "github.com"])})
	}
}

test_the_denial_names_the_repository if {
	wanted := "https://github.com/moby/buildkit.git: this repository is not on the list"
	remotes.denial(buildkit, {"gitlab.com"}) == wanted
	endswith(remotes.denial(over("git"), {"github.com"}), ", and must be fetched by https or ssh")
}

test_what_is_allowed_has_no_denial if {
	not remotes.denial(buildkit, {"github.com"})
	not remotes.denial(buildkit, {"https://github.com/moby/buildkit"})
	not remotes.denial(buildkit, {"https://github.com/moby"})
}

test_the_denial_of_plain_protocols if {
	wanted := "git://github.com/moby/buildkit.git: fetch it by https or ssh"
	remotes.denial_encrypted(over("git")) == wanted
	not remotes.denial_encrypted(buildkit)
}

test_below_is_from_the_beginning if {
	elsewhere := object.union(buildkit, {"remote": "https://evil.example/https://github.com/moby/x.git"})
	not remotes.below(elsewhere, {"https://github.com/moby"})
}
