//! What is wrong with one thing, and at which step it fails.

use std::collections::BTreeMap;

use policy_signing::{BundleForm, Defect, Instance, Logged, Signer};
use serde_json::{Value, json};

use super::world::*;
use crate::verify::manifest::{OCI_MANIFEST, sha256};
use crate::verify::{RootKind, Step, Subject, Trust};

type Change = fn(&mut Value);

fn world() -> (Instance, Trust) {
    let instance = public();
    let trust = trust(&instance, "sigstore", RootKind::Sigstore);
    (instance, trust)
}

#[test]
fn a_signature_for_another_image_is_refused() {
    let (mut instance, trust) = world();
    for covers in [Subject::Attestation, Subject::Image, Subject::Index] {
        let bundle = cosign(&mut instance, b"another manifest", &builder());
        let payload = simple(&mut instance, b"another manifest", &builder());
        let mut image = Image::new();
        image.add(covers, std::slice::from_ref(&bundle));
        image.add(covers, std::slice::from_ref(&payload));
        image.tag(covers, &[payload]);
        image.tag(covers, &[bundle]);
        // A tagged bundle lies in a manifest without an artifact type.
        assert_eq!(image.failed(&trust), [Step::Artifact, Step::Payload, Step::Payload, Step::Manifest]);
    }
}

#[test]
fn a_signature_counts_for_what_it_is_on_alone() {
    let (mut instance, trust) = world();
    let mut image = Image::new();
    let on_index = cosign(&mut instance, &image.index, &builder());
    let on_attestation = simple(&mut instance, &image.attestation, &builder());
    image.add(Subject::Attestation, &[on_index]);
    image.add(Subject::Image, std::slice::from_ref(&on_attestation));
    image.tag(Subject::Index, &[on_attestation]);
    assert_eq!(image.failed(&trust), [Step::Artifact, Step::Payload, Step::Payload]);
}

#[test]
fn the_signatures_manifest_names_its_subject() {
    let (mut instance, trust) = world();
    for covers in [Subject::Attestation, Subject::Image, Subject::Index] {
        let edits: [(Change, Step); 9] = [
            (|manifest| manifest["subject"]["size"] = 1.into(), Step::Subject),
            (|manifest| manifest["subject"]["mediaType"] = "application/json".into(), Step::Subject),
            (|manifest| manifest["subject"]["digest"] = sha256(b"x").into(), Step::Subject),
            (|manifest| drop(manifest.as_object_mut().unwrap().remove("subject")), Step::Subject),
            (|manifest| manifest["subject"] = json!({}), Step::Subject),
            (|manifest| manifest["layers"] = json!([]), Step::Manifest),
            (|manifest| manifest["layers"] = json!(null), Step::Manifest),
            (|manifest| manifest["layers"] = json!("x"), Step::Manifest),
            (|manifest| manifest["artifactType"] = COSIGN.into(), Step::Manifest),
        ];
        for (n, (edit, step)) in edits.into_iter().enumerate() {
            let mut image = Image::new();
            let layer = cosign(&mut instance, &image.subject(covers), &builder());
            image.add_edited(covers, &[layer], edit);
            assert_eq!(image.failed(&trust), [step], "edit {n} on {covers}");
        }
    }
}

#[test]
fn layers_are_what_their_descriptors_say() {
    let (mut instance, trust) = world();
    let edits: [(Change, Step); 3] = [
        (|manifest| manifest["layers"][0]["size"] = 1.into(), Step::Manifest),
        (|manifest| manifest["layers"][0]["digest"] = sha256(b"x").into(), Step::Unavailable),
        (
            |manifest| {
                manifest["layers"][0]["mediaType"] = "text/plain".into();
                manifest["artifactType"] = "text/plain".into();
            },
            Step::Format,
        ),
    ];
    for (edit, step) in edits {
        let mut image = Image::new();
        let layer = cosign(&mut instance, &image.manifest, &builder());
        image.add_edited(Subject::Image, &[layer], edit);
        assert_eq!(image.failed(&trust), [step]);
    }
    // What the registry delivered is something else.
    for is_manifest in [true, false] {
        let mut image = Image::new();
        let layer = cosign(&mut instance, &image.manifest, &builder());
        let digest = image.add(Subject::Image, std::slice::from_ref(&layer));
        let changed = if is_manifest { digest } else { sha256(&layer.data) };
        image.signatures.blobs.get_mut(&changed).unwrap().data = "{}".into();
        let step = if is_manifest { Step::Manifest } else { Step::Unavailable };
        assert_eq!(image.failed(&trust), [step]);
    }
}

#[test]
fn the_attestation_belongs_to_the_image() {
    let (mut instance, trust) = world();
    let attestation: [Change; 7] = [
        |manifest| manifest["subject"]["size"] = 1.into(),
        |manifest| manifest["subject"]["mediaType"] = "application/json".into(),
        |manifest| manifest["subject"]["digest"] = sha256(b"x").into(),
        |manifest| drop(manifest.as_object_mut().unwrap().remove("subject")),
        |manifest| drop(manifest["layers"].as_array_mut().unwrap().pop()),
        |manifest| manifest["layers"] = json!([]),
        |manifest| manifest["layers"] = json!(7),
    ];
    let mut edits: Vec<Edit> =
        attestation.map(|edit| Edit { attestation: Some(edit), ..Edit::default() }).into();
    let docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
    edits.push(Edit { index_type: Some(docker_list), ..Edit::default() });
    let size: Change = |index| index["manifests"][0]["size"] = 1.into();
    edits.push(Edit { index: Some(size), ..Edit::default() });
    for (n, edit) in edits.iter().enumerate() {
        let mut image = Image::edited(edit);
        let layer = cosign(&mut instance, &image.attestation, &builder());
        image.add(Subject::Attestation, &[layer]);
        assert_eq!(image.failed(&trust), [Step::Attestation], "edit {n}");
    }
}

#[test]
fn an_attestation_for_another_platform_is_none() {
    let (mut instance, trust) = world();
    let mut image = Image::new();
    let other = image.other_attestation.clone();
    insert(&mut image.chain.blobs, OCI_MANIFEST, &other);
    let layer = cosign(&mut instance, &other, &builder());
    image.attestation.clone_from(&other);
    image.add(Subject::Attestation, &[layer]);
    assert_eq!(image.failed(&trust), [Step::Attestation], "found on a manifest that is not the image's");
    image.chain.attestation_manifest = sha256(&other);
    assert_eq!(image.failed(&trust), [Step::Attestation], "and as the image's");
}

#[test]
fn the_index_must_be_there_and_list_the_image() {
    let (mut instance, trust) = world();
    for n in 0..3 {
        let mut image = Image::new();
        let layer = cosign(&mut instance, &image.manifest, &builder());
        image.add(Subject::Image, &[layer]);
        let root = image.chain.root.clone();
        match n {
            0 => drop(image.chain.blobs.remove(&root)),
            1 => image.chain.image_manifest = sha256(b"x"),
            _ => image.chain.blobs.get_mut(&root).unwrap().data = "{}".into(),
        }
        assert_eq!(image.failed(&trust), [Step::Manifest], "{n}");
    }
}

#[test]
fn payloads_say_what_they_are() {
    let (mut instance, trust) = world();
    let image = Image::new();
    let good = simple(&mut instance, &image.manifest, &builder());
    let text = String::from_utf8(good.data.clone()).unwrap();
    let payload = |data: String| Layer { data: data.into_bytes(), ..good.clone() };
    let annotated = |name: &str, value: Option<&str>| {
        let mut layer = good.clone();
        layer.annotations.remove(name);
        layer.annotations.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        layer
    };
    let swapped = simple(&mut instance, &image.index, &builder());
    let own_manifest = |layer: &Layer| Layer { data: good.data.clone(), ..layer.clone() };
    let (signature, certificate, log) = (
        "dev.cosignproject.cosign/signature",
        "dev.sigstore.cosign/certificate",
        "dev.sigstore.cosign/bundle",
    );
    for (n, (layer, step)) in [
        (
            payload(text.replace("cosign container image signature", "atomic container signature")),
            Step::Payload,
        ),
        (payload(text.replace("sha256:", "sha512:")), Step::Payload),
        (payload("{}".into()), Step::Payload),
        (payload("x".into()), Step::Payload),
        // Signed was another text.
        (payload(text.replace(REFERENCE, "registry.example.com/other")), Step::LogEntry),
        // All of another signature but the payload.
        (own_manifest(&swapped), Step::LogEntry),
        (annotated(signature, None), Step::Signature),
        (annotated(signature, Some("%")), Step::Signature),
        (annotated(signature, Some(&swapped.annotations[signature])), Step::LogEntry),
        (annotated(certificate, None), Step::KeyNeeded),
        (annotated(certificate, Some("x")), Step::Certificate),
        (annotated(certificate, Some(&swapped.annotations[certificate])), Step::LogEntry),
        (annotated(log, None), Step::LogEntry),
        (annotated(log, Some("{}")), Step::LogEntry),
        (annotated(log, Some("[")), Step::LogEntry),
        (annotated(log, Some(&swapped.annotations[log])), Step::LogEntry),
        (annotated("x", Some(&"x".repeat((1 << 20) + 1))), Step::Limit),
        (annotated("dev.sigstore.cosign/rfc3161timestamp", Some("x")), Step::Timestamp),
    ]
    .into_iter()
    .enumerate()
    {
        let mut image = Image::new();
        image.add(Subject::Image, std::slice::from_ref(&layer));
        let verified = image.verify(&trust);
        assert_eq!(verified.signatures, [], "{n}");
        // Which of several that disagree is told first is the verifier's business.
        let found = verified.failures[0].step;
        let either = [Step::LogEntry, Step::Signature, Step::Artifact, Step::CertificateTime];
        assert!(found == step || (either.contains(&found) && step == Step::LogEntry), "{n}: {found}");
    }
}

#[test]
fn what_is_wrong_with_a_bundle_is_told() {
    let (mut instance, trust) = world();
    for defect in Defect::ALL {
        let form = match defect {
            Defect::OtherTimestamp => BundleForm { logged: Logged::V2, ..BundleForm::cosign() },
            _ => BundleForm { timestamp: false, ..BundleForm::cosign() },
        };
        let mut image = Image::new();
        let bundle = instance.bundle(&image.attestation, &form, &builder(), Some(defect));
        let digest = image.add(Subject::Attestation, &[Layer::bundle(BUNDLE, &bundle)]);
        let verified = image.verify(&trust);
        assert_eq!(verified.signatures, [], "{defect:?}");
        let [failure] = verified.failures.as_slice() else { panic!("{defect:?}: {verified:?}") };
        assert_eq!((failure.format.as_str(), &failure.digest), ("bundle-v0.3", &digest), "{defect:?}");
        assert_eq!(failure.subject, Some(Subject::Attestation), "{defect:?}");
    }
}

#[test]
fn a_bad_one_hides_no_good_one() {
    let (mut instance, trust) = world();
    let mut image = Image::new();
    let good = simple(&mut instance, &image.attestation, &builder());
    let bad = simple(&mut instance, b"x", &builder());
    let other = Layer { media_type: "text/plain", annotations: BTreeMap::new(), data: b"x".to_vec() };
    let bundle = cosign(&mut instance, &image.attestation, &builder());
    let broken = Layer { data: b"{}".to_vec(), ..bundle.clone() };
    image.tag(Subject::Attestation, &[bad, other, good]);
    image.add(Subject::Attestation, &[broken]);
    image.add(Subject::Attestation, &[bundle]);
    let verified = image.verify(&trust);
    let steps: Vec<_> = verified.failures.iter().map(|failure| failure.step).collect();
    assert_eq!(steps, [Step::Payload, Step::Format, Step::Bundle]);
    let formats: Vec<_> = verified.signatures.iter().map(|signature| signature.r#type.as_str()).collect();
    assert_eq!(formats, ["simplesigning-v1", "bundle-v0.3"]);
    assert!(!verified.signatures_of(PROVENANCE).is_empty());
}

#[test]
fn more_than_64_are_none() {
    let (mut instance, trust) = world();
    let mut image = Image::new();
    let good = simple(&mut instance, &image.manifest, &builder());
    let bad = Layer { data: b"{}".to_vec(), ..good.clone() };
    let mut layers = vec![bad; 63];
    layers.push(good.clone());
    image.tag(Subject::Image, &layers);
    let verified = image.verify(&trust);
    assert_eq!((verified.signatures.len(), verified.failures.len()), (1, 63));
    image.add(Subject::Image, &[good]);
    assert_eq!(image.failed(&trust), [Step::Limit]);
    image.signatures.unavailable.push("a tag".into());
    assert_eq!(image.failed(&trust), [Step::Unavailable, Step::Limit]);
}

#[test]
fn a_manifest_counts_once() {
    let (mut instance, trust) = world();
    let mut image = Image::new();
    let layer = cosign(&mut instance, &image.attestation, &builder());
    let digest = image.add(Subject::Attestation, std::slice::from_ref(&layer));
    image.chain.signature_manifests.push(digest.clone());
    image.signatures.manifests.push(image.signatures.manifests[0].clone());
    assert_eq!(image.verify(&trust).signatures.len(), 1);
    // What BuildKit delivers is all in the chain.
    let signatures = std::mem::take(&mut image.signatures);
    image.chain.blobs.extend(signatures.blobs);
    assert_eq!(image.verify(&trust).signatures.len(), 1);
    image.chain.blobs.remove(&sha256(&layer.data));
    assert_eq!(image.failed(&trust), [Step::Unavailable]);
}

#[test]
fn a_key_is_needed_where_there_is_no_certificate() {
    let (mut instance, trust) = world();
    let mut image = Image::new();
    let key = || Signer::Key(policy_signing::Key::seeded(policy_signing::KeyKind::P256, b"k", "k"));
    let bundle = cosign(&mut instance, &image.manifest, &key());
    let payload = simple(&mut instance, &image.manifest, &key());
    image.add(Subject::Image, &[bundle]);
    image.add(Subject::Image, &[payload]);
    assert_eq!(image.failed(&trust), [Step::KeyNeeded, Step::KeyNeeded]);
}
