# METADATA
# title: Versions in a range, and none that were withdrawn
# description: |
#   `versions.json` in the policy's root says by repository which [range](#ranges-of-versions) versions must be in
#   (`ranges`), and which ones must not be used (`withdrawn`): patterns of tags, digests, or both. Repositories without
#   an entry are not judged; a file with neither list, or with other lists, lets no image through. Other sources are
#   allowed.
#
#   ```json
#   {
#     "ranges": {"docker.io/library/golang": {"min": "1.24", "below": "2"}},
#     "withdrawn": {"docker.io/library/node": ["22.3.*", "sha256:…"]}
#   }
#   ```
package docker

import data.lib.images.tags
import data.lib.images.versions

lists := load_json("versions.json")

# A misspelt list must not be a missing one.
valid if {
	some _ in lists
	object.keys(lists) - {"ranges", "withdrawn"} == set()
}

ranges := object.get(lists, "ranges", {})

withdrawn := object.get(lists, "withdrawn", {})

within if {
	input.image
	not ranges[input.image.fullRepo]
}

within if versions.within(input.image, ranges[input.image.fullRepo])

default allow := false

allow if {
	valid
	within
	tags.not_withdrawn(input.image, withdrawn)
}

allow if input.git

allow if input.http

allow if input.local

allow if input.ociLayout

deny_msg contains versions.denial(input.image, ranges[input.image.fullRepo])

deny_msg contains tags.denial_withdrawn(input.image, withdrawn)

deny_msg contains "versions.json must have `ranges`, `withdrawn` or both, and nothing else" if {
	input.image
	not valid
}

decision := {"allow": allow, "deny_msg": deny_msg}
