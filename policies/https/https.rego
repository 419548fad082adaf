# METADATA
# title: Nothing unencrypted
# description: Files by https, git repositories by https or ssh. Everything else is allowed.
package docker

import data.lib.git.remotes
import data.lib.urls.hosts

default allow := false

allow if hosts.encrypted(input.http)

allow if remotes.encrypted(input.git)

allow if input.image

allow if input.local

allow if input.ociLayout

deny_msg contains hosts.denial_encrypted(input.http)

deny_msg contains remotes.denial_encrypted(input.git)

decision := {"allow": allow, "deny_msg": deny_msg}
