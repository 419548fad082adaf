package lib.git.refs_test

import data.lib.git.refs

remote := "https://github.com/moby/buildkit.git"

commit := "2450dcbab66bbd1074964147c326b560461663a0"

tag := {
	"remote": remote,
	"ref": "refs/tags/v0.26.1",
	"tagName": "v0.26.1",
	"isAnnotatedTag": true,
	"commitChecksum": commit,
}

branch := {"remote": remote, "ref": "refs/heads/main", "branch": "main", "commitChecksum": commit}

by_commit := {"remote": remote, "ref": commit, "isCommitRef": true, "commitChecksum": commit}

nothing := {"remote": remote}

test_pinned if {
	refs.pinned(by_commit)
	not refs.pinned(tag)
	not refs.pinned(branch)
	not refs.pinned(nothing)
}

test_the_denial_names_the_ref if {
	refs.denial(tag) == concat("", [remote, ": name a commit by its full id instead of the tag v0.26.1"])
	endswith(refs.denial(branch), "the branch main")
	endswith(refs.denial(nothing), "its default branch")
	endswith(refs.denial(object.union(nothing, {"ref": "refs/pull/1/head"})), "instead of refs/pull/1/head")
	not refs.denial(by_commit)
}

test_tagged if {
	refs.tagged(tag, {"v[0-9]*"})
	refs.tagged(tag, {"main", "v0.26.*"})
	not refs.tagged(tag, {"v1.*"})
	not refs.tagged(branch, {"*"})
	not refs.tagged(nothing, {"*"})
}

test_the_denial_names_the_patterns if {
	refs.denial_tag(branch, {"v*"}) == concat("", [remote, ": the branch main is no tag like v*"])
	not refs.denial_tag(tag, {"v*"})
}

test_on_branch if {
	refs.on_branch(branch, {"main"})
	not refs.on_branch(branch, {"release"})
	not refs.on_branch(tag, {"main", "v0.26.1"})
}

test_annotated if {
	refs.annotated(tag)
	not refs.annotated(object.remove(tag, ["isAnnotatedTag"]))
	not refs.annotated(branch)
	not refs.denial_annotated(tag)
	refs.denial_annotated(branch) == concat("", [remote, ": the branch main is no annotated tag"])
}

test_unmoved if {
	refs.unmoved(tag, {concat("#", [remote, "refs/tags/v0.26.1"]): commit})
	not refs.unmoved(tag, {concat("#", [remote, "refs/tags/v0.26.1"]): "0000"})
	not refs.unmoved(tag, {concat("#", [remote, "refs/heads/v0.26.1"]): commit})
	not refs.unmoved(tag, {})
}

test_the_denial_shows_both_commits if {
	message := refs.denial_unmoved(tag, {concat("#", [remote, "refs/tags/v0.26.1"]): "0000"})
	message == sprintf("%s: expected 0000 at refs/tags/v0.26.1, found %s", [remote, commit])
	contains(refs.denial_unmoved(tag, {}), "expected a commit recorded for this ref")
	not refs.denial_unmoved(tag, {concat("#", [remote, "refs/tags/v0.26.1"]): commit})
}

test_the_denial_names_the_branches if {
	wanted := concat("", [remote, ": the tag v0.26.1 is no branch of main, release"])
	refs.denial_branch(tag, {"release", "main"}) == wanted
	not refs.denial_branch(branch, {"main"})
}

test_several_patterns_are_listed if {
	endswith(refs.denial_tag(branch, {"v*", "release-*"}), "is no tag like release-*, v*")
}

test_the_denial_of_what_is_not_recorded if {
	wanted := "%s: expected a commit recorded for this ref at refs/tags/v0.26.1, found %s"
	refs.denial_unmoved(tag, {}) == sprintf(wanted, [remote, commit])
}
