# METADATA
# title: Signed commits and tags
# description: |
#   The file names the keys that count: an OpenPGP keyring (`gpg --export --armor`), SSH public keys, or git's
#   `allowed_signers`. Whoever holds one of them may sign, so keep a file per repository. What is not signed is denied,
#   and so is a signature that doesn't verify; the report says why. `git` must be `input.git` itself.
# custom:
#   buildx: takes OpenPGP keyrings alone
package lib.git.signatures

# METADATA
# description: The commit is signed by one of the keys in the file.
# custom:
#   example: signatures.commit(input.git, "keys/maintainers.asc")
commit(git, file) if {
	is_signed(git.commit)
	verify_git_signature(git.commit, file)
}

# METADATA
# description: The ref is an annotated tag, signed by one of the keys in the file.
# custom:
#   example: signatures.tag(input.git, "keys/maintainers.asc")
tag(git, file) if {
	is_signed(git.tag)
	verify_git_signature(git.tag, file)
}

# METADATA
# scope: document
# description: |
#   An annotated tag is signed, or else the commit. Who may move a tag without signature can't forge the commit.
# custom:
#   example: signatures.tag_or_commit(input.git, "keys/allowed_signers")
tag_or_commit(git, file) if tag(git, file)

tag_or_commit(git, file) if {
	not has_signed_tag(git)
	commit(git, file)
}

# A function is not even asked about an argument that is undefined, and `not` of that doesn't hold.
has_signed_tag(git) if is_signed(git.tag)

is_signed(made) if made.pgpSignature

is_signed(made) if made.sshSignature

# METADATA
# description: Why the ref isn't allowed by `commit`.
denial_commit(git, file) := message if {
	not commit(git, file)
	message := sprintf("%s: commit %s is not signed by a key of %s", [git.remote, git.commitChecksum, file])
}

# METADATA
# description: Why the ref isn't allowed by `tag`.
denial_tag(git, file) := message if {
	not tag(git, file)
	message := sprintf("%s: needs an annotated tag that is signed by a key of %s", [git.remote, file])
}

# METADATA
# description: Why the ref isn't allowed by `tag_or_commit`.
denial_tag_or_commit(git, file) := message if {
	not tag_or_commit(git, file)
	message := sprintf("%s: neither tag nor commit is signed by a key of %s", [git.remote, file])
}
