# METADATA
# title: URLs that may be downloaded
# description: |
#   `input.http` is a file that `ADD` downloads, and a request of `RUN` where BuildKit's proxy is on. Its `host` has the
#   port if the URL has one. All functions demand https. A redirect is judged again as what it leads to, so list the
#   hosts that files are really served from.
package lib.urls.hosts

# METADATA
# description: The URL is https.
# custom:
#   example: hosts.encrypted(input.http)
encrypted(file) if file.schema == "https"

# METADATA
# description: The URL is https, on one of these hosts.
# custom:
#   example: hosts.allowed(input.http, {"example.com", "files.example.com:8443"})
allowed(file, hosts) if {
	encrypted(file)
	file.host in hosts
}

# METADATA
# description: |
#   The URL is https and lies below one of these, which end between two segments of the path: `github.com/our-org` has
#   `https://github.com/our-org/x`, and not `https://github.com/our-org-2/x`. They are written without `https://`.
# custom:
#   example: hosts.below(input.http, {"github.com/our-org", "example.com/releases"})
below(file, places) if {
	encrypted(file)
	some place in places
	folder := trim_right(place, "/")
	folder != ""
	startswith(concat("", [file.host, file.path]), concat("", [folder, "/"]))
}

# METADATA
# scope: document
# description: Why the URL isn't allowed by `allowed` or `below`; `known` is what they were given.
denial(file, known) := message if {
	encrypted(file)
	not allowed(file, known)
	not below(file, known)
	message := sprintf("%s: files may come from %s alone", [file.url, concat(", ", known)])
}

denial(file, _) := denial_encrypted(file)

# METADATA
# description: Why the URL isn't allowed by `encrypted`.
denial_encrypted(file) := message if {
	not encrypted(file)
	message := sprintf("%s: use https", [file.url])
}

# METADATA
# description: The build sends no credentials along.
# custom:
#   example: hosts.anonymous(input.http)
anonymous(file) if {
	file.url
	not file.hasAuth
}

# METADATA
# description: Why the file isn't allowed by `anonymous`.
denial_anonymous(file) := message if {
	not anonymous(file)
	message := sprintf("%s: credentials must not be sent there", [file.url])
}
