package lib.locals.contexts_test

import data.lib.locals.contexts

test_standard if {
	contexts.standard({"name": "context"})
	contexts.standard({"name": "dockerfile"})
	not contexts.standard({"name": "shared"})
	not contexts.standard({})
}

test_allowed if {
	contexts.allowed({"name": "context"}, set())
	contexts.allowed({"name": "shared"}, {"shared"})
	not contexts.allowed({"name": "home"}, {"shared"})
}

test_dockerfile_only if {
	contexts.dockerfile_only({"name": "dockerfile"})
	not contexts.dockerfile_only({"name": "context"})
}

test_denial if {
	contexts.denial({"name": "home"}, {"shared"}) == "the folder home is none that this build may use"
	not contexts.denial({"name": "context"}, set())
}

test_denial_of_all_but_the_dockerfile if {
	wanted := "the folder context is not that of the Dockerfile; build from a commit"
	contexts.denial_dockerfile_only({"name": "context"}) == wanted
	not contexts.denial_dockerfile_only({"name": "dockerfile"})
}

test_names_are_compared_whole if not contexts.dockerfile_only({"name": "dockerfile2"})
