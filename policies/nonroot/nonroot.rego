# METADATA
# title: Base images that don't run as root
# description: |
#   Images, also those in OCI layouts, run as another user than root. Most base images do run as root: this is for
#   repositories whose bases are prepared. Everything else is allowed.
package docker

import data.lib.images.config

default allow := false

allow if config.non_root(input.image)

allow if config.non_root(input.ociLayout)

allow if input.git

allow if input.http

allow if input.local

deny_msg contains config.denial_root(input.image)

deny_msg contains config.denial_root(input.ociLayout)

decision := {"allow": allow, "deny_msg": deny_msg}
