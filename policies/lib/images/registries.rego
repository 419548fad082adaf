# METADATA
# title: Registries that images may come from
# description: |
#   `input.image.host` is the registry with its port: `docker.io` for Docker Hub, `ghcr.io`,
#   `registry.example.com:5000`.
package lib.images.registries

# METADATA
# description: The image comes from one of these hosts.
# custom:
#   example: registries.allowed(input.image, {"docker.io", "registry.example.com"})
allowed(image, hosts) if image.host in hosts

# METADATA
# description: Why the image isn't allowed by `allowed`.
denial(image, hosts) := message if {
	not allowed(image, hosts)
	message := sprintf("%s: images may come from %s, not from %s", [image.ref, concat(", ", hosts), image.host])
}
