package docker

identity := {"trustRoot": "sigstore", "signer": {"issuer": "https://i", "subjectAlternativeName": "a@b"}}

demands := {
	"builders": ["https://github.com/our-org/"],
	"sources": ["https://github.com/our-org/app"],
	"hermetic": true,
	"materials": {"depth": 1, "repositories": ["docker.io/library/golang"], "remotes": [], "hosts": []},
	"signedBy": identity,
}

example := {"ghcr.io/our-org/": demands}

app := {
	"ref": "ghcr.io/our-org/app:1",
	"fullRepo": "ghcr.io/our-org/app",
	"hasProvenance": true,
	"provenance": {
		"predicateType": "https://slsa.dev/provenance/v1",
		"builderID": "https://github.com/our-org/app/actions/runs/1",
		"configSource": {"uri": "https://github.com/our-org/app.git#refs/heads/main"},
		"hermetic": true,
		"materials": [{"image": {"ref": "golang:1", "fullRepo": "docker.io/library/golang"}}],
		"signatures": [identity],
	},
}

changed(field, value) := json.patch(app, [{
	"op": "replace",
	"path": concat("/", ["/provenance", field]),
	"value": value,
}])

test_everything_is_met if {
	decision == {"allow": true, "deny_msg": set()} with load_json as example with input as {"image": app}
}

test_a_builder_by_its_id if {
	by_id := {"ghcr.io/our-org/app": {"builders": ["https://github.com/our-org/app/actions/runs/1"]}}
	decision.allow with load_json as by_id with input as {"image": app}
}

# Each demand is not met, alone: the image is denied, and told why.
test_each_demand_counts[field] if {
	some field, wrong in {
		"builderID": ["https://evil.example/", "built by https://evil.example/"],
		"configSource/uri": ["https://github.com/evil/app", "built from https://github.com/evil/app"],
		"hermetic": [false, "not built without network"],
		"materials": [[{"image": {"ref": "evil:1", "fullRepo": "docker.io/evil"}}], "is allowed: evil:1"],
		"signatures": [[], "its provenance is not signed by"],
	}
	result := decision with load_json as example with input as {"image": changed(field, wrong[0])}
	result.allow == false
	count(result.deny_msg) == 1
	some message in result.deny_msg
	contains(message, wrong[1])
}

test_no_provenance_is_told_alone_where_nothing_else_is_demanded if {
	decision == {
		"allow": false,
		"deny_msg": {"ghcr.io/our-org/app:1: it has no SLSA provenance; build it with --provenance=mode=max"},
	} with load_json as {"ghcr.io/our-org/": {}} with input as {"image": {
		"ref": "ghcr.io/our-org/app:1",
		"fullRepo": "ghcr.io/our-org/app",
		"hasProvenance": false,
	}}
}

test_provenance_is_enough_where_nothing_else_is_demanded if {
	decision.allow with load_json as {"ghcr.io/our-org/": {}} with input as {"image": app}
}

test_any_of_several_will_do if {
	two := object.union(example, {"ghcr.io/our-org/app": {"sources": ["https://github.com/our-org/other"]}})
	decision == {"allow": true, "deny_msg": set()} with load_json as two with input as {"image": app}
}

test_an_unknown_demand_is_not_met[name] if {
	some name, demand in {
		"source": [],
		"hermetic": false,
		"builders": false,
		"sources": null,
		"materials": false,
		"signedBy": false,
	}
	wanted := {"ghcr.io/our-org/": object.union(demands, {name: demand})}
	decision.allow == false with load_json as wanted with input as {"image": app}
}

test_an_unknown_demand_is_named if {
	decision == {
		"allow": false,
		"deny_msg": {"ghcr.io/our-org/app:1: built-from.json demands source, which is not known"},
	} with load_json as {"ghcr.io/our-org/": {"source": []}} with input as {"image": app}
}

test_an_image_on_no_list_is_denied if {
	image := {"ref": "docker.io/library/busybox:1", "fullRepo": "docker.io/library/busybox"}
	decision == {
		"allow": false,
		"deny_msg": {"docker.io/library/busybox:1: built-from.json doesn't say how docker.io/library/busybox is built"},
	} with load_json as example with input as {"image": image}
}

test_layouts_are_denied if {
	decision == {
		"allow": false,
		"deny_msg": {"base:1: provenance is not judged in layouts"},
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

test_what_is_demanded_of_others_says_nothing if {
	stranger := object.union(app, {"ref": "docker.io/library/x:1", "fullRepo": "docker.io/library/x"})
	result := decision with load_json as object.union(example, {"quay.io/": {"source": []}})
		with input as {"image": stranger}
	result == {
		"allow": false,
		"deny_msg": {"docker.io/library/x:1: built-from.json doesn't say how docker.io/library/x is built"},
	}
}

of_file("built-from.json") := example

test_the_file_is_read if decision.allow with load_json as of_file with input as {"image": app}
