//! Signed images in real builds: buildkitd delivers what is on the attestation manifest, the hook looks up the rest.

use policy_signing::{Registry, World};
use policy_testbed::{Finished, Project};

use crate::stage::{Gate, Stage, stage_with_hook};

const POLICY: &str = r#"package docker

default allow := false

allow if not input.image

allow if {
	some signature in input.image.signatures
	signature.trustRoot == "world"
	signature.subject == "PART"
}

deny_msg contains "not signed by us" if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

/// Builds from an image of the signed world under a policy that wants this part of it signed.
fn build(stage: &Stage, name: &str, part: &str) -> Finished {
    let registry = Registry::start(true).expect("a registry");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let mut world = World::new(registry.address().as_bytes(), now.as_secs() - 60);
    let named = world.image(name).expect("an image of the world").clone();
    world.push_image(registry.address(), &named).expect("the image is pushed");
    let files = Project::of(&[]);
    world.write(files.path(), registry.address()).expect("the files are written");
    let root = format!("world={}", files.path().join("trusted_root.json").display());
    let args = ["--no-repo-policy", "--trust-root", &root];
    let gate = Gate::to(stage, &stage.daemon_address(), Some(&POLICY.replace("PART", part)), &args);
    let from = format!("FROM {}\nCOPY Dockerfile /\n", named.reference(registry.address()));
    gate.build(&Project::dockerfile(&from)).args(["--platform=linux/amd64"]).finish()
}

#[test]
fn a_signed_image_is_built_from() {
    let Some(stage) = stage_with_hook() else { return };
    for (name, part) in [
        ("cosign-bundle-attestation", "attestation"),
        ("cosign-bundle-index", "index"),
        ("simple-tag-image", "image"),
    ] {
        build(stage, name, part).passes();
    }
}

#[test]
fn others_are_not() {
    let Some(stage) = stage_with_hook() else { return };
    for (name, part) in
        [("unsigned", "index"), ("bad-expired", "attestation"), ("cosign-bundle-index", "image")]
    {
        build(stage, name, part).fails_with("not signed by us");
    }
}
