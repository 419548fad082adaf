package docker

example := {
	"ranges": {"docker.io/library/golang": {"min": "1.24", "below": "2"}},
	"withdrawn": {"docker.io/library/node": ["22.3.*", "sha256:2222"], "docker.io/library/golang": ["1.25.1"]},
}

tagged(name, tag) := {"ref": sprintf("%s:%s", [name, tag]), "fullRepo": name, "tag": tag, "checksum": "sha256:1111"}

golang(tag) := tagged("docker.io/library/golang", tag)

node(tag) := tagged("docker.io/library/node", tag)

wrong_file := "versions.json must have `ranges`, `withdrawn` or both, and nothing else"

test_a_version_in_the_range if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"image": golang("1.25.3")}
}

test_a_version_before_the_range if {
	decision == {
		"allow": false,
		"deny_msg": {`docker.io/library/golang:1.23: the version must be in the range {"below": "2", "min": "1.24"}`},
	} with load_json as example with input as {"image": golang("1.23")}
}

test_a_withdrawn_version_in_the_range if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/golang:1.25.1: this version was withdrawn; use another one"},
	} with load_json as example with input as {"image": golang("1.25.1")}
}

test_a_withdrawn_version_of_any_range if {
	not decision.allow with load_json as example with input as {"image": node("22.3.0")}
	decision.allow with load_json as example with input as {"image": node("22.4.0")}
}

test_a_withdrawn_digest_by_another_tag if {
	image := object.union(node("22"), {"checksum": "sha256:2222"})
	not decision.allow with load_json as example with input as {"image": image}
}

test_other_repositories_are_not_judged if {
	image := tagged("docker.io/library/alpine", "latest")
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"image": image}
}

test_one_list_is_enough if {
	decision.allow with load_json as object.remove(example, ["withdrawn"]) with input as {"image": golang("1.25.1")}
	decision.allow with load_json as object.remove(example, ["ranges"]) with input as {"image": golang("1.23")}
}

test_a_file_without_lists_lets_no_image_through[name] if {
	some name, content in {
		"empty": {},
		"misspelt": {"range": {}},
		"more": {"ranges": {}, "forbidden": {}},
		"a list": ["ranges"],
	}
	result := decision with load_json as content with input as {"image": golang("1.25")}
	result == {"allow": false, "deny_msg": {wrong_file}}
	decision.allow with load_json as content with input as {"local": {"name": "context"}}
	deny_msg == set() with load_json as content with input as {"local": {"name": "context"}}
}

test_git_is_allowed if {
	decision.allow with load_json as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_files_are_allowed if {
	decision.allow with load_json as example with input as {"http": {"url": "https://example.com/a"}}
}

test_folders_are_allowed if decision.allow with load_json as example with input as {"local": {"name": "context"}}

test_layouts_are_allowed if decision.allow with load_json as example with input as {"ociLayout": {"ref": "base:1"}}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("versions.json") := example

test_the_file_is_read if decision.allow with load_json as of_file with input as {"image": golang("1.25.3")}
