//! What a registry says are an image's signatures.

use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use policy_engine::check::{Check, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, ImageMetadata, ImageSignatures, Metadata, SignatureManifest,
};
use policy_engine::policy::{FileError, LoadOptions, Policy, PolicyFile, PolicyRoot};
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::image::verify;
use policy_engine::verify::{Subject, Trust};
use sha2::{Digest, Sha256};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const IMAGE: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Any document among the signatures of an image: its index, its attestation manifest, a signature's manifest, a bundle,
/// a payload or an annotation of it, and the key to verify them with. Nothing is trusted, so nothing verifies.
pub fn image_signature(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let index = format!(
        r#"{{"mediaType":"{INDEX}","annotations":{{"org.opencontainers.image.title":"dhi/a"}},"manifests":
        [{{"mediaType":"{MANIFEST}","digest":"{IMAGE}","size":1,"annotations":{{"com.docker.dhi.build.id":"1"}}}}]}}"#
    );
    let payload = format!(
        r#"{{"critical":{{"identity":{{}},"image":{{"docker-manifest-digest":"{IMAGE}"}},
        "type":"cosign container image signature"}}}}"#
    );
    let annotated = |name: &str| signature(SIMPLE, payload.as_bytes(), &[(name, &text)]);
    let simple = [("dev.cosignproject.cosign/signature", "AAAA")];
    for signature in [
        Document { manifest: data.to_vec(), layer: Vec::new() },
        signature(BUNDLE, data, &[]),
        signature(SIMPLE, data, &simple),
        annotated("dev.cosignproject.cosign/signature"),
        annotated("dev.sigstore.cosign/certificate"),
        annotated("dev.sigstore.cosign/bundle"),
        annotated("dev.sigstore.cosign/rfc3161timestamp"),
    ] {
        nothing_verifies(index.as_bytes(), b"", &signature);
    }
    nothing_verifies(data, b"", &signature(SIMPLE, payload.as_bytes(), &simple));
    nothing_verifies(index.as_bytes(), data, &signature(SIMPLE, payload.as_bytes(), &simple));
    key(data);
}

struct Document {
    manifest: Vec<u8>,
    layer: Vec<u8>,
}

fn signature(media_type: &str, layer: &[u8], annotations: &[(&str, &str)]) -> Document {
    let annotations: serde_json::Map<_, _> =
        annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let manifest = serde_json::json!({"artifactType": media_type, "layers": [
        {"mediaType": media_type, "digest": digest(layer), "size": layer.len(), "annotations": annotations},
    ]});
    Document { manifest: manifest.to_string().into_bytes(), layer: layer.to_vec() }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}

fn nothing_verifies(index: &[u8], attestation: &[u8], signature: &Document) {
    let mut chain = AttestationChain {
        root: digest(index),
        image_manifest: IMAGE.to_owned(),
        attestation_manifest: digest(attestation),
        ..AttestationChain::default()
    };
    let mut signatures = ImageSignatures::default();
    for data in [index, attestation] {
        chain.blobs.insert(digest(data), Blob { data: Bytes::copy_from_slice(data), ..Blob::default() });
    }
    for data in [&signature.manifest, &signature.layer] {
        signatures.blobs.insert(digest(data), Blob { data: Bytes::copy_from_slice(data), ..Blob::default() });
    }
    for covers in [Subject::Attestation, Subject::Image, Subject::Index] {
        signatures.manifests.push(SignatureManifest {
            covers,
            subject: Descriptor { digest: digest(attestation), ..Descriptor::default() },
            digest: digest(&signature.manifest),
            by_tag: true,
        });
    }
    let verified = verify(&chain, &signatures, &Trust::default());
    assert!(verified.signatures.is_empty());
    assert!(!verified.failures.is_empty(), "what doesn't count is told");
}

/// A policy's root in which every file is the same.
struct OneFile(Vec<u8>);

impl PolicyRoot for OneFile {
    fn read(&self, _: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        if self.0.len() as u64 > limit { Err(FileError::TooLarge(limit)) } else { Ok(self.0.clone()) }
    }
}

static SOURCE: LazyLock<SourceOp> = LazyLock::new(|| SourceOp::new("docker-image://example.com/app:1"));

/// A key, or an error; it signed nothing.
fn key(data: &[u8]) {
    let text = "package docker\ndefault allow := false\nallow if verify_image_key(input.image, \"key\")\n\
                decision := {\"allow\": allow}\n";
    let policy = Policy::load(&LoadOptions {
        files: vec![PolicyFile { name: "p.rego".to_owned(), text: text.to_owned() }],
        root: Some(Arc::new(OneFile(data.to_vec()))),
        strict: false,
    })
    .expect("the policy loads");
    let platform = Platform::new("linux", "amd64", "");
    let mut facts = Facts::default();
    let image = ImageMetadata {
        attestation_chain: Some(AttestationChain::default()),
        signatures: Some(ImageSignatures::default()),
        ..ImageMetadata::default()
    };
    let metadata = Metadata { image: Some(image), ..Metadata::default() };
    facts.insert(SOURCE.clone(), Some(platform.clone()), metadata);
    let check = Check {
        source: &SOURCE,
        platform: Some(&platform),
        facts: &facts,
        env: &Env::default(),
        now: SystemTime::UNIX_EPOCH,
    };
    if let Ok(outcome) = policy.check(&check, &Trust::default()) {
        let Outcome::Decided(decision) = outcome else { panic!("all is known: {outcome:?}") };
        assert_eq!(decision.action, policy_engine::check::Action::Deny);
    }
}
