# METADATA
# title: Git repositories by signed tags and commits
# description: |
#   A tag is annotated and signed, or the commit is, by a key of `keys/maintainers.asc` in the policy's root. Everything
#   else is allowed.
package docker

import data.lib.git.signatures

keys := "keys/maintainers.asc"

default allow := false

allow if signatures.tag_or_commit(input.git, keys)

allow if input.http

allow if input.image

allow if input.local

allow if input.ociLayout

deny_msg contains signatures.denial_tag_or_commit(input.git, keys)

decision := {"allow": allow, "deny_msg": deny_msg}
