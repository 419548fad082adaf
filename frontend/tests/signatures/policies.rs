//! Rules that people write about signatures.

use crate::setup::{Setup, WORKFLOW};

#[test]
fn a_rule_asks_who_signed_what() {
    let setup = Setup::of(&[
        "cosign-bundle-attestation",
        "cosign-bundle-person-index",
        "bad-untrusted-authority",
        "unsigned",
    ]);
    let rule = |subject: &str, identity: &str| {
        format!(
            "some signature in input.image.signatures\n\tsignature.trustRoot == \"world\"\n\t\
             signature.subject == \"{subject}\"\n\tsignature.signer.subjectAlternativeName == \"{identity}\""
        )
    };
    setup.allows("cosign-bundle-attestation", &rule("attestation", WORKFLOW));
    setup.denies("cosign-bundle-attestation", &rule("attestation", "dev@world.test"));
    setup.denies("cosign-bundle-attestation", &rule("index", WORKFLOW));
    setup.allows("cosign-bundle-person-index", &rule("index", "dev@world.test"));
    setup.denies("cosign-bundle-person-index", &rule("index", WORKFLOW));
    setup.denies("bad-untrusted-authority", &rule("attestation", WORKFLOW));
    setup.denies("unsigned", &rule("attestation", WORKFLOW));
}

/// The documented helpers count Sigstore's own signatures only; anybody can run a private authority.
#[test]
fn a_private_authority_is_no_github_builder() {
    let setup = Setup::of(&["cosign-bundle-attestation"]);
    setup.denies("cosign-bundle-attestation", "docker_github_builder(input.image, \"world/app\")");
}

#[test]
fn provenance_is_signed_with_its_attestation() {
    let setup = Setup::of(&["cosign-bundle-attestation", "cosign-bundle-image", "unsigned", "bad-no-sct"]);
    let signed = "input.image.provenance.signatures";
    setup.allows("cosign-bundle-attestation", signed);
    for name in ["unsigned", "bad-no-sct", "cosign-bundle-image"] {
        setup.denies(name, signed);
    }
}

/// A policy that reads no signatures must cost no lookup of any.
#[test]
fn signatures_are_looked_up_only_where_they_are_read() {
    let registry = policy_signing::Registry::start(true).expect("a registry");
    let setup = Setup::at(registry.address(), &["cosign-bundle-index"]);
    let before = registry.asked().len();
    setup.allows("cosign-bundle-index", "input.image.labels.name == \"cosign-bundle-index\"");
    let asked = registry.asked().split_off(before);
    assert!(!asked.iter().any(|asked| asked.contains("referrers") || asked.contains(".sig")), "{asked:?}");
    let before = registry.asked().len();
    setup.allows("cosign-bundle-index", "count(input.image.signatures) == 1");
    let asked = registry.asked().split_off(before);
    assert!(asked.iter().any(|asked| asked.contains("referrers")), "{asked:?}");
}
