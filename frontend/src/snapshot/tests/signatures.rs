//! Signatures of an image and attestations of a URL, in a file.

use std::collections::BTreeMap;

use policy_engine::metadata::{ImageSignatures, SignatureManifest};
use policy_engine::verify::Subject;

use super::*;

const REPOSITORIES: [&str; 2] = ["octo/app", "octo/other"];

fn signatures_request(chain: bool) -> Request {
    let mut request = image_request(false, chain, &[]);
    request.wanted.image.as_mut().unwrap().signatures = true;
    request
}

fn attested_request(repositories: &[&str]) -> Request {
    let mut request = http_request("https://h/attested", &[]);
    let wanted = request.wanted.http.as_mut().unwrap();
    wanted.github_attestations = repositories.iter().map(|&repository| repository.into()).collect();
    request
}

/// The image of the other tests with a signature on the attestation manifest and an older one on the index, of which
/// one layer could not be read.
fn signed() -> Metadata {
    let mut metadata = image();
    let image = metadata.image.as_mut().unwrap();
    image.config = None;
    let chain = image.attestation_chain.as_mut().unwrap();
    chain.blobs.retain(|_, blob| blob.descriptor.annotations.is_empty());
    let attestation = chain.blobs[&chain.attestation_manifest].clone();
    let root = chain.blobs[&chain.root].clone();
    let layer = |blob: &Blob| {
        let Descriptor { media_type, digest, annotations, .. } = &blob.descriptor;
        json!({"mediaType": media_type, "digest": digest, "annotations": annotations})
    };
    let bundle = blob("bundle", &[]);
    let payload = blob("payload", &[("dev.cosignproject.cosign/signature", "c2ln")]);
    let missing = blob("missing", &[]);
    let one = blob(&json!({"layers": [layer(&bundle)]}).to_string(), &[]);
    let two = blob(&json!({"layers": [layer(&payload), layer(&missing)]}).to_string(), &[]);
    let manifest = |covers, subject: &Blob, manifest: &Blob, by_tag| SignatureManifest {
        covers,
        subject: subject.descriptor.clone(),
        digest: manifest.descriptor.digest.clone(),
        by_tag,
    };
    image.signatures = Some(ImageSignatures {
        manifests: vec![
            manifest(Subject::Attestation, &attestation, &one, false),
            manifest(Subject::Index, &root, &two, true),
        ],
        blobs: [attestation, one, two, bundle, payload].map(|b| (b.descriptor.digest.clone(), b)).into(),
        unavailable: vec![format!(
            "signature {}: not found at https://u:s3cret@h/",
            missing.descriptor.digest
        )],
    });
    metadata
}

fn attested() -> Metadata {
    let bundles = [vec![Bytes::from_static(b"{ \"a\":1.0}"), Bytes::from_static(b"{}")], Vec::new()];
    let github_attestations = REPOSITORIES.map(str::to_owned).into_iter().zip(bundles).collect();
    let http = HttpMetadata { checksum: sha256(b"body"), github_attestations, ..HttpMetadata::default() };
    Metadata { http: Some(http), ..Metadata::default() }
}

fn text() -> String {
    let recording = Recording::new(now());
    recording.lookup(&signatures_request(true), Vec::new(), Ok(&signed()));
    recording.lookup(&attested_request(&REPOSITORIES), Vec::new(), Ok(&attested()));
    write::text(&recording.finish().unwrap()).unwrap()
}

#[test]
fn they_come_back_byte_for_byte() {
    let text = text();
    assert!(!text.contains("s3cret"), "{text}");
    let snapshot = read::parse(text.as_bytes()).unwrap();
    assert_eq!(write::text(&snapshot).unwrap(), text);
    let mut expected = signed();
    let signatures = expected.image.as_mut().unwrap().signatures.as_mut().unwrap();
    signatures.unavailable[0] = signatures.unavailable[0].replace("u:s3cret", "***");
    assert_eq!(snapshot.find(&signatures_request(true)).unwrap().result.unwrap(), expected);
    assert_eq!(snapshot.find(&attested_request(&REPOSITORIES)).unwrap().result.unwrap(), attested());
}

#[test]
fn they_are_answered_to_those_who_ask() {
    let snapshot = read::parse(text().as_bytes()).unwrap();
    let image = |request: &Request| snapshot.find(request).unwrap().result.unwrap().image.unwrap();
    assert_eq!(image(&image_request(false, true, &[])).signatures, None);
    let only = image(&signatures_request(false));
    assert!(only.signatures.is_some() && only.attestation_chain.is_none());
    let http = |repositories: &[&str]| snapshot.find(&attested_request(repositories));
    let found = http(&REPOSITORIES[..1]).unwrap().result.unwrap().http.unwrap();
    assert_eq!(found.github_attestations.keys().collect::<Vec<_>>(), ["octo/app"]);
    assert_eq!(http(&[]).unwrap().result.unwrap().http.unwrap().github_attestations, BTreeMap::new());
    assert!(http(&["octo/another"]).is_none());
    // Who was not asked for signatures can't say that there are none.
    let recording = Recording::new(now());
    recording.lookup(&image_request(true, true, &[SPDX, SLSA]), Vec::new(), Ok(&super::image()));
    assert!(recording.finish().unwrap().find(&signatures_request(true)).is_none());
}

#[test]
fn altered_ones_are_refused() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_str(&text()).unwrap();
        change(&mut document);
        read::parse(document.to_string().as_bytes()).unwrap_err().to_string()
    };
    let bundle = sha256(b"bundle");
    let message = refused(&|file| file["blobs"][&bundle] = "e30=".into());
    assert!(message.ends_with("does not have this digest"), "{message}");
    let message = refused(&|file| drop(file["blobs"].as_object_mut().unwrap().remove(&bundle)));
    assert!(message.ends_with("is missing"), "{message}");

    let signatures = |file: &mut Value, change: &dyn Fn(&mut Value)| {
        change(&mut answer(file, "docker-image")["found"]["image"]["signatures"]);
    };
    let digest = sha256(b"{}");
    for (change, detail) in [
        (
            &(|it: &mut Value| it["manifests"][0]["digest"] = digest.clone().into()) as &dyn Fn(&mut Value),
            "a signature's manifest is missing",
        ),
        (&|it| it["manifests"][0]["digest"] = bundle.clone().into(), "a signature's manifest is not JSON"),
        (
            &|it| it["manifests"][0]["subject"]["digest"] = digest.clone().into(),
            "a signature is on something else than the image",
        ),
        (
            &|it| it["manifests"][1]["subject"]["digest"] = digest.clone().into(),
            "a signature is on something else than the image",
        ),
        (
            &|it| it["manifests"][0]["subject"]["size"] = json!(1),
            "an attestation manifest that is signed is missing",
        ),
        (&|it| it["unavailable"] = json!([]), "a signature is missing"),
        (
            &|it| it["blobs"].as_array_mut().unwrap().retain(|blob| blob["digest"] != bundle),
            "a signature is missing",
        ),
        (
            &|it| drop(it["manifests"].as_array_mut().unwrap().remove(0)),
            "a blob belongs to none of the signatures as it is described",
        ),
    ] {
        let message = refused(&|file| signatures(file, change));
        assert!(message.ends_with(detail), "{detail}: {message}");
    }
    let message = refused(&|file| {
        signatures(file, &|it| {
            let annotated = |blob: &&mut Value| blob.get("annotations").is_some();
            let payload = it["blobs"].as_array_mut().unwrap().iter_mut().find(annotated).unwrap();
            payload["annotations"]["dev.cosignproject.cosign/signature"] = "b3RoZXI=".into();
        });
    });
    assert!(message.ends_with("as it is described"), "{message}");
    let message = refused(&|file| {
        answer(file, "docker-image")["found"]["image"].as_object_mut().unwrap().remove("signatures");
    });
    assert!(message.ends_with("what was found is not what was asked for"), "{message}");
    let message = refused(&|file| {
        let http = &mut answer(file, "https://h/attested")["found"]["http"];
        http["githubAttestations"].as_object_mut().unwrap().remove("octo/other");
    });
    assert!(message.ends_with("its attestations are not those that were asked for"), "{message}");
}

#[test]
fn damaged_files_never_panic() {
    let text = text();
    for at in (0..text.len()).step_by(7) {
        for with in *b"\"0,}[" {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = with;
            drop(read::parse(&bytes));
        }
    }
}

/// Files of before there could be several digests over a suffix.
#[test]
fn older_files_are_read() {
    let suffix = &suffixes()[..1];
    let digest = format!("sha256:{}", "1".repeat(64));
    let response = ChecksumResponse { digest, suffix: suffix[0].suffix.clone() };
    let recording = Recording::new(now());
    let request = http_request("https://h/a", suffix);
    recording.lookup(&request, Vec::new(), Ok(&http(vec![response.clone()])));
    let mut file: Value = serde_json::from_str(&write::text(&recording.finish().unwrap()).unwrap()).unwrap();
    let lookup = answer(&mut file, "https://h/a");
    for (part, many, one) in
        [("wanted", "checksums", "checksum"), ("found", "checksumsWithSuffix", "checksumWithSuffix")]
    {
        let part = lookup[part]["http"].as_object_mut().unwrap();
        let list = part.remove(many).unwrap();
        part.insert(one.into(), list[0].clone());
    }
    let snapshot = read::parse(file.to_string().as_bytes()).unwrap();
    let found = snapshot.find(&request).unwrap().result.unwrap().http.unwrap();
    assert_eq!(found.checksum_responses, [response]);
}
