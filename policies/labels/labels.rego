# METADATA
# title: Labels that images must have
# description: |
#   `labels.json` in the policy's root says which labels images must have, also those in OCI layouts: `required` by
#   name, with any value that isn't empty, and `values` with one of those that are listed. A list that isn't there
#   demands nothing; a file with neither, or with other lists, lets no image through. Other sources are allowed.
#
#   ```json
#   {
#     "required": ["org.opencontainers.image.source"],
#     "values": {"org.opencontainers.image.vendor": ["Example Corp"]}
#   }
#   ```
package docker

import data.lib.images.config

wanted := load_json("labels.json")

# A misspelt list must not be a missing one.
valid if {
	some _ in wanted
	object.keys(wanted) - {"required", "values"} == set()
}

required := object.get(wanted, "required", [])

values := object.get(wanted, "values", {})

default allow := false

allow if {
	valid
	config.labelled(input.image, required)
	config.label_values(input.image, values)
}

allow if {
	valid
	config.labelled(input.ociLayout, required)
	config.label_values(input.ociLayout, values)
}

allow if input.git

allow if input.http

allow if input.local

deny_msg contains config.denial_labels(input.image, required)

deny_msg contains config.denial_labels(input.ociLayout, required)

deny_msg contains config.denial_label_values(input.image, values)

deny_msg contains config.denial_label_values(input.ociLayout, values)

deny_msg contains misshapen if {
	input.image
	not valid
}

deny_msg contains misshapen if {
	input.ociLayout
	not valid
}

misshapen := "labels.json must have `required`, `values` or both, and nothing else"

decision := {"allow": allow, "deny_msg": deny_msg}
