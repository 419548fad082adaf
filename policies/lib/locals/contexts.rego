# METADATA
# title: Folders of the client
# description: |
#   `input.local.name` is the folder's name within the build: `dockerfile`, `context`, or that of a
#   `--build-context`. It is never a path.
package lib.locals.contexts

# METADATA
# description: The folder of the Dockerfile, or the build context.
# custom:
#   example: contexts.standard(input.local)
standard(folder) if folder.name in {"dockerfile", "context"}

# METADATA
# scope: document
# description: A standard folder, or one of these named contexts.
# custom:
#   example: contexts.allowed(input.local, {"shared"})
allowed(folder, _) if standard(folder)

allowed(folder, names) if folder.name in names

# METADATA
# description: |
#   The folder of the Dockerfile alone. For builds whose context must be a commit: nothing that isn't committed gets in.
# custom:
#   example: contexts.dockerfile_only(input.local)
dockerfile_only(folder) if folder.name == "dockerfile"

# METADATA
# description: Why the folder isn't allowed by `allowed`; give it an empty set for `standard`.
denial(folder, names) := message if {
	not allowed(folder, names)
	message := sprintf("the folder %s is none that this build may use", [folder.name])
}

# METADATA
# description: Why the folder isn't allowed by `dockerfile_only`.
denial_dockerfile_only(folder) := message if {
	not dockerfile_only(folder)
	message := sprintf("the folder %s is not that of the Dockerfile; build from a commit", [folder.name])
}
