# METADATA
# title: Files that are on a list
# description: |
#   `urls.json` in the policy's root has the lists: `hosts`, all of whose files are allowed, `below`, places that end
#   between two segments of the path, and `checksums` by URL. A URL that has a checksum there must deliver that file, be
#   its place on another list or not; all others are https. A list that isn't there is empty. Other sources are allowed.
#
#   ```json
#   {
#     "hosts": ["files.example.com"],
#     "below": ["github.com/our-org"],
#     "checksums": {"https://example.com/app.tar.gz": "sha256:…"}
#   }
#   ```
package docker

import data.lib.urls.checksums
import data.lib.urls.hosts

lists := load_json("urls.json")

recorded := object.get(lists, "checksums", {})

default allow := false

allow if checksums.known(input.http, recorded)

allow if {
	not recorded[input.http.url]
	hosts.allowed(input.http, lists.hosts)
}

allow if {
	not recorded[input.http.url]
	hosts.below(input.http, lists.below)
}

allow if input.git

allow if input.image

allow if input.local

allow if input.ociLayout

deny_msg contains message if {
	recorded[input.http.url]
	message := checksums.denial(input.http, recorded)
}

deny_msg contains message if {
	not recorded[input.http.url]
	message := hosts.denial_encrypted(input.http)
}

deny_msg contains message if {
	not recorded[input.http.url]
	hosts.encrypted(input.http)
	not allow
	message := sprintf("%s: on no list of urls.json", [input.http.url])
}

decision := {"allow": allow, "deny_msg": deny_msg}
