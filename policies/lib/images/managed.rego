# METADATA
# title: Images that BuildKit itself relies on
# description: |
#   Docker's Dockerfile frontend, SBOM scanner and BuildKit images run with the rights of the build, whether or not
#   a Dockerfile names them. Releases since a certain version are signed by Docker's GitHub builder. `trusted` holds
#   their tags to that, as the policy does that buildx has built in (`BUILDX_DEFAULT_POLICY=1`), and lets pass what
#   that lets pass: other images, digests without a tag, and tags that were never signed.
package lib.images.managed

# METADATA
# description: |
#   What is managed: the repository whose builds count; tags that move and may come from any of its refs; and a
#   pattern for tags of versions. `since` is the first signed version. `prefix` stands before the version in the
#   name of the git tag.
images := object.union(frontends, {
	"docker.io/docker/buildkit-syft-scanner": {
		"repository": "docker/buildkit-syft-scanner",
		"moving": `^latest$`,
		"version": `^(\d+)(?:\.(\d+)(?:\.\d+)?)?()$`,
		"since": [1, 10],
		"prefix": "",
	},
	"docker.io/moby/buildkit": {
		"repository": "moby/buildkit",
		"moving": concat("|", [
			`^(?:latest|master|nightly)(?:-ubuntu)?$`,
			`^(?:(?:master|nightly)-)?rootless$`,
			`^buildx-stable-\d+(?:-rootless|-gpu)?$`,
		]),
		"version": `^v(\d+)\.(\d+)\.\d+((?:-rc\d+)?)(?:-rootless|-ubuntu)?$`,
		"since": [0, 27],
		"prefix": "",
	},
})

frontends[image] := {
	"repository": "moby/buildkit",
	"moving": `^(?:latest|labs|master)$`,
	"version": `^(\d+)(?:\.(\d+)(?:\.\d+)?)?((?:-labs)?)$`,
	"since": [1, 21],
	"prefix": "dockerfile/",
} if {
	some image in ["docker.io/docker/dockerfile", "docker.io/docker/dockerfile-upstream"]
}

# METADATA
# description: The image is managed, by any of its tags.
# custom:
#   example: managed.managed(input.image)
managed(image) if images[image.fullRepo]

# METADATA
# scope: document
# description: |
#   If the image is managed and its tag one that must be signed, Docker's GitHub builder signed it, and a version was
#   built from the git tag of that version.
# custom:
#   example: managed.trusted(input.image)
trusted(image) if {
	image.fullRepo
	not needs_signature(image)
}

trusted(image) if {
	some pattern in refs(image)
	some signature in image.signatures
	data.docker.docker_github_builder_signature(signature, images[image.fullRepo].repository)
	regex.match(pattern, object.get(signature.signer, "sourceRepositoryRef", ""))
}

# METADATA
# description: Why the image isn't allowed by `trusted`.
denial(image) := message if {
	needs_signature(image)
	not trusted(image)
	repository := images[image.fullRepo].repository
	message := sprintf("%s: this tag must be signed by Docker's GitHub builder for %s", [image.ref, repository])
}

needs_signature(image) if count(refs(image)) > 0

# Patterns of git refs, one of which the tag must have been built from; none if the tag needs no signature.
refs(image) := moving_refs(image) | version_refs(image)

moving_refs(image) := {"" | regex.match(images[image.fullRepo].moving, image.tag)}

version_refs(image) := {pattern |
	known := images[image.fullRepo]
	some [_, major, minor, _] in regex.find_all_string_submatch_n(known.version, image.tag, 1)
	signed_since(major, minor, known.since)
	pattern := concat("", [`^refs/tags/`, known.prefix, git_tag(image.tag, known), `$`])
}

# A major version alone stands for its newest minor version.
signed_since(_, "", _)

signed_since(major, minor, since) if {
	minor != ""
	[to_number(major), to_number(minor)] >= since
}

# Versions of BuildKit are complete, and have the variant of an image after them.
git_tag(tag, known) := escaped(trim_suffix(trim_suffix(tag, "-rootless"), "-ubuntu")) if startswith(known.version, "^v")

# `1` and `1.21` are built from any version that they stand for.
git_tag(tag, known) := concat("", [escaped(version), rest, variant]) if {
	not startswith(known.version, "^v")
	version := trim_suffix(tag, "-labs")
	variant := trim_prefix(tag, version)
	rest := concat("", ["(?:[.][0-9]+){0,", missing[count(split(version, "."))], "}"])
}

missing := {1: "2", 2: "1", 3: "0"}

escaped(version) := replace(version, ".", "[.]")
