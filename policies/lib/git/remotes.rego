# METADATA
# title: Repositories that may be cloned
# description: |
#   `input.git.remote` is the URL that git fetches from, as it is after redirects of names but with its `.git`:
#   `https://github.com/moby/buildkit.git`. Over plain `http` and `git` anybody on the way can change what arrives, so
#   these functions allow `https` and `ssh` alone.
package lib.git.remotes

# METADATA
# description: The repository is on one of these hosts.
# custom:
#   example: remotes.on_host(input.git, {"github.com", "git.example.com"})
on_host(git, hosts) if {
	encrypted(git)
	git.host in hosts
}

# METADATA
# description: The repository is one of these URLs. They are compared without `.git`.
# custom:
#   example: remotes.allowed(input.git, {"https://github.com/moby/buildkit.git"})
allowed(git, remotes) if {
	encrypted(git)
	some remote in remotes
	trim_suffix(git.remote, ".git") == trim_suffix(remote, ".git")
}

# METADATA
# description: |
#   The repository lies below one of these URLs, which end between two segments. Paths with `..` lie nowhere.
# custom:
#   example: remotes.below(input.git, {"https://github.com/our-org"})
below(git, urls) if {
	encrypted(git)
	not regex.match(`(^|[/\\])\.\.?([/\\]|$)|%`, git.remote)
	some url in urls
	folder := trim_right(url, "/")
	contains(folder, "://")
	startswith(git.remote, concat("", [folder, "/"]))
}

# METADATA
# description: It is fetched by https or ssh.
# custom:
#   example: remotes.encrypted(input.git)
encrypted(git) if git.schema in {"https", "ssh"}

# METADATA
# description: |
#   Why the repository isn't allowed by `on_host`, `allowed` or `below`; `known` is what they were given.
denial(git, known) := message if {
	not on_host(git, known)
	not allowed(git, known)
	not below(git, known)
	message := sprintf("%s: this repository is not on the list%s", [git.remote, hint(git)])
}

# METADATA
# description: Why the repository isn't allowed by `encrypted`.
denial_encrypted(git) := message if {
	not encrypted(git)
	message := sprintf("%s: fetch it by https or ssh", [git.remote])
}

hint(git) := "" if encrypted(git)

hint(git) := ", and must be fetched by https or ssh" if not encrypted(git)
