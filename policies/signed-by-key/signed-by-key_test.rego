package docker

example := {"ghcr.io/our-org/": "ours.pub", "docker.io/library/alpine": "mirror.pub"}

tagged(name) := {"ref": concat(":", [name, "1"]), "fullRepo": name}

# Only `ours.pub` signed anything.
ours(_, "ours.pub") := [{"type": "simplesigning-v1"}]

ours(_, file) := [] if file != "ours.pub"

test_a_signed_image_is_allowed if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example
		with verify_image_key as ours
		with input as {"image": tagged("ghcr.io/our-org/app")}
}

test_the_key_of_another_repository_does_not_count if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/alpine:1: no signature of the key mirror.pub"},
	} with load_json as example
		with verify_image_key as ours
		with input as {"image": tagged("docker.io/library/alpine")}
}

test_any_of_several_will_do if {
	keys_of_two := object.union(example, {"ghcr.io/": "other.pub"})
	decision == {"allow": true, "deny_msg": set()} with load_json as keys_of_two
		with verify_image_key as ours
		with input as {"image": tagged("ghcr.io/our-org/app")}
}

test_an_image_without_key_is_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/busybox:1: keys.json doesn't say whose key signs docker.io/library/busybox"},
	} with load_json as example
		with verify_image_key as ours
		with input as {"image": tagged("docker.io/library/busybox")}
}

test_layouts_are_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"base:1: signatures are not looked for in layouts"},
	} with load_json as example with input as {"ociLayout": {"ref": "base:1"}}
}

test_git_is_allowed if {
	decision.allow with load_json as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_files_are_allowed if {
	decision.allow with load_json as example with input as {"http": {"url": "https://example.com/a"}}
}

test_folders_are_allowed if decision.allow with load_json as example with input as {"local": {"name": "context"}}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("keys.json") := example

test_the_file_is_read if {
	decision.allow with load_json as of_file
		with verify_image_key as ours
		with input as {"image": tagged("ghcr.io/our-org/app")}
}
