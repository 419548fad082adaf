# METADATA
# title: Everything pinned
# description: |
#   Images by digest and git repositories by commit, as the Dockerfile names them. Files and folders are allowed:
#   `ADD --checksum` is not shown to policies, so the checksums of files belong in a [lock](../docs/lock.md).
package docker

import data.lib.git.refs
import data.lib.images.digests

default allow := false

allow if digests.pinned(input.image)

allow if refs.pinned(input.git)

allow if input.http

allow if input.local

allow if input.ociLayout

deny_msg contains digests.denial(input.image)

deny_msg contains refs.denial(input.git)

decision := {"allow": allow, "deny_msg": deny_msg}
