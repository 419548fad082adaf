//! Trust roots: who vouches for signers.

use policy_signing::{World, digest_of};

use crate::setup::{Setup, failed_steps, signatures};

const SIGNED: &str = "count(input.image.signatures) > 0";

#[test]
fn without_its_root_nothing_is_signed() {
    let setup = Setup::of(&["cosign-bundle-attestation", "github-private-index"]);
    let run = setup.eval_with("cosign-bundle-attestation", SIGNED, &[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let image = setup.print_with("cosign-bundle-attestation", &[]);
    assert_eq!((signatures(&image).len(), failed_steps(&image).len()), (0, 1), "{image:#}");
    // GitHub's kind of instance needs no logs, and vouches for nothing of the other.
    let run = setup.eval("github-private-index", SIGNED);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let args = ["--trust-root", "hub=trusted_root_github.json"];
    let run = setup.eval_with("github-private-index", SIGNED, &args);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

/// The same names of authorities and logs, and other keys.
#[test]
fn another_worlds_root_is_no_root() {
    let setup = Setup::of(&["cosign-bundle-attestation", "simple-tag-index"]);
    let other = World::new(b"another", setup.world.instance.now());
    let root = other.instance.trusted_root(policy_signing::TrustRootVersion::V01).to_string();
    assert_ne!(digest_of(root.as_bytes()), digest_of(b""));
    setup.place.write("another.json", root);
    for name in ["cosign-bundle-attestation", "simple-tag-index"] {
        let run = setup.eval_with(name, SIGNED, &["--trust-root", "world=another.json"]);
        assert_eq!(run.code, 1, "{name}: {}{}", run.stdout, run.stderr);
        let args = ["--trust-root", "another=another.json", "--trust-root", "world=trusted_root.json"];
        let image = setup.print_with(name, &args);
        assert_eq!(signatures(&image)[0]["trustRoot"], "world", "{name}: {image:#}");
    }
}
