package lib.images.config_test

import data.lib.images.config

image := {"ref": "ghcr.io/org/base:1.0.0", "labels": {"vendor": "Example Corp", "empty": ""}, "user": "1000:1000"}

test_labels_that_are_there if config.labelled(image, {"vendor"})

test_no_label_is_demanded if config.labelled(image, set())

test_an_empty_label_is_missing if not config.labelled(image, {"vendor", "empty"})

test_labels_that_are_not_there if not config.labelled(image, ["version"])

test_no_labels_at_all if not config.labelled({"ref": "x"}, ["version"])

test_the_denial_names_the_labels if {
	wanted := "ghcr.io/org/base:1.0.0: labels are missing or empty: empty, version"
	config.denial_labels(image, {"version", "vendor", "empty"}) == wanted
}

test_labels_that_are_there_have_no_denial if not config.denial_labels(image, {"vendor"})

test_a_listed_value if config.label_values(image, {"vendor": {"Example Corp", "Other"}})

test_another_value if not config.label_values(image, {"vendor": {"Other"}})

test_a_value_of_a_missing_label if not config.label_values(image, {"version": {""}})

test_the_denial_names_labels_with_other_values if {
	wanted := "ghcr.io/org/base:1.0.0: labels have other values than are allowed: vendor, version"
	config.denial_label_values(image, {"vendor": {"Other"}, "version": {"1"}, "empty": {""}}) == wanted
}

test_listed_values_have_no_denial if not config.denial_label_values(image, {"vendor": {"Example Corp"}})

test_other_users if {
	every user in ["1000", "1000:0", "app", "app:root", "nonroot"] {
		config.non_root({"ref": "x", "user": user})
	}
}

test_root if {
	every user in ["", "root", "root:app", "0", "0:1000", "00", "-0", ":1000"] {
		not config.non_root({"ref": "x", "user": user})
	}
}

test_no_user_is_root if not config.non_root({"ref": "x"})

test_the_denial_of_root if {
	config.denial_root({"ref": "x"}) == "x: its containers run as root; use an image with another USER"
}

test_another_user_has_no_denial if not config.denial_root(image)
