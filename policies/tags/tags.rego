# METADATA
# title: Tags that don't move
# description: |
#   Images and git repositories by complete versions (`1.2.3`), digests or commits; no `latest`, no branches. Files and
#   folders are allowed.
package docker

import data.lib.git.refs
import data.lib.images.immutable
import data.lib.images.tags

default allow := false

allow if {
	tags.permitted(input.image, tags.moving)
	immutable.complete(input.image)
}

allow if refs.pinned(input.git)

allow if refs.tagged(input.git, {"*"})

allow if input.http

allow if input.local

allow if input.ociLayout

deny_msg contains tags.denial(input.image, tags.moving)

deny_msg contains immutable.denial(input.image)

deny_msg contains message if {
	input.git
	not allow
	message := sprintf("%s: name a tag or a commit", [input.git.remote])
}

decision := {"allow": allow, "deny_msg": deny_msg}
