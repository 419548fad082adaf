# METADATA
# title: Files by checksum
# description: |
#   `input.http.checksum` is that of the file which the server sends now; reading it downloads the file. That it isn't
#   empty says nothing about `ADD --checksum`, of which a policy sees nothing.
package lib.urls.checksums

# METADATA
# description: The file has the checksum that is listed for its URL.
# custom:
#   example: |
#     checksums.known(input.http, {"https://example.com/app.tar.gz": "sha256:0d2429164c5f…"})
known(file, recorded) if file.checksum == recorded[file.url]

# METADATA
# description: The file has one of these checksums, wherever it comes from.
# custom:
#   example: |
#     checksums.one_of(input.http, {"sha256:0d2429164c5f…"})
one_of(file, sums) if file.checksum in sums

# METADATA
# description: Why the file isn't allowed by `one_of`.
denial_one_of(file, sums) := message if {
	not one_of(file, sums)
	message := sprintf("%s: %s is not one of the known checksums", [file.url, file.checksum])
}

# METADATA
# description: Why the file isn't allowed by `known`.
denial(file, recorded) := message if {
	not known(file, recorded)
	wanted := object.get(recorded, file.url, "a checksum listed for this URL")
	message := sprintf("%s: expected %s, found %s", [file.url, wanted, file.checksum])
}
