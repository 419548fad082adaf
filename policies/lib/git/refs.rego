# METADATA
# title: Refs that may be cloned
# description: |
#   Branches and tags can be moved; a commit can't. A build that names a commit by its full id gets that commit or
#   nothing.
package lib.git.refs

# METADATA
# description: The build names a commit by its full id.
# custom:
#   example: refs.pinned(input.git)
pinned(git) if git.isCommitRef

# METADATA
# description: Why the ref isn't allowed by `pinned`.
denial(git) := message if {
	not pinned(git)
	message := sprintf("%s: name a commit by its full id instead of %s", [git.remote, ref_name(git)])
}

# METADATA
# description: The ref is a tag that one of these globs matches.
# custom:
#   example: refs.tagged(input.git, {"v[0-9]*"})
tagged(git, patterns) if {
	some pattern in patterns
	glob.match(pattern, null, git.tagName)
}

# METADATA
# description: Why the ref isn't allowed by `tagged`.
denial_tag(git, patterns) := message if {
	not tagged(git, patterns)
	wanted := concat(", ", patterns)
	message := sprintf("%s: %s is no tag like %s", [git.remote, ref_name(git), wanted])
}

# METADATA
# description: The ref is one of these branches.
# custom:
#   example: refs.on_branch(input.git, {"main"})
on_branch(git, branches) if git.branch in branches

# METADATA
# description: Why the ref isn't allowed by `on_branch`.
denial_branch(git, branches) := message if {
	not on_branch(git, branches)
	message := sprintf("%s: %s is no branch of %s", [git.remote, ref_name(git), concat(", ", branches)])
}

# METADATA
# description: The ref is an annotated tag, which says who made it and when.
# custom:
#   example: refs.annotated(input.git)
annotated(git) if git.isAnnotatedTag

# METADATA
# description: Why the ref isn't allowed by `annotated`.
denial_annotated(git) := message if {
	not annotated(git)
	message := sprintf("%s: %s is no annotated tag", [git.remote, ref_name(git)])
}

# METADATA
# description: |
#   The ref still names the commit that is recorded for it. Names are those of the lock file: remote, `#`, and the
#   full ref.
# custom:
#   example: |
#     refs.unmoved(input.git, {"https://github.com/moby/buildkit.git#refs/tags/v0.26.1": "2450dcbab66b…"})
unmoved(git, recorded) if git.commitChecksum == recorded[concat("#", [git.remote, git.ref])]

# METADATA
# description: Why the ref isn't allowed by `unmoved`.
denial_unmoved(git, recorded) := message if {
	not unmoved(git, recorded)
	wanted := object.get(recorded, concat("#", [git.remote, git.ref]), "a commit recorded for this ref")
	message := sprintf("%s: expected %s at %s, found %s", [git.remote, wanted, git.ref, git.commitChecksum])
}

ref_name(git) := concat(" ", ["the tag", git.tagName])

ref_name(git) := concat(" ", ["the branch", git.branch]) if not git.tagName

ref_name(git) := "its default branch" if {
	not git.tagName
	not git.branch
	not git.ref
}

ref_name(git) := git.ref if {
	not git.tagName
	not git.branch
}
