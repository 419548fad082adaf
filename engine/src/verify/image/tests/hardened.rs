//! Docker Hardened Images, with a key of our own in place of Docker's.

use policy_signing::{Defect, Instance, Key, KeyKind, Signer};
use serde_json::{Value, json};

use super::world::*;
use crate::verify::dhi;
use crate::verify::image::{VerifiedImage, verify_hardened};
use crate::verify::key::PublicKey;
use crate::verify::manifest::{OCI_MANIFEST, sha256};
use crate::verify::{RootKind, Step, Subject, Trust};

fn hardened_index(index: &mut Value) {
    index["annotations"] = json!({"org.opencontainers.image.title": "dhi/app"});
    for manifest in index["manifests"].as_array_mut().unwrap() {
        manifest["annotations"]["com.docker.dhi.build.id"] = "1".into();
    }
}

fn signer() -> Signer {
    Signer::Key(key())
}

fn key() -> Key {
    Key::seeded(KeyKind::P256, b"a2", "dhi")
}

/// `start` is when the key began to sign, seconds since 1970.
fn verify(image: &Image, trust: &Trust, start: u64) -> VerifiedImage {
    let key = PublicKey::from_pem(key().public_pem().as_bytes()).unwrap();
    let key = key.valid_from(i64::try_from(start).unwrap());
    verify_hardened(&image.chain, &image.signatures, trust, Some(&key))
}

fn simple(instance: &mut Instance, subject: &[u8], logged: bool, defect: Option<Defect>) -> Layer {
    Layer::simple(instance.simple_signature(subject, "dhi.io/app", &Value::Null, &signer(), logged, defect))
}

#[test]
fn with_and_without_log_entry() {
    let mut instance = public();
    let sigstore = trust(&instance, "sigstore", RootKind::Sigstore);
    let private = trust(&instance, "mine", RootKind::Private);
    for logged in [false, true] {
        let mut image = Image::edited(&Edit { index: Some(hardened_index), ..Edit::default() });
        let layer = simple(&mut instance, &image.attestation, logged, None);
        image.add(Subject::Attestation, &[layer]);
        let verified = verify(&image, &sigstore, 0);
        let [signature] = verified.signatures.as_slice() else { panic!("{verified:?}") };
        assert_eq!((signature.kind.as_str(), signature.is_dhi), ("docker-hardened-image", true));
        assert_eq!((signature.docker_reference.as_str(), signature.signer.is_none()), ("dhi.io/app", true));
        assert_eq!(signature.timestamps.len(), usize::from(logged));
        assert_eq!(signature.trust_root, if logged { "sigstore" } else { "" });
        assert!(!verified.signatures_of(PROVENANCE).is_empty());
        // Logs are known by Sigstore's own root alone.
        for trust in [&private, &Trust::default()] {
            let found = verify(&image, trust, 0);
            assert_eq!(found.signatures.len(), usize::from(!logged), "{found:?}");
            assert!(!logged || [Step::LogEntry, Step::TrustRoot].contains(&found.failures[0].step));
        }
        // A time is known only from the log.
        let early = verify(&image, &sigstore, NOW + 10_000);
        assert_eq!(early.signatures.len(), usize::from(!logged));
        assert!(!logged || early.failures[0].step == Step::KeyTime);
    }
}

#[test]
fn the_attestation_may_lie_beside_the_index() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    let mut image = Image::edited(&Edit { index: Some(hardened_index), ..Edit::default() });
    image.chain.attestation_manifest.clear();
    let layer = simple(&mut instance, &image.attestation, false, None);
    image.add(Subject::Attestation, &[layer]);
    assert_eq!(verify(&image, &trust, 0).signatures.len(), 1);
    // One of another image is refused there as well.
    let other = image.other_attestation.clone();
    insert(&mut image.signatures.blobs, OCI_MANIFEST, &other);
    image.attestation.clone_from(&other);
    let layer = simple(&mut instance, &other, false, None);
    image.signatures.manifests.clear();
    image.add(Subject::Attestation, &[layer]);
    let verified = verify(&image, &trust, 0);
    assert_eq!((verified.signatures.len(), verified.failures[0].step), (0, Step::Attestation));
}

#[test]
fn the_key_is_what_counts() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    let edits: [Option<fn(&mut Value)>; 4] = [
        None,
        Some(|index| index["annotations"] = json!({"org.opencontainers.image.title": "dhi/app"})),
        Some(|index| {
            hardened_index(index);
            index["annotations"]["org.opencontainers.image.title"] = "my/dhi/app".into();
        }),
        Some(|index| {
            hardened_index(index);
            index["manifests"][1]["annotations"]["com.docker.dhi.build.id"] = "".into();
        }),
    ];
    for index in edits {
        let mut image = Image::edited(&Edit { index, ..Edit::default() });
        let layer = simple(&mut instance, &image.attestation, false, None);
        image.add(Subject::Attestation, &[layer]);
        let verified = verify(&image, &trust, 0);
        assert_eq!((verified.signatures.len(), verified.failures[0].step), (0, Step::KeyNeeded));
    }
    // Anybody can write such an index, and sign under it with a certificate.
    let mut image = Image::edited(&Edit { index: Some(hardened_index), ..Edit::default() });
    let keyless = super::world::simple(&mut instance, &image.attestation, &builder());
    let other_key = Signer::Key(Key::seeded(KeyKind::P256, b"a2", "other"));
    let other = super::world::simple(&mut instance, &image.attestation, &other_key);
    let bad = simple(&mut instance, &image.attestation, true, Some(Defect::BadPromise));
    for layer in [keyless, other, bad] {
        image.add(Subject::Attestation, &[layer]);
    }
    let verified = verify(&image, &trust, 0);
    let [signature] = verified.signatures.as_slice() else { panic!("{verified:?}") };
    assert_eq!((signature.kind.as_str(), signature.is_dhi), ("self-signed", false));
    let steps: Vec<_> = verified.failures.iter().map(|failure| failure.step).collect();
    assert_eq!(steps, [Step::Signature, Step::LogPromise]);
}

#[test]
fn dockers_own_key_is_there() {
    let key = dhi::key().unwrap();
    assert_eq!(key.start(), Some(1_743_595_200));
    assert_eq!(
        sha256(key.der().as_bytes()),
        "sha256:118ba556dd52f4aec67018efd316c285c783cd3e54cc0f4527605715c643887c"
    );
}
