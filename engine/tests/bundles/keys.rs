//! Bundles that were signed with a key.

use super::*;

#[test]
fn keys_verify_without_a_certificate() {
    let mut world = world();
    let public = |name: &str, world: &World, kind| DerPublicKey::new(world.instance.key(kind, name).spki());
    let verify = |world: &World, bundle: &Value, key: &DerPublicKey, log| {
        let bundle = Bundle::parse(bundle.to_string().as_bytes())?;
        // By the bytes: signatures of Ed25519 keys can't be verified by the digest.
        world.trust.verify_with_key(&bundle, &Artifact::Blob(ARTIFACT), key, Expect::Anything, log)
    };
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519] {
        let (own, other) = (public("own", &world, kind), public("other", &world, kind));
        let signer = Signer::Key(world.instance.key(kind, "own"));
        for statement in [true, false] {
            let form = form(BundleVersion::V03, statement, Logged::No, false);
            let mut bundle = world.instance.bundle(ARTIFACT, &form, &signer, None);
            // P-384 signs the SHA-384, whatever digest a bundle names.
            let verified = verify(&world, &bundle, &own, LogEntry::Optional).unwrap();
            assert_eq!((verified.trust_root.as_str(), verified.signer, verified.root_kind), ("", None, None));
            let failure = verify(&world, &bundle, &own, LogEntry::Required).unwrap_err();
            assert_eq!(failure.step, Step::LogEntry);
            // managed-key-wrong-key
            let failure = verify(&world, &bundle, &other, LogEntry::Optional).unwrap_err();
            assert_eq!(failure.step, Step::Signature, "{failure}");
            world.refuses(&bundle, Step::KeyNeeded, "no key");
            if statement {
                let wrong = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
                bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!(wrong);
                assert_eq!(verify(&world, &bundle, &own, LogEntry::Optional).unwrap_err().step, Step::Key);
                bundle["dsseEnvelope"]["signatures"][0]["keyid"] = json!(fingerprint(&world, kind));
                verify(&world, &bundle, &own, LogEntry::Optional).expect("its own key id");
            }
        }
    }
    let signer = || Signer::Key(world_key());
    let own = DerPublicKey::new(world_key().spki());
    for (logged, statement) in [(Logged::HashedRekord, false), (Logged::Dsse, true), (Logged::V2, true)] {
        let form = form(BundleVersion::V03, statement, logged, true);
        let bundle = world.instance.bundle(ARTIFACT, &form, &signer(), None);
        let verified = verify(&world, &bundle, &own, LogEntry::Required).unwrap();
        assert_eq!(verified.trust_root, "world");
        for (defect, step) in [
            (Defect::BadPromise, Step::LogPromise),
            (Defect::BadProof, Step::LogProof),
            (Defect::BadCheckpoint, Step::Checkpoint),
            (Defect::OtherLogEntry, Step::LogEntry),
        ] {
            if logged == Logged::V2 && defect == Defect::BadPromise {
                continue;
            }
            let bundle = world.instance.bundle(ARTIFACT, &form, &signer(), Some(defect));
            let failure = verify(&world, &bundle, &own, LogEntry::Optional).unwrap_err();
            assert_eq!(failure.step, step, "{logged:?} {defect:?}: {failure}");
        }
        let bundle = world.instance.bundle(ARTIFACT, &form, &signer(), Some(Defect::UnknownLog));
        verify(&world, &bundle, &own, LogEntry::Optional).expect("of a log that nobody knows");
        assert_eq!(verify(&world, &bundle, &own, LogEntry::Required).unwrap_err().step, Step::LogEntry);
    }
    let keyless = world.sign(&BundleForm::cosign(), None);
    assert_eq!(verify(&world, &keyless, &own, LogEntry::Optional).unwrap_err().step, Step::Key);
}

fn world_key() -> policy_signing::Key {
    policy_signing::Key::seeded(KeyKind::P256, b"bundles", "logged")
}

/// As OpenSSH writes it.
fn fingerprint(world: &World, kind: KeyKind) -> String {
    use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};

    let spki = world.instance.key(kind, "own").spki();
    let point = |length: usize| &spki[spki.len() - length..];
    let key = match kind {
        KeyKind::P256 => KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(point(65)).unwrap()),
        KeyKind::P384 => KeyData::Ecdsa(EcdsaPublicKey::from_sec1_bytes(point(97)).unwrap()),
        KeyKind::Ed25519 => KeyData::Ed25519(Ed25519PublicKey(point(32).try_into().unwrap())),
    };
    key.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}
