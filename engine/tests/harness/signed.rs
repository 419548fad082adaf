//! An image with provenance, signed in a world of our own.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, ImageMetadata, ImageSignatures, Metadata, SignatureManifest,
};
use policy_engine::provenance::SLSA_V1;
use policy_engine::verify::{RootKind, Subject, Trust, TrustRoot};
use policy_signing::{BundleForm, Identity, Instance, Key, KeyKind, Signer, TrustRootVersion};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An image and what signs it.
pub struct Signed {
    instance: Instance,
    manifest: Vec<u8>,
    attestation: Vec<u8>,
    index: Vec<u8>,
    chain: AttestationChain,
    signatures: ImageSignatures,
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}

fn insert(blobs: &mut BTreeMap<String, Blob>, media_type: &str, annotations: &[(&str, &str)], data: &[u8]) {
    let annotations = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let descriptor = Descriptor {
        media_type: media_type.to_owned(),
        digest: digest(data),
        size: data.len() as u64,
        annotations: annotations.collect(),
    };
    blobs.insert(digest(data), Blob { descriptor, data: Bytes::copy_from_slice(data) });
}

/// A workflow of Docker's GitHub builder that ran for `repository`, on the tag `tag`.
pub fn builder(repository: &str, tag: &str) -> Signer {
    let mut identity = Identity::workflow("docker/github-builder", repository);
    for (number, value) in &mut identity.claims {
        if *number == 14 {
            *value = format!("refs/tags/{tag}");
        }
    }
    Signer::Keyless(identity)
}

/// A key, and its public half as PEM.
pub fn key(name: &str) -> (Signer, String) {
    let key = || Key::seeded(KeyKind::P256, b"engine", name);
    (Signer::Key(key()), key().public_pem())
}

impl Signed {
    /// An unsigned image whose provenance has these materials.
    pub fn new(materials: &Value) -> Self {
        let manifest = json!({"mediaType": MANIFEST, "layers": []}).to_string().into_bytes();
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1", "predicateType": SLSA_V1,
            "subject": [{"name": "app", "digest": {"sha256": &digest(&manifest)[7..]}}],
            "predicate": {
                "buildDefinition": {"buildType": "t", "resolvedDependencies": materials},
                "runDetails": {"builder": {"id": "b"}},
            },
        });
        let statement = statement.to_string().into_bytes();
        let kind = [("in-toto.io/predicate-type", SLSA_V1)];
        let attestation = json!({
            "mediaType": MANIFEST,
            "layers": [{"mediaType": IN_TOTO, "digest": digest(&statement), "size": statement.len(),
                "annotations": {"in-toto.io/predicate-type": SLSA_V1}}],
            "subject": {"mediaType": MANIFEST, "digest": digest(&manifest), "size": manifest.len()},
        });
        let attestation = attestation.to_string().into_bytes();
        let entry =
            |bytes: &[u8]| json!({"mediaType": MANIFEST, "digest": digest(bytes), "size": bytes.len()});
        let index = json!({"mediaType": INDEX, "manifests": [entry(&manifest), entry(&attestation)]});
        let index = index.to_string().into_bytes();
        let mut chain = AttestationChain {
            root: digest(&index),
            image_manifest: digest(&manifest),
            attestation_manifest: digest(&attestation),
            ..AttestationChain::default()
        };
        insert(&mut chain.blobs, INDEX, &[], &index);
        insert(&mut chain.blobs, MANIFEST, &[], &attestation);
        insert(&mut chain.blobs, IN_TOTO, &kind, &statement);
        let instance = Instance::with_logs(b"engine", "sigstore.dev", "sigstore", 1_789_000_000);
        Self { instance, manifest, attestation, index, chain, signatures: ImageSignatures::default() }
    }

    /// Signs a part of it, as `cosign sign` does.
    #[must_use]
    pub fn by(mut self, signer: &Signer, covers: Subject) -> Self {
        let (subject, media_type) = match covers {
            Subject::Attestation => (&self.attestation, MANIFEST),
            Subject::Image => (&self.manifest, MANIFEST),
            Subject::Index => (&self.index, INDEX),
        };
        let bundle = self.instance.bundle(subject, &BundleForm::cosign(), signer, None).to_string();
        let manifest = json!({
            "mediaType": MANIFEST, "artifactType": BUNDLE,
            "layers": [{"mediaType": BUNDLE, "digest": digest(bundle.as_bytes()), "size": bundle.len()}],
            "subject": {"mediaType": media_type, "digest": digest(subject), "size": subject.len()},
        });
        let manifest = manifest.to_string().into_bytes();
        insert(&mut self.signatures.blobs, BUNDLE, &[], bundle.as_bytes());
        insert(&mut self.signatures.blobs, MANIFEST, &[], &manifest);
        let subject = Descriptor { digest: digest(subject), ..Descriptor::default() };
        let found = SignatureManifest { covers, subject, digest: digest(&manifest), by_tag: false };
        self.signatures.manifests.push(found);
        self
    }

    /// Whom its signers' certificates come from, as Sigstore's own root or another.
    pub fn trust(&self, kind: RootKind) -> Trust {
        let name = if kind == RootKind::Sigstore { "sigstore" } else { "mine" };
        let json = self.instance.trusted_root(TrustRootVersion::V01).to_string();
        Trust::new(vec![TrustRoot::parse(name, kind, json.as_bytes()).expect("a trust root")])
    }

    /// All that can be known of it.
    pub fn metadata(&self) -> Metadata {
        let image = ImageMetadata {
            digest: self.chain.root.clone(),
            config: Some("{}".into()),
            attestation_chain: Some(self.chain.clone()),
            signatures: Some(self.signatures.clone()),
        };
        Metadata { image: Some(image), ..Metadata::default() }
    }
}
