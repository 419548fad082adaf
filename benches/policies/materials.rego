package docker

default allow := false

trusted_hosts := {"docker.io", "ghcr.io", "github.com"}

unpinned contains material.image.ref if {
	some material in input.image.provenance.materials
	material.image
	not material.image.isCanonical
}

foreign contains index if {
	some index, material in input.image.provenance.materials
	some kind in ["image", "git", "http"]
	not material[kind].host in trusted_hosts
}

allow if {
	input.image.provenance.completeness.materials
	count(unpinned) == 0
	count(foreign) == 0
}

deny_msg contains sprintf("material %s is not pinned", [ref]) if some ref in unpinned

decision := {"allow": allow, "deny_msg": deny_msg}
