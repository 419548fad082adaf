# METADATA
# title: Files that somebody signed
# description: |
#   `signed-files.json` in the policy's root says who signs which files: `githubReleases`, repositories whose releases
#   GitHub has attestations of; `pgp` by URL, a detached OpenPGP signature and the keys that count; `bundles` by URL, a
#   Sigstore bundle and the repository on GitHub whose workflow made it. Signatures, keys and bundles are files in the
#   policy's root. A list that isn't there is empty, and all other files are denied. Other sources are allowed.
#
#   ```json
#   {
#     "githubReleases": ["cli/cli"],
#     "pgp": {"https://example.com/a.tar.gz": {"signature": "a.tar.gz.asc", "keys": "keys/release.asc"}},
#     "bundles": {"https://example.com/b.tar.gz": {"bundle": "b.sigstore.json", "repository": "our-org/b"}}
#   }
#   ```
package docker

import data.lib.urls.signatures

lists := load_json("signed-files.json")

by_pgp := lists.pgp[input.http.url]

by_bundle := lists.bundles[input.http.url]

default allow := false

allow if signatures.github_release(input.http, lists.githubReleases)

allow if signatures.pgp(input.http, by_pgp.signature, by_pgp.keys)

allow if signatures.bundle(input.http, by_bundle.bundle, by_bundle.repository)

allow if input.git

allow if input.image

allow if input.local

allow if input.ociLayout

deny_msg contains message if {
	not allow
	message := signatures.denial_pgp(input.http, by_pgp.signature, by_pgp.keys)
}

deny_msg contains message if {
	not allow
	message := signatures.denial_bundle(input.http, by_bundle.bundle, by_bundle.repository)
}

deny_msg contains message if {
	not allow
	not by_pgp
	not by_bundle
	message := signatures.denial_github_release(input.http, lists.githubReleases)
}

deny_msg contains message if {
	input.http
	not by_pgp
	not by_bundle
	not lists.githubReleases
	message := sprintf("%s: signed-files.json doesn't say who signs it", [input.http.url])
}

decision := {"allow": allow, "deny_msg": deny_msg}
