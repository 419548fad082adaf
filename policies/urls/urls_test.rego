package docker

example := {
	"hosts": ["files.example.com"],
	"below": ["github.com/our-org"],
	"checksums": {"https://files.example.com/pinned": "sha256:1111", "http://old.example.com/a": "sha256:1111"},
}

file(schema, host, path, checksum) := {
	"url": sprintf("%s://%s%s", [schema, host, path]),
	"schema": schema,
	"host": host,
	"path": path,
	"checksum": checksum,
}

test_a_listed_host if {
	source := {"http": file("https", "files.example.com", "/a", "sha256:3333")}
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as source
}

test_below_a_listed_place if {
	source := {"http": file("https", "github.com", "/our-org/app/a", "sha256:3333")}
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as source
}

test_what_is_on_no_list if {
	source := {"http": file("https", "github.com", "/our-org-2/app/a", "sha256:3333")}
	decision == {
		"allow": false,
		"deny_msg": {"https://github.com/our-org-2/app/a: on no list of urls.json"},
	} with load_json as example with input as source
}

test_unencrypted_even_of_a_listed_host if {
	every source in [
		{"http": file("http", "files.example.com", "/a", "sha256:3333")},
		{"http": file("http", "github.com", "/our-org/app/a", "sha256:3333")},
	] {
		decision == {
			"allow": false,
			"deny_msg": {sprintf("%s: use https", [source.http.url])},
		} with load_json as example with input as source
	}
}

test_a_checksum_holds_a_file if {
	every source in [
		{"http": file("https", "files.example.com", "/pinned", "sha256:1111")},
		{"http": file("http", "old.example.com", "/a", "sha256:1111")},
	] {
		decision == {"allow": true, "deny_msg": set()} with load_json as example with input as source
	}
}

test_another_checksum_even_of_a_listed_host if {
	source := {"http": file("https", "files.example.com", "/pinned", "sha256:2222")}
	decision == {
		"allow": false,
		"deny_msg": {"https://files.example.com/pinned: expected sha256:1111, found sha256:2222"},
	} with load_json as example with input as source
	below := object.union(example, {"below": ["files.example.com"]})
	not decision.allow with load_json as below with input as source
}

test_lists_that_are_not_there_are_empty if {
	not decision.allow with load_json as {} with input as {"http": file("https", "files.example.com", "/a", "x")}
}

test_git_is_allowed if {
	decision.allow with load_json as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_images_are_allowed if {
	decision.allow with load_json as example with input as {"image": {"ref": "docker.io/library/alpine:3"}}
}

test_folders_are_allowed if decision.allow with load_json as example with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with load_json as example with input as {"ociLayout": {"ref": "base:1"}}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("urls.json") := example

test_the_file_is_read if {
	source := {"http": file("https", "files.example.com", "/a", "sha256:3333")}
	decision.allow with load_json as of_file with input as source
}
