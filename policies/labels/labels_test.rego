package docker

example := {"required": ["team"], "values": {"vendor": ["Example Corp", "Example Inc"]}}

labelled := {"ref": "docker.io/library/alpine:3", "labels": {"team": "infra", "vendor": "Example Inc"}}

relabelled(labels) := object.union(labelled, {"labels": labels})

test_all_labels_are_there if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"image": labelled}
}

test_other_labels_do_not_matter if {
	image := relabelled({"stage": "dev"})
	decision.allow with load_json as example with input as {"image": image}
}

test_a_label_that_is_missing if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/alpine:3: labels are missing or empty: team"},
	} with load_json as example with input as {"image": {
		"ref": "docker.io/library/alpine:3",
		"labels": {"vendor": "Example Corp"},
	}}
}

test_a_label_with_another_value if {
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/alpine:3: labels have other values than are allowed: vendor"},
	} with load_json as example with input as {"image": relabelled({"vendor": "Evil"})}
}

test_labels_that_are_required_alone if {
	decision.allow with load_json as {"required": ["team"]} with input as {"image": labelled}
	not decision.allow with load_json as {"required": ["stage"]} with input as {"image": labelled}
}

test_values_alone if {
	decision.allow with load_json as {"values": {"team": ["infra"]}} with input as {"image": labelled}
	not decision.allow with load_json as {"values": {"team": ["web"]}} with input as {"image": labelled}
}

test_layouts_are_judged_as_well if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"ociLayout": labelled}
	decision == {
		"allow": false,
		"deny_msg": {
			"base:1: labels are missing or empty: team",
			"base:1: labels have other values than are allowed: vendor",
		},
	} with load_json as example with input as {"ociLayout": {"ref": "base:1", "labels": {}}}
}

test_layouts_must_meet_both_lists if {
	every labels in [{"team": "infra", "vendor": "Evil"}, {"vendor": "Example Corp"}] {
		not decision.allow with load_json as {"required": ["team"], "values": {"vendor": ["Example Corp"]}}
			with input as {"ociLayout": {"ref": "base:1", "labels": labels}}
	}
}

wrong_file := "labels.json must have `required`, `values` or both, and nothing else"

test_a_file_without_lists_lets_nothing_through[name] if {
	some name, content in {
		"empty": {},
		"misspelt": {"require": ["team"]},
		"more": {"required": ["team"], "value": {}},
		"a list": ["team"],
	}
	decision.allow == false with load_json as content with input as {"image": labelled}
	decision.allow == false with load_json as content with input as {"ociLayout": labelled}
	wrong_file in deny_msg with load_json as content with input as {"image": labelled}
	wrong_file in deny_msg with load_json as content with input as {"ociLayout": labelled}
	decision == {"allow": true, "deny_msg": set()} with load_json as content with input as {"local": {"name": "context"}}
}

test_git_is_allowed if {
	decision.allow with load_json as example with input as {"git": {"remote": "https://example.com/r.git"}}
}

test_files_are_allowed if {
	decision.allow with load_json as example with input as {"http": {"url": "https://example.com/a"}}
}

test_folders_are_allowed if decision.allow with load_json as example with input as {"local": {"name": "context"}}

test_unknown_sources_are_denied if not decision.allow with load_json as example with input as {"env": {}}

of_file("labels.json") := example

test_the_file_is_read if decision.allow with load_json as of_file with input as {"image": labelled}
