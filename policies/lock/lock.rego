# METADATA
# title: Only what is locked
# description: |
#   Allows a source only if the [lock](../docs/lock.md) has it, with the very digest, commit or checksum that it has
#   now. `policy-check lock` writes that file, `Dockerfile.lock.json`, beside the Dockerfile. It is read from the
#   build context, so keep it there. Sources that it doesn't name are denied, and so is what moved since it
#   was written. Folders of the client are allowed. BuildKit asks about a tag first, and then about the digest
#   that it loads, so a tag that moves in between gets nowhere.
package docker

import data.lib.locks.lockfile

# METADATA
# description: What `policy-check lock` wrote.
lock := load_json(concat("", [input.env.filename, ".lock.json"]))

default allow := false

allow if input.local

allow if lockfile.locked_image(input.image, lock)

allow if lockfile.locked_commit(input.git, lock)

allow if lockfile.locked_file(input.http, lock)

allow if lockfile.locked_layout(input.ociLayout, lock)

deny_msg contains lockfile.denial_image(input.image, lock)

deny_msg contains lockfile.denial_commit(input.git, lock)

deny_msg contains lockfile.denial_file(input.http, lock)

deny_msg contains lockfile.denial_layout(input.ociLayout, lock)

decision := {"allow": allow, "deny_msg": deny_msg}
