package docker

default allow := false

allow if input.local

allow if {
	input.image.host == "docker.io"
	input.image.repo in {"alpine", "golang", "node", "python"}
}

deny_msg contains sprintf("%s is not on the list", [input.image.ref]) if {
	input.image
	not allow
}

decision := {"allow": allow, "deny_msg": deny_msg}
