//! Every format, on everything that can be signed.

use policy_signing::{BundleForm, BundleVersion, COSIGN_SIGN, Identity, Instance, SLSA_V1, Signer};

use super::world::*;
use crate::verify::{RootKind, Step, Subject, Trust};

const SUBJECTS: [Subject; 3] = [Subject::Attestation, Subject::Image, Subject::Index];

#[test]
fn bundles_of_all_versions_on_all_subjects() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    for covers in SUBJECTS {
        for (version, media_type, name, kind) in [
            (BundleVersion::V03, BUNDLE, "bundle-v0.3", "docker-github-builder"),
            (BundleVersion::V02, BUNDLE_V02, "bundle-v0.2", "self-signed"),
            (BundleVersion::V01, BUNDLE_V01, "bundle-v0.1", "self-signed"),
        ] {
            let mut image = Image::new();
            let form = BundleForm { version, ..BundleForm::cosign() };
            let bundle = instance.bundle(&image.subject(covers), &form, &builder(), None);
            let digest = image.add(covers, &[Layer::bundle(media_type, &bundle)]);
            let verified = image.verify(&trust);
            assert_eq!(verified.failures, [], "{name} on {covers}");
            let [signature] = verified.signatures.as_slice() else { panic!("{verified:?}") };
            assert_eq!((signature.kind.as_str(), signature.r#type.as_str()), (kind, name));
            assert_eq!((signature.subject, &signature.digest), (Some(covers), &digest));
            assert_eq!(
                (signature.trust_root.as_str(), signature.predicate_type.as_str()),
                ("sigstore", COSIGN_SIGN)
            );
            assert!(!signature.is_dhi && signature.docker_reference.is_empty());
            let signer = signature.signer.as_ref().unwrap();
            assert_eq!(signer.source_repository_uri, "https://github.com/org/app");
            assert_eq!(signer.certificate_issuer, "CN=sigstore-intermediate,O=sigstore.dev");
            assert!(!signature.timestamps.is_empty());
            assert_eq!(verified.signatures_of(PROVENANCE).is_empty(), covers != Subject::Attestation);
        }
    }
}

#[test]
fn attestations_of_github_are_signatures_with_a_predicate() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    for covers in [Subject::Image, Subject::Index] {
        let mut image = Image::new();
        let signer = Signer::Keyless(Identity::workflow("org/app", "org/app"));
        let bundle = instance.bundle(&image.subject(covers), &BundleForm::github(), &signer, None);
        image.add(covers, &[Layer::bundle(BUNDLE, &bundle)]);
        let verified = image.verify(&trust);
        let [signature] = verified.signatures.as_slice() else { panic!("{verified:?}") };
        assert_eq!((signature.predicate_type.as_str(), signature.subject), (SLSA_V1, Some(covers)));
        assert_eq!(signature.kind, "self-signed-github-repo");
        assert!(verified.signatures_of(PROVENANCE).is_empty());
    }
}

#[test]
fn simple_signatures_as_referrers_and_by_tag() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    for covers in SUBJECTS {
        for by_tag in [false, true] {
            let mut image = Image::new();
            let person = Signer::Keyless(Identity::person("a@example.com", "https://accounts.example.com"));
            let layers = [
                simple(&mut instance, &image.subject(covers), &builder()),
                simple(&mut instance, &image.subject(covers), &person),
            ];
            if by_tag {
                image.tag(covers, &layers)
            } else {
                image.add(covers, &layers)
            };
            let verified = image.verify(&trust);
            assert_eq!(verified.failures, [], "{covers}, by tag: {by_tag}");
            let [first, second] = verified.signatures.as_slice() else { panic!("{verified:?}") };
            assert_eq!((first.kind.as_str(), first.r#type.as_str()), ("self-signed", "simplesigning-v1"));
            assert_eq!((first.docker_reference.as_str(), first.subject), (REFERENCE, Some(covers)));
            assert_eq!(first.timestamps[0].r#type, "Tlog");
            assert_eq!(second.signer.as_ref().unwrap().subject_alternative_name, "a@example.com");
        }
    }
}

#[test]
fn both_forms_of_a_log_entry_are_read() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    let mut image = Image::new();
    let layer = simple(&mut instance, &image.manifest, &builder());
    let old: serde_json::Value =
        serde_json::from_str(&layer.annotations["dev.sigstore.cosign/bundle"]).unwrap();
    let payload = &old["Payload"];
    let new = serde_json::json!({"content": {"verificationMaterial": {"tlogEntries": [{
        "logIndex": payload["logIndex"].to_string(),
        "logId": {"keyId": payload["logID"]},
        "integratedTime": payload["integratedTime"],
        "inclusionPromise": {"signedEntryTimestamp": old["SignedEntryTimestamp"]},
        "canonicalizedBody": payload["body"],
    }]}}});
    // What stands outside counts, numbers and their digits alike.
    let mut outer = old.clone();
    outer["logIndex"] = payload["logIndex"].to_string().into();
    outer["integratedTime"] = payload["integratedTime"].clone();
    outer["Payload"]["logIndex"] = 99.into();
    outer["Payload"]["integratedTime"] = "1".into();
    let mut wrong = old.clone();
    wrong["logIndex"] = 99.into();
    for (annotation, counts) in [(new, true), (outer, true), (wrong, false)] {
        let mut layer = layer.clone();
        layer.annotations.insert("dev.sigstore.cosign/bundle".into(), annotation.to_string());
        image.signatures = crate::metadata::ImageSignatures::default();
        image.add(Subject::Image, &[layer]);
        let verified = image.verify(&trust);
        assert_eq!(verified.signatures.len(), usize::from(counts), "{annotation} {:?}", verified.failures);
    }
}

#[test]
fn the_first_root_that_knows_the_signer_gives_its_name() {
    let (mut one, mut other) = (public(), Instance::without_logs(b"x", "example.com", "private", NOW));
    let mut image = Image::new();
    let form = BundleForm { logged: policy_signing::Logged::No, ..BundleForm::cosign() };
    let private = other.bundle(&image.manifest, &form, &builder(), None);
    image.add(Subject::Image, &[Layer::bundle(BUNDLE, &private)]);
    let public_bundle = cosign(&mut one, &image.manifest.clone(), &builder());
    image.add(Subject::Image, &[public_bundle]);
    let roots = || vec![root(&one, "sigstore", RootKind::Sigstore), root(&other, "ours", RootKind::Private)];
    let verified = image.verify(&Trust::new(roots()));
    let found: Vec<_> =
        verified.signatures.iter().map(|s| (s.trust_root.as_str(), s.kind.as_str())).collect();
    assert_eq!(found, [("ours", "untrusted"), ("sigstore", "docker-github-builder")]);

    // The same name under a root of somebody's own is no name.
    let mine = trust(&one, "mine", RootKind::Private);
    assert_eq!(image.verify(&mine).signatures[0].kind, "untrusted");
    let first = &image.verify(&Trust::new(vec![root(&one, "sigstore", RootKind::Sigstore)])).failures[0];
    assert_eq!((first.trust_root.as_str(), first.subject), ("sigstore", Some(Subject::Image)));
    assert_eq!(image.failed(&Trust::default()), [Step::TrustRoot; 2]);
}

#[test]
fn an_image_without_index_has_signatures_of_its_own() {
    let mut instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    let mut image = Image::new();
    image.chain.root.clone_from(&image.chain.image_manifest);
    image.chain.attestation_manifest.clear();
    insert(&mut image.chain.blobs, crate::verify::manifest::OCI_MANIFEST, &image.manifest);
    let layer = cosign(&mut instance, &image.manifest, &builder());
    image.add(Subject::Image, &[layer]);
    assert_eq!(image.verify(&trust).signatures[0].subject, Some(Subject::Image));
    let layer = cosign(&mut instance, &image.index, &builder());
    image.signatures = crate::metadata::ImageSignatures::default();
    image.add(Subject::Index, std::slice::from_ref(&layer));
    image.add(Subject::Attestation, &[layer]);
    assert_eq!(image.failed(&trust), [Step::Subject, Step::Attestation]);
}
