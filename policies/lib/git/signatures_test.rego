package lib.git.signatures_test

import data.lib.git.signatures

unsigned := {"remote": "https://github.com/moby/buildkit.git", "commitChecksum": "2450", "commit": {"message": "x"}}

signed_commit := object.union(unsigned, {"commit": {"by": "a.asc", "pgpSignature": {"keyID": "1"}}})

signed_tag := object.union(unsigned, {"tag": {"by": "a.asc", "sshSignature": {"version": 1}}})

# Holds for the key file that the mocked object names.
verified(made, file) if made.by == file

test_commit if {
	signatures.commit(signed_commit, "a.asc") with verify_git_signature as verified
	not signatures.commit(signed_commit, "b.asc") with verify_git_signature as verified
	not signatures.commit(signed_tag, "a.asc") with verify_git_signature as verified
	not signatures.commit(unsigned, "a.asc") with verify_git_signature as verified
}

test_nobody_asks_about_what_is_not_signed if not signatures.commit(unsigned, "a.asc") with verify_git_signature as true

test_tag if {
	signatures.tag(signed_tag, "a.asc") with verify_git_signature as verified
	not signatures.tag(signed_tag, "b.asc") with verify_git_signature as verified
	not signatures.tag(signed_commit, "a.asc") with verify_git_signature as verified
}

test_tag_or_commit if {
	signatures.tag_or_commit(signed_tag, "a.asc") with verify_git_signature as verified
	signatures.tag_or_commit(signed_commit, "a.asc") with verify_git_signature as verified
	not signatures.tag_or_commit(unsigned, "a.asc") with verify_git_signature as verified
}

test_a_tag_of_a_stranger_is_not_made_good_by_the_commit if {
	both := object.union(signed_commit, {"tag": {"by": "evil.asc", "pgpSignature": {"keyID": "2"}}})
	not signatures.tag_or_commit(both, "a.asc") with verify_git_signature as verified
}

test_denials_name_the_keys if {
	wanted := "https://github.com/moby/buildkit.git: commit 2450 is not signed by a key of a.asc"
	signatures.denial_commit(unsigned, "a.asc") == wanted with verify_git_signature as verified
	endswith(signatures.denial_tag(unsigned, "a.asc"), "a key of a.asc") with verify_git_signature as verified
	contains(signatures.denial_tag_or_commit(unsigned, "a.asc"), "neither") with verify_git_signature as verified
}

test_what_is_signed_has_no_denial if {
	not signatures.denial_commit(signed_commit, "a.asc") with verify_git_signature as verified
	not signatures.denial_tag(signed_tag, "a.asc") with verify_git_signature as verified
	not signatures.denial_tag_or_commit(signed_tag, "a.asc") with verify_git_signature as verified
}

test_nobody_asks_about_a_tag_that_is_not_signed if {
	unsigned_tag := object.union(unsigned, {"tag": {"tag": "v1"}})
	not signatures.tag(unsigned_tag, "a.asc") with verify_git_signature as true
	not signatures.tag_or_commit(unsigned_tag, "a.asc") with verify_git_signature as true
}
