//! Signatures of real images. They are third-party data, which lies outside the repository: `POLICY_CHECK_VECTORS`
//! names its folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

use super::world::{BUNDLE, Layer, SIMPLE, insert};
use crate::metadata::{AttestationChain, Descriptor, ImageSignatures, SignatureManifest};
use crate::verify::image::{VerifiedImage, verify};
use crate::verify::manifest::{OCI_INDEX, OCI_MANIFEST, sha256};
use crate::verify::{RootKind, Step, Subject, Trust, TrustRoot};

fn vectors(folder: &str) -> Option<PathBuf> {
    let vectors = std::env::var_os("POLICY_CHECK_VECTORS").map(PathBuf::from);
    if vectors.is_none() {
        eprintln!("skipped: POLICY_CHECK_VECTORS is not set");
    }
    vectors.map(|vectors| vectors.join(folder))
}

fn sigstore(kind: RootKind) -> Trust {
    let json = SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes();
    Trust::new(vec![TrustRoot::parse("sigstore", kind, json).unwrap()])
}

/// An image whose index lists `subject`, with an attestation manifest.
fn chain(subject: &Value, attestation: &[u8]) -> AttestationChain {
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        subject,
        {"mediaType": OCI_MANIFEST, "digest": sha256(attestation), "size": attestation.len()},
    ]});
    let index = index.to_string().into_bytes();
    let mut chain = AttestationChain {
        root: sha256(&index),
        image_manifest: subject["digest"].as_str().unwrap().to_owned(),
        attestation_manifest: sha256(attestation),
        ..AttestationChain::default()
    };
    insert(&mut chain.blobs, OCI_INDEX, &index);
    insert(&mut chain.blobs, OCI_MANIFEST, attestation);
    chain
}

#[test]
fn dockers_github_builder() {
    let Some(folder) = vectors("github-builder") else { return };
    let mut chains = Vec::new();
    for number in ["1", "2", "3"] {
        let read = |name: &str| std::fs::read(folder.join(number).join(name)).unwrap();
        let (attestation, signature) = (read("attestation-manifest.json"), read("signature-manifest.json"));
        let parsed: Value = serde_json::from_slice(&attestation).unwrap();
        let mut chain = chain(&parsed["subject"], &attestation);
        chain.signature_manifests.push(sha256(&signature));
        insert(&mut chain.blobs, OCI_MANIFEST, &signature);
        insert(&mut chain.blobs, BUNDLE, &read("bundle.sigstore.json"));

        let verified = verify(&chain, &ImageSignatures::default(), &sigstore(RootKind::Sigstore));
        assert_eq!(verified.failures, [], "{number}");
        let [found] = verified.signatures.as_slice() else { panic!("{verified:?}") };
        assert_eq!((found.kind.as_str(), found.r#type.as_str()), ("docker-github-builder", "bundle-v0.3"));
        assert_eq!((found.subject, &found.digest), (Some(Subject::Attestation), &sha256(&signature)));
        assert_eq!((found.trust_root.as_str(), found.is_dhi), ("sigstore", false));
        assert_eq!(found.predicate_type, "https://sigstore.dev/cosign/sign/v1");
        let signer = found.signer.as_ref().unwrap();
        assert_eq!(signer.certificate_issuer, "CN=sigstore-intermediate,O=sigstore.dev");
        assert_eq!(signer.issuer, "https://token.actions.githubusercontent.com");
        assert_eq!(signer.runner_environment, "github-hosted");
        assert!(signer.subject_alternative_name.starts_with("https://github.com/docker/github-builder"));
        assert!(signer.source_repository_uri.starts_with("https://github.com/"));
        assert!(!signer.source_repository_digest.is_empty() && !signer.run_invocation_uri.is_empty());
        assert!(found.timestamps.iter().any(|time| time.r#type == "Tlog" && time.uri.contains("rekor")));
        let layers = parsed["layers"].as_array().unwrap();
        assert!(
            layers.iter().all(|layer| !verified.signatures_of(layer["digest"].as_str().unwrap()).is_empty())
        );

        let private = verify(&chain, &ImageSignatures::default(), &sigstore(RootKind::Private));
        assert_eq!(private.signatures[0].kind, "untrusted");
        chains.push(chain);
    }
    // Each for another's image.
    for (one, other) in [(0, 1), (1, 2), (2, 0)] {
        let mut replayed = chains[one].clone();
        replayed.signature_manifests.clone_from(&chains[other].signature_manifests);
        replayed.blobs.extend(chains[other].blobs.clone());
        let verified = verify(&replayed, &ImageSignatures::default(), &sigstore(RootKind::Sigstore));
        assert_eq!((verified.signatures.len(), verified.failures[0].step), (0, Step::Subject));
    }
}

#[test]
fn a_keyless_simple_signature() {
    let Some(folder) = vectors("cosign-simplesigning") else { return };
    let data = std::fs::read(folder.join("payload.json")).unwrap();
    let annotations = std::fs::read(folder.join("annotations.json")).unwrap();
    let annotations: BTreeMap<String, String> = serde_json::from_slice(&annotations).unwrap();
    let payload: Value = serde_json::from_slice(&data).unwrap();
    let digest = payload["critical"]["image"]["docker-manifest-digest"].as_str().unwrap();
    let found = |layer: &Layer, digest: &str| -> VerifiedImage {
        let subject = json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": 1});
        let manifest = json!({"layers": [{"mediaType": SIMPLE, "digest": sha256(&layer.data),
            "size": layer.data.len(), "annotations": layer.annotations}]});
        let manifest = manifest.to_string().into_bytes();
        let mut signatures = ImageSignatures::default();
        insert(&mut signatures.blobs, OCI_MANIFEST, &manifest);
        insert(&mut signatures.blobs, SIMPLE, &layer.data);
        signatures.manifests.push(SignatureManifest {
            covers: Subject::Image,
            subject: Descriptor::default(),
            digest: sha256(&manifest),
            by_tag: true,
        });
        verify(&chain(&subject, b"{}"), &signatures, &sigstore(RootKind::Sigstore))
    };
    let layer = Layer { media_type: SIMPLE, annotations, data };
    let verified = found(&layer, digest);
    assert_eq!(verified.failures, []);
    let signature = &verified.signatures[0];
    assert_eq!((signature.kind.as_str(), signature.r#type.as_str()), ("self-signed", "simplesigning-v1"));
    assert_eq!(signature.docker_reference, "wabbitnetworks.azurecr.io/test/cosign-image");
    assert_eq!(signature.signer.as_ref().unwrap().subject_alternative_name, "sozercan@gmail.com");
    assert_eq!(signature.timestamps[0].timestamp, "2023-02-16T05:23:05Z");

    let other = digest.replace("6236", "0000");
    assert_eq!(found(&layer, &other).failures[0].step, Step::Payload);
    let forged = String::from_utf8(layer.data.clone()).unwrap().replace(digest, &other);
    let forged = Layer { data: forged.into_bytes(), ..layer };
    assert_eq!(found(&forged, &other).signatures, []);
}
