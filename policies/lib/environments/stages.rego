# METADATA
# title: Strict in production, lenient in development
# description: |
#   What a build is for shows in `input.env`: its target stage and its arguments. Whoever starts the build chooses
#   both, so this is for convenience and not for protection: what must never happen is to be denied in both. A build is
#   strict unless it says that it is a development build.
package lib.environments.stages

# METADATA
# description: The build's target is one of these stages.
# custom:
#   example: stages.targets(input.env, {"dev", "test"})
targets(env, stages) if env.target in stages

# METADATA
# description: A build argument has one of these values.
# custom:
#   example: |
#     stages.argument(input.env, "ENVIRONMENT", {"development"})
argument(env, name, values) if env.args[name] in values

# METADATA
# description: |
#   It is a development build: its target is one of `targets`, or an argument has one of the values listed in
#   `args`, and nothing of it is on the lists of `production`, which has the same form.
# custom:
#   example: |
#     stages.development(input.env, {
#     	"targets": {"dev"},
#     	"args": {"ENVIRONMENT": {"development"}},
#     	"production": {"targets": {"release"}, "args": {"RELEASE": {"1", "true"}}},
#     })
development(env, builds) if {
	is_listed(env, builds)
	not is_listed(env, object.get(builds, "production", {}))
}

is_listed(env, lists) if targets(env, lists.targets)

is_listed(env, lists) if {
	some name, values in lists.args
	argument(env, name, values)
}
