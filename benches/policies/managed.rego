# As large as the policy that buildx ships by default, and of its shape: some images are managed, and
# those of their tags that promise a signed release must have one.
package docker

default allow := false

allow if count(denials) == 0

decision := {"allow": allow, "deny_msg": denials}

deny_msg := denials

floating := {
	"frontend": {"latest", "labs", "edge"},
	"scanner": {"latest"},
	"daemon": {
		"latest", "latest-ubuntu", "rootless",
		"edge", "edge-rootless", "edge-ubuntu",
		"nightly", "nightly-rootless", "nightly-ubuntu",
	},
	"shell": {"latest", "slim"},
}

# ---- frontend ----

is_frontend if {
	input.image
	input.image.fullRepo == "docker.io/acme/frontend"
}

is_frontend if {
	input.image
	input.image.fullRepo == "docker.io/acme/frontend-upstream"
}

frontend_floats(tag) if tag in floating.frontend

frontend_floats(tag) if regex.match(`^stable-\d+(?:-rootless|-gpu)?$`, tag)

frontend_release(tag) := version if {
	found := regex.find_all_string_submatch_n(`^(v?\d+\.\d+\.\d+(?:-rc\d+)?)(?:-rootless|-ubuntu)?$`, tag, 1)
	count(found) == 1
	version := found[0][1]
}

frontend_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) > 1
}

frontend_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) == 1
	to_number(found[0][2]) >= 21
}

frontend_floating_signature if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/frontend")
}

frontend_release_signature(version) if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/frontend")
	signature.signer.sourceRepositoryRef == sprintf("refs/tags/%s", [version])
}

denials contains message if {
	is_frontend
	tag := input.image.tag
	tag != ""
	frontend_floats(tag)
	not frontend_floating_signature
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

denials contains message if {
	is_frontend
	tag := input.image.tag
	tag != ""
	not frontend_floats(tag)
	version := frontend_release(tag)
	frontend_is_signed(version)
	not frontend_release_signature(version)
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

# ---- scanner ----

is_scanner if {
	input.image
	input.image.fullRepo == "docker.io/acme/scanner"
}

is_scanner if {
	input.image
	input.image.fullRepo == "docker.io/acme/scanner-upstream"
}

scanner_floats(tag) if tag in floating.scanner

scanner_floats(tag) if regex.match(`^stable-\d+(?:-rootless|-gpu)?$`, tag)

scanner_release(tag) := version if {
	found := regex.find_all_string_submatch_n(`^(v?\d+\.\d+\.\d+(?:-rc\d+)?)(?:-rootless|-ubuntu)?$`, tag, 1)
	count(found) == 1
	version := found[0][1]
}

scanner_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) > 1
}

scanner_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) == 1
	to_number(found[0][2]) >= 10
}

scanner_floating_signature if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/scanner")
}

scanner_release_signature(version) if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/scanner")
	signature.signer.sourceRepositoryRef == sprintf("refs/tags/%s", [version])
}

denials contains message if {
	is_scanner
	tag := input.image.tag
	tag != ""
	scanner_floats(tag)
	not scanner_floating_signature
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

denials contains message if {
	is_scanner
	tag := input.image.tag
	tag != ""
	not scanner_floats(tag)
	version := scanner_release(tag)
	scanner_is_signed(version)
	not scanner_release_signature(version)
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

# ---- daemon ----

is_daemon if {
	input.image
	input.image.fullRepo == "docker.io/acme/daemon"
}

is_daemon if {
	input.image
	input.image.fullRepo == "docker.io/acme/daemon-upstream"
}

daemon_floats(tag) if tag in floating.daemon

daemon_floats(tag) if regex.match(`^stable-\d+(?:-rootless|-gpu)?$`, tag)

daemon_release(tag) := version if {
	found := regex.find_all_string_submatch_n(`^(v?\d+\.\d+\.\d+(?:-rc\d+)?)(?:-rootless|-ubuntu)?$`, tag, 1)
	count(found) == 1
	version := found[0][1]
}

daemon_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) > 0
}

daemon_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) == 0
	to_number(found[0][2]) >= 27
}

daemon_floating_signature if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/daemon")
}

daemon_release_signature(version) if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/daemon")
	signature.signer.sourceRepositoryRef == sprintf("refs/tags/%s", [version])
}

denials contains message if {
	is_daemon
	tag := input.image.tag
	tag != ""
	daemon_floats(tag)
	not daemon_floating_signature
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

denials contains message if {
	is_daemon
	tag := input.image.tag
	tag != ""
	not daemon_floats(tag)
	version := daemon_release(tag)
	daemon_is_signed(version)
	not daemon_release_signature(version)
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

# ---- shell ----

is_shell if {
	input.image
	input.image.fullRepo == "docker.io/acme/shell"
}

is_shell if {
	input.image
	input.image.fullRepo == "docker.io/acme/shell-upstream"
}

shell_floats(tag) if tag in floating.shell

shell_floats(tag) if regex.match(`^stable-\d+(?:-rootless|-gpu)?$`, tag)

shell_release(tag) := version if {
	found := regex.find_all_string_submatch_n(`^(v?\d+\.\d+\.\d+(?:-rc\d+)?)(?:-rootless|-ubuntu)?$`, tag, 1)
	count(found) == 1
	version := found[0][1]
}

shell_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) > 2
}

shell_is_signed(version) if {
	found := regex.find_all_string_submatch_n(`^v?(\d+)\.(\d+)\.`, version, 1)
	count(found) == 1
	to_number(found[0][1]) == 2
	to_number(found[0][2]) >= 4
}

shell_floating_signature if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/shell")
}

shell_release_signature(version) if {
	some signature in input.image.signatures
	docker_github_builder_signature(signature, "acme/shell")
	signature.signer.sourceRepositoryRef == sprintf("refs/tags/%s", [version])
}

denials contains message if {
	is_shell
	tag := input.image.tag
	tag != ""
	shell_floats(tag)
	not shell_floating_signature
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}

denials contains message if {
	is_shell
	tag := input.image.tag
	tag != ""
	not shell_floats(tag)
	version := shell_release(tag)
	shell_is_signed(version)
	not shell_release_signature(version)
	message := sprintf("image %s needs a verified signature for its tag %s", [input.image.ref, tag])
}
