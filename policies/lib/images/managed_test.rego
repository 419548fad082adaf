package lib.images.managed_test

import data.lib.images.managed

tagged(repository, tag) := {
	"ref": sprintf("docker.io/%s:%s", [repository, tag]),
	"fullRepo": concat("/", ["docker.io", repository]),
	"tag": tag,
}

signed(repository, tag, source, ref) := object.union(tagged(repository, tag), {
	"hasProvenance": true,
	"signatures": [{
		"kind": "docker-github-builder",
		"type": "bundle-v0.3",
		"subject": "attestation",
		"trustRoot": "sigstore",
		"timestamps": [{"type": "Tlog"}],
		"signer": {
			"certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev",
			"issuer": "https://token.actions.githubusercontent.com",
			"runnerEnvironment": "github-hosted",
			"sourceRepositoryURI": concat("/", ["https://github.com", source]),
			"sourceRepositoryRef": ref,
		},
	}],
})

frontend(tag, version) := signed(
	"docker/dockerfile", tag,
	"moby/buildkit",
	concat("", ["refs/tags/dockerfile/", version]),
)

buildkit(tag, version) := signed("moby/buildkit", tag, "moby/buildkit", concat("", ["refs/tags/", version]))

scanner(tag, version) := signed(
	"docker/buildkit-syft-scanner", tag,
	"docker/buildkit-syft-scanner",
	concat("", ["refs/tags/", version]),
)

test_other_images_pass if {
	managed.trusted(tagged("library/alpine", "latest"))
	not managed.managed(tagged("library/alpine", "latest"))
}

test_what_is_no_image_does_not_pass if not managed.trusted({})

test_digests_pass if managed.trusted({"fullRepo": "docker.io/docker/dockerfile", "isCanonical": true})

test_unsigned_tags_that_must_be_signed if {
	every name in [
		["docker/dockerfile", "latest"], ["docker/dockerfile", "labs"], ["docker/dockerfile-upstream", "master"],
		["docker/dockerfile", "1"], ["docker/dockerfile", "1-labs"], ["docker/dockerfile", "1.21"],
		["docker/dockerfile", "1.22.0-labs"], ["docker/dockerfile", "2.0"],
		["docker/buildkit-syft-scanner", "latest"], ["docker/buildkit-syft-scanner", "1"],
		["docker/buildkit-syft-scanner", "1.10"], ["docker/buildkit-syft-scanner", "1.10.0"],
		["moby/buildkit", "latest"], ["moby/buildkit", "latest-ubuntu"], ["moby/buildkit", "rootless"],
		["moby/buildkit", "master-rootless"], ["moby/buildkit", "nightly-ubuntu"],
		["moby/buildkit", "buildx-stable-1"], ["moby/buildkit", "buildx-stable-1-gpu"],
		["moby/buildkit", "v0.27.0"], ["moby/buildkit", "v0.27.0-rc1-rootless"], ["moby/buildkit", "v1.0.0-ubuntu"],
	] {
		image := tagged(name[0], name[1])
		managed.managed(image)
		not managed.trusted(image)
		managed.denial(image)
	}
}

test_tags_that_were_never_signed if {
	every name in [
		["docker/dockerfile", "1.20"], ["docker/dockerfile", "1.20.0-labs"], ["docker/dockerfile", "0.9"],
		["docker/dockerfile", "1.21.0-rc1"], ["docker/dockerfile", "experimental"],
		["docker/buildkit-syft-scanner", "1.9"], ["docker/buildkit-syft-scanner", "edge"],
		["moby/buildkit", "v0.26.3"], ["moby/buildkit", "v0.26.3-rootless"], ["moby/buildkit", "master-cache"],
		["moby/buildkit", "latest-rootless"], ["moby/buildkit", "v0.27"],
	] {
		image := tagged(name[0], name[1])
		managed.trusted(image)
		not managed.denial(image)
	}
}

test_moving_tags_are_built_from_any_ref if {
	managed.trusted(signed("docker/dockerfile", "latest", "moby/buildkit", "refs/heads/master"))
	managed.trusted(buildkit("master", "anything"))
	managed.trusted(scanner("latest", "v1.10.0"))
}

test_builds_of_another_repository_do_not_count if {
	not managed.trusted(signed("docker/dockerfile", "latest", "evil/buildkit", "refs/heads/master"))
	not managed.trusted(signed("moby/buildkit", "v0.27.0", "docker/buildx", "refs/tags/v0.27.0"))
}

test_versions_are_built_from_their_git_tag if {
	managed.trusted(frontend("1.21.0", "1.21.0"))
	managed.trusted(frontend("1.21.0-labs", "1.21.0-labs"))
	managed.trusted(buildkit("v0.27.0", "v0.27.0"))
	managed.trusted(buildkit("v0.27.0-rootless", "v0.27.0"))
	managed.trusted(buildkit("v0.28.0-rc1-ubuntu", "v0.28.0-rc1"))
	managed.trusted(scanner("1.10.0", "1.10.0"))
}

test_versions_are_not_built_from_other_git_tags if {
	not managed.trusted(frontend("1.21.0", "1.21.1"))
	not managed.trusted(frontend("1.21.0", "1.21.0-labs"))
	not managed.trusted(frontend("1.21.0-labs", "1.21.0"))
	not managed.trusted(frontend("1.21.0", "1x21x0"))
	not managed.trusted(buildkit("v0.27.0", "v0.27.1"))
	not managed.trusted(buildkit("v0.27.0", "v0.27.0-rc1"))
	not managed.trusted(signed("docker/dockerfile", "1.21.0", "moby/buildkit", "refs/tags/1.21.0"))
	not managed.trusted(scanner("1.10.0", "dockerfile/1.10.0"))
}

test_short_versions_are_built_from_what_they_stand_for if {
	managed.trusted(frontend("1", "1.21.0"))
	managed.trusted(frontend("1-labs", "1.21.0-labs"))
	managed.trusted(frontend("1.21", "1.21.3"))
	managed.trusted(frontend("1.21", "1.21"))
	not managed.trusted(frontend("1", "2.0.0"))
	not managed.trusted(frontend("2.2", "2.21.0"))
	not managed.trusted(frontend("1.21", "1.22.0"))
}

test_the_denial_names_the_repository if {
	wanted := "docker.io/docker/dockerfile:1: this tag must be signed by Docker's GitHub builder for moby/buildkit"
	managed.denial(tagged("docker/dockerfile", "1")) == wanted
}

test_trusted_images_have_no_denial if not managed.denial(frontend("1.21.0", "1.21.0"))

test_versions_have_no_more_numbers_than_three if {
	not managed.trusted(frontend("1", "1.21.0.1"))
	not managed.trusted(frontend("1.21", "1.21.0.1"))
	not managed.trusted(frontend("1.21.0", "1.21.0.1"))
}

without_ref(image) := json.remove(image, ["/signatures/0/signer/sourceRepositoryRef"])

test_a_signature_that_names_no_ref_counts_for_moving_tags_alone if {
	managed.trusted(without_ref(frontend("latest", "1.21.0")))
	not managed.trusted(without_ref(frontend("1.21.0", "1.21.0")))
}
