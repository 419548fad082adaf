# METADATA
# title: Git repositories that are on a list
# description: |
#   `remotes.json` in the policy's root has the lists: `hosts`, all of whose repositories are allowed, `repositories` by
#   their URL, and `below`, URLs that end between two segments. A list that isn't there is empty. All of them are
#   fetched by https or ssh. Other sources are allowed.
#
#   ```json
#   {
#     "hosts": ["git.example.com"],
#     "repositories": ["https://github.com/moby/buildkit.git"],
#     "below": ["https://github.com/our-org"]
#   }
#   ```
package docker

import data.lib.git.remotes

lists := load_json("remotes.json")

default allow := false

allow if remotes.on_host(input.git, lists.hosts)

allow if remotes.allowed(input.git, lists.repositories)

allow if remotes.below(input.git, lists.below)

allow if input.http

allow if input.image

allow if input.local

allow if input.ociLayout

deny_msg contains message if {
	remotes.encrypted(input.git)
	not allow
	message := sprintf("%s: on no list of remotes.json", [input.git.remote])
}

deny_msg contains remotes.denial_encrypted(input.git)

decision := {"allow": allow, "deny_msg": deny_msg}
