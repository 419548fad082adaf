package docker

example := {
	"hosts": ["registry.example.com"],
	"repositories": ["docker.io/library/alpine"],
	"below": ["ghcr.io/our-org"],
}

test_a_listed_host_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"image": {
		"ref": "registry.example.com/x:1",
		"host": "registry.example.com",
		"fullRepo": "registry.example.com/x",
	}}
}

test_a_listed_repository_is_allowed if {
	decision.allow with load_json as example with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"host": "docker.io",
		"fullRepo": "docker.io/library/alpine",
	}}
}

test_what_lies_below_a_listed_path_is_allowed if {
	decision.allow with load_json as example with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"host": "ghcr.io",
		"fullRepo": "ghcr.io/our-org/app",
	}}
}

test_another_image_is_denied if {
	decision == {"allow": false, "deny_msg": {concat("", [
		"docker.io/library/busybox:1: ",
		"neither docker.io nor docker.io/library/busybox is on a list of registries.json",
	])}} with load_json as example with input as {"image": {
		"ref": "docker.io/library/busybox:1",
		"host": "docker.io",
		"fullRepo": "docker.io/library/busybox",
	}}
}

test_a_list_that_is_not_there_is_empty if {
	not decision.allow with load_json as {"hosts": ["ghcr.io"]} with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"host": "docker.io",
		"fullRepo": "docker.io/library/alpine",
	}}
}

test_git_is_allowed if decision.allow with input as {"git": {"remote": "https://example.com/r.git"}}

test_files_are_allowed if decision.allow with input as {"http": {"url": "https://example.com/a"}}

test_folders_are_allowed if decision.allow with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with input as {"ociLayout": {"ref": "layouts/base:1"}}

test_unknown_sources_are_denied if not decision.allow with input as {"env": {"filename": "Dockerfile"}}

of_file("registries.json") := example

test_the_file_is_read if {
	image := {"ref": "registry.example.com/x:1", "host": "registry.example.com"}
	decision.allow with load_json as of_file with input as {"image": image}
}
