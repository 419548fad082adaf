package docker

example := {
	"hosts": ["git.example.com"],
	"repositories": ["https://github.com/moby/buildkit.git"],
	"below": ["https://github.com/our-org"],
}

https(host, path) := {"remote": sprintf("https://%s/%s", [host, path]), "schema": "https", "host": host}

test_a_listed_host if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"git": {
		"remote": "ssh://git@git.example.com/any.git",
		"schema": "ssh",
		"host": "git.example.com",
	}}
}

test_a_listed_repository if {
	decision.allow with load_json as example with input as {"git": https("github.com", "moby/buildkit.git")}
}

test_below_a_listed_place if {
	decision.allow with load_json as example with input as {"git": https("github.com", "our-org/app.git")}
}

test_what_is_on_no_list if {
	decision == {
		"allow": false,
		"deny_msg": {"https://github.com/our-org-2/app.git: on no list of remotes.json"},
	} with load_json as example with input as {"git": https("github.com", "our-org-2/app.git")}
}

test_unencrypted_even_of_a_listed_host if {
	decision == {
		"allow": false,
		"deny_msg": {"git://git.example.com/any.git: fetch it by https or ssh"},
	} with load_json as example with input as {"git": {
		"remote": "git://git.example.com/any.git",
		"schema": "git",
		"host": "git.example.com",
	}}
}

test_lists_that_are_not_there_are_empty if {
	not decision.allow with load_json as {} with input as {"git": https("git.example.com", "any.git")}
}

test_images_are_allowed if {
	decision.allow with load_json as example with input as {"image": {"ref": "docker.io/library/alpine:3"}}
}

test_files_are_allowed if {
	decision.allow with load_json as example with input as {"http": {"url": "https://example.com/a"}}
}

test_folders_are_allowed if decision.allow with load_json as example with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with load_json as example with input as {"ociLayout": {"ref": "base:1"}}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("remotes.json") := example

test_the_file_is_read if {
	decision.allow with load_json as of_file with input as {"git": https("github.com", "our-org/app.git")}
}
