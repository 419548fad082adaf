# METADATA
# title: No stale base images
# description: |
#   Images, also those in OCI layouts, are at most 90 days old. Everything else is allowed.
# custom:
#   buildx: cannot look up when an image was made, and denies all of them
package docker

import data.lib.images.age

days := 90

default allow := false

allow if age.created_within(input.image, days)

allow if age.created_within(input.ociLayout, days)

allow if input.git

allow if input.http

allow if input.local

deny_msg contains age.denial(input.image, days)

deny_msg contains age.denial(input.ociLayout, days)

decision := {"allow": allow, "deny_msg": deny_msg}
