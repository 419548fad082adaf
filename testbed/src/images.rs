//! Images that can be pulled: those of the world have no layers.

use crate::{Client, Project, Tools, World};

/// Publishes, where they are not there yet:
/// - `real/shell:1`, a shell for this machine's platform, an index with provenance;
/// - `real/single:1`, the same as one manifest without attestations;
/// - `real/multi:1`, a text file for two platforms.
///
/// `client` talks to a daemon directly.
pub fn publish(tools: &Tools, world: &World, client: &Client) {
    let shell = "FROM scratch\nCOPY --chmod=755 rootfs /\nLABEL team=infra\nENV PATH=/bin\n";
    let project = Project::dockerfile(shell);
    let busybox = std::fs::read(&tools.busybox).expect("busybox");
    ["busybox", "sh"].iter().for_each(|name| project.write(&format!("rootfs/bin/{name}"), &busybox));
    push(world, client, &project, "real/shell:1", &["--provenance=mode=max"]);
    push(world, client, &project, "real/single:1", &["--provenance=false"]);
    let file = Project::of(&[("Dockerfile", "FROM scratch\nCOPY text /\n"), ("text", "hello")]);
    push(world, client, &file, "real/multi:1", &["--platform=linux/amd64,linux/arm64"]);
}

fn push(world: &World, client: &Client, project: &Project, name: &str, args: &[&str]) {
    let image = world.image(name);
    let inspect = client.buildx(project.path()).args(["imagetools", "inspect", &image]).finish();
    if !inspect.status.success() {
        let build = client.buildx(project.path()).args(["build", "--push", "--tag", &image, "."]);
        build.args(args).finish().passes();
    }
}
