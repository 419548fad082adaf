//! Registries that don't list referrers: one in memory, and `docker-registry`.

use policy_signing::Registry;
use policy_testbed::DockerRegistry;

use crate::setup::{Setup, failed_steps, signatures};

const SIGNED: [(&str, &str); 7] = [
    ("cosign-bundle-attestation", "attestation"),
    ("cosign-bundle-image", "image"),
    ("cosign-bundle-index", "index"),
    ("bundle-v0.1-index", "index"),
    ("simple-attestation", "attestation"),
    ("simple-tag-index", "index"),
    ("simple-tag-attestation", "attestation"),
];

fn verifies(setup: &Setup) {
    for (name, part) in SIGNED {
        let image = setup.print(name);
        let [signature] = &signatures(&image)[..] else { panic!("{name}: {image:#}") };
        assert_eq!((&signature["subject"], failed_steps(&image).len()), (&part.into(), 0), "{name}");
    }
    setup.allows("key-bundle-index", "verify_image_key(input.image, \"cosign.pub\")");
    let image = setup.print("bad-no-sct");
    assert_eq!(failed_steps(&image), ["sct"], "{image:#}");
    assert_eq!(signatures(&setup.print("several")).len(), 2);
}

fn names() -> Vec<&'static str> {
    let signed = SIGNED.iter().map(|(name, _)| *name);
    signed.chain(["key-bundle-index", "bad-no-sct", "several"]).collect()
}

#[test]
fn referrers_are_found_by_their_tag() {
    let registry = Registry::start(false).expect("a registry");
    verifies(&Setup::at(registry.address(), &names()));
}

#[test]
fn docker_registry_is_as_good() {
    let Some(registry) = DockerRegistry::start() else { return };
    verifies(&Setup::at(&registry.address, &names()));
}
