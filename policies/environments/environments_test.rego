package docker

test_any_image_in_development if {
	decision == {"allow": true, "deny_msg": set()} with input as {
		"env": {"target": "dev"},
		"image": {"ref": "docker.io/library/alpine:latest"},
	}
}

test_an_argument_makes_a_development_build if {
	decision.allow with input as {
		"env": {"args": {"ENVIRONMENT": "development"}},
		"ociLayout": {"ref": "base:1"},
	}
}

test_https_in_development if {
	decision.allow with input as {
		"env": {"target": "test"},
		"http": {"url": "https://example.com/a", "schema": "https"},
	}
}

test_no_http_even_in_development if {
	decision == {"allow": false, "deny_msg": {"http://example.com/a: use https"}} with input as {
		"env": {"target": "test"},
		"http": {"url": "http://example.com/a", "schema": "http"},
	}
}

test_branches_in_development if {
	decision.allow with input as {
		"env": {"target": "dev"},
		"git": {"remote": "https://example.com/r.git", "schema": "https", "branch": "main"},
	}
}

test_no_plain_git_even_in_development if {
	"git://example.com/r.git: fetch it by https or ssh" in decision.deny_msg with input as {
		"env": {"target": "dev"},
		"git": {"remote": "git://example.com/r.git", "schema": "git", "isCommitRef": true},
	}
}

test_tags_are_denied_in_production if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/alpine:3: name the digest as well, docker.io/library/alpine:3@sha256:…"},
	} with input as {"env": {"target": "release"}, "image": {"ref": "docker.io/library/alpine:3"}}
}

test_a_build_that_says_nothing_is_production if {
	not decision.allow with input as {"image": {"ref": "docker.io/library/alpine:3"}}
}

test_digests_need_provenance_in_production if {
	decision == {
		"allow": false,
		"deny_msg": {"x@sha256:1: it has no SLSA provenance; build it with --provenance=mode=max"},
	} with input as {
		"env": {"target": "release"},
		"image": {"ref": "x@sha256:1", "isCanonical": true, "hasProvenance": false},
	}
}

test_digests_with_provenance_in_production if {
	decision.allow with input as {
		"env": {"target": "release"},
		"image": {
			"ref": "x@sha256:1",
			"isCanonical": true,
			"hasProvenance": true,
			"provenance": {"predicateType": "https://slsa.dev/provenance/v1"},
		},
	}
}

test_commits_in_production if {
	decision == {"allow": true, "deny_msg": set()} with input as {"git": {
		"remote": "https://example.com/r.git",
		"schema": "https",
		"isCommitRef": true,
	}}
}

test_branches_are_denied_in_production if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/r.git: name a commit by its full id instead of the branch main"},
	} with input as {"git": {"remote": "https://example.com/r.git", "schema": "https", "branch": "main"}}
}

test_files_are_denied_in_production if {
	decision == {
		"allow": false,
		"deny_msg": {"https://example.com/a: files are not downloaded by production builds; add them to the context"},
	} with input as {"http": {"url": "https://example.com/a", "schema": "https"}}
}

test_layouts_are_denied_in_production if {
	decision == {
		"allow": false,
		"deny_msg": {"base:1: layouts are for development builds"},
	} with input as {"ociLayout": {"ref": "base:1"}}
}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_what_says_both_is_production[name] if {
	some name, env in {
		"stage": {"target": "release", "args": {"ENVIRONMENT": "development"}},
		"argument": {"target": "dev", "args": {"ENVIRONMENT": "production"}},
	}
	decision.allow == false with input as {"env": env, "image": {"ref": "docker.io/library/alpine:3"}}
}

test_provenance_alone_is_not_enough_in_production if {
	decision == {"allow": false, "deny_msg": {"x:1: name the digest as well, x:1@sha256:…"}} with input as {"image": {
		"ref": "x:1",
		"hasProvenance": true,
		"provenance": {"predicateType": "https://slsa.dev/provenance/v1"},
	}}
}

test_no_plain_git_in_production if {
	decision == {
		"allow": false,
		"deny_msg": {"git://example.com/r.git: fetch it by https or ssh"},
	} with input as {"git": {"remote": "git://example.com/r.git", "schema": "git", "isCommitRef": true}}
}

test_what_is_allowed_in_development_has_no_message[name] if {
	some name, source in {
		"git": {"git": {"remote": "https://example.com/r.git", "schema": "https", "branch": "main"}},
		"http": {"http": {"url": "https://example.com/a", "schema": "https"}},
		"ociLayout": {"ociLayout": {"ref": "base:1"}},
		"image by digest": {"image": {"ref": "x@sha256:1", "isCanonical": true, "hasProvenance": false}},
	}
	decision == {"allow": true, "deny_msg": set()} with input as object.union(source, {"env": {"target": "dev"}})
}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"target": "dev"}}
