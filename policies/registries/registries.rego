# METADATA
# title: Registries and repositories that are on a list
# description: |
#   `registries.json` in the policy's root has the lists: `hosts`, all of whose images are allowed, `repositories` by
#   their full name, and `below`, paths that end between two segments. A list that isn't there is empty. Other sources
#   than images are allowed.
#
#   ```json
#   {
#     "hosts": ["registry.example.com"],
#     "repositories": ["docker.io/library/alpine"],
#     "below": ["ghcr.io/our-org"]
#   }
#   ```
package docker

import data.lib.images.registries
import data.lib.images.repositories

lists := load_json("registries.json")

default allow := false

allow if registries.allowed(input.image, lists.hosts)

allow if repositories.allowed(input.image, lists.repositories)

allow if repositories.below(input.image, lists.below)

allow if input.git

allow if input.http

allow if input.local

allow if input.ociLayout

deny_msg contains message if {
	input.image
	not allow
	message := sprintf("%s: neither %s nor %s is on a list of registries.json", [
		input.image.ref,
		input.image.host,
		input.image.fullRepo,
	])
}

decision := {"allow": allow, "deny_msg": deny_msg}
