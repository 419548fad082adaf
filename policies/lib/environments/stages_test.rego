package lib.environments.stages_test

import data.lib.environments.stages

builds := {
	"targets": {"dev", "test"},
	"args": {"ENVIRONMENT": {"development"}},
	"production": {"targets": {"release"}, "args": {"RELEASE": {"1", "true"}}},
}

test_targets if {
	stages.targets({"target": "dev"}, {"dev"})
	not stages.targets({"target": "release"}, {"dev"})
	not stages.targets({}, {"dev", ""})
}

test_argument if {
	stages.argument({"args": {"ENVIRONMENT": "development"}}, "ENVIRONMENT", {"development"})
	not stages.argument({"args": {"ENVIRONMENT": "production"}}, "ENVIRONMENT", {"development"})
	not stages.argument({"args": {"ENVIRONMENT": null}}, "ENVIRONMENT", {"development"})
	not stages.argument({}, "ENVIRONMENT", {"development"})
}

test_development if {
	stages.development({"target": "dev"}, builds)
	stages.development({"target": "build", "args": {"ENVIRONMENT": "development"}}, builds)
	stages.development({"target": "dev"}, {"targets": {"dev"}})
}

test_everything_else_is_production if {
	every env in [{}, {"target": "build"}, {"args": {"ENVIRONMENT": "production"}}, {"args": {"X": "development"}}] {
		not stages.development(env, builds)
	}
}

test_what_is_both_is_production if {
	not stages.development({"target": "dev", "args": {"RELEASE": "1"}}, builds)
	not stages.development({"target": "release", "args": {"ENVIRONMENT": "development"}}, builds)
}
