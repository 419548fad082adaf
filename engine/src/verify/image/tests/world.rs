//! An image with an index and attestations, and signatures in a world of our own.

use std::collections::BTreeMap;

use bytes::Bytes;
use policy_signing::{BundleForm, Identity, Instance, Signer, SimpleSignature, TrustRootVersion};
use serde_json::{Value, json};

use crate::metadata::{AttestationChain, Blob, Descriptor, ImageSignatures, SignatureManifest};
use crate::verify::image::{VerifiedImage, verify};
use crate::verify::manifest::{OCI_INDEX, OCI_MANIFEST, sha256};
use crate::verify::{RootKind, Step, Subject, Trust, TrustRoot};

pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(super) const BUNDLE_V02: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";
pub(super) const BUNDLE_V01: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
pub(super) const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
pub(super) const COSIGN: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
pub(super) const NOW: u64 = 1_790_000_000;
pub(super) const REFERENCE: &str = "registry.example.com/app";

/// An instance whose certificates look like those of the public one.
pub(super) fn public() -> Instance {
    Instance::with_logs(b"a2", "sigstore.dev", "sigstore", NOW)
}

pub(super) fn trust(instance: &Instance, name: &str, kind: RootKind) -> Trust {
    Trust::new(vec![root(instance, name, kind)])
}

pub(super) fn root(instance: &Instance, name: &str, kind: RootKind) -> TrustRoot {
    let json = instance.trusted_root(TrustRootVersion::V01).to_string();
    TrustRoot::parse(name, kind, json.as_bytes()).unwrap()
}

pub(super) fn builder() -> Signer {
    Signer::Keyless(Identity::workflow("docker/github-builder", "org/app"))
}

/// One layer of a signature's manifest.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) media_type: &'static str,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) data: Vec<u8>,
}

impl Layer {
    pub(super) fn bundle(media_type: &'static str, bundle: &Value) -> Self {
        Self { media_type, annotations: BTreeMap::new(), data: bundle.to_string().into_bytes() }
    }

    pub(super) fn simple(signature: SimpleSignature) -> Self {
        let annotations = signature.annotations.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { media_type: SIMPLE, annotations: annotations.collect(), data: signature.payload }
    }
}

/// An image for two platforms, of which the first is looked at.
pub(super) struct Image {
    /// Content of the manifests that can be signed.
    pub(super) manifest: Vec<u8>,
    pub(super) attestation: Vec<u8>,
    pub(super) index: Vec<u8>,
    /// The other platform's attestation manifest.
    pub(super) other_attestation: Vec<u8>,
    pub(super) chain: AttestationChain,
    pub(super) signatures: ImageSignatures,
}

/// What to change before anything refers to it.
#[derive(Default)]
pub(super) struct Edit {
    pub(super) attestation: Option<fn(&mut Value)>,
    pub(super) index: Option<fn(&mut Value)>,
    pub(super) index_type: Option<&'static str>,
}

pub(super) const PROVENANCE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

impl Image {
    pub(super) fn new() -> Self {
        Self::edited(&Edit::default())
    }

    pub(super) fn edited(edit: &Edit) -> Self {
        let manifest = |name: &str| {
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": {"name": name}, "layers": []})
                .to_string()
                .into_bytes()
        };
        let attesting = |manifest: &[u8], edit: Option<fn(&mut Value)>| {
            let layer = |kind: &str, digest: &str| {
                json!({"mediaType": "application/vnd.in-toto+json", "digest": digest, "size": 1,
                    "annotations": {"in-toto.io/predicate-type": kind}})
            };
            let sbom = PROVENANCE.replace('1', "2");
            let mut json = json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST,
                "artifactType": "application/vnd.docker.attestation.manifest.v1+json",
                "layers": [layer("https://spdx.dev/Document", &sbom), layer("https://slsa.dev/provenance/v1", PROVENANCE)],
                "subject": {"mediaType": OCI_MANIFEST, "digest": sha256(manifest), "size": manifest.len()},
            });
            if let Some(edit) = edit {
                edit(&mut json);
            }
            json.to_string().into_bytes()
        };
        let (amd64, arm64) = (manifest("amd64"), manifest("arm64"));
        let attestation = attesting(&amd64, edit.attestation);
        let other_attestation = attesting(&arm64, None);
        let entry = |bytes: &[u8], annotations: Value| json!({"mediaType": OCI_MANIFEST, "digest": sha256(bytes), "size": bytes.len(), "annotations": annotations});
        let mut index = json!({
            "schemaVersion": 2, "mediaType": edit.index_type.unwrap_or(OCI_INDEX),
            "manifests": [
                entry(&amd64, json!({})),
                entry(&arm64, json!({})),
                entry(&attestation, json!({"vnd.docker.reference.digest": sha256(&amd64)})),
                entry(&other_attestation, json!({"vnd.docker.reference.digest": sha256(&arm64)})),
            ],
        });
        if let Some(edit) = edit.index {
            edit(&mut index);
        }
        let index = index.to_string().into_bytes();
        let mut chain = AttestationChain {
            root: sha256(&index),
            image_manifest: sha256(&amd64),
            attestation_manifest: sha256(&attestation),
            ..AttestationChain::default()
        };
        insert(&mut chain.blobs, edit.index_type.unwrap_or(OCI_INDEX), &index);
        insert(&mut chain.blobs, OCI_MANIFEST, &attestation);
        Self {
            manifest: amd64,
            attestation,
            index,
            other_attestation,
            chain,
            signatures: ImageSignatures::default(),
        }
    }

    /// Bytes of what a signature may cover.
    pub(super) fn subject(&self, covers: Subject) -> Vec<u8> {
        match covers {
            Subject::Attestation => self.attestation.clone(),
            Subject::Image => self.manifest.clone(),
            Subject::Index => self.index.clone(),
        }
    }

    /// Adds a signature's manifest, found as a referrer.
    pub(super) fn add(&mut self, covers: Subject, layers: &[Layer]) -> String {
        self.add_edited(covers, layers, |_| {})
    }

    /// The same, changed before it gets its digest.
    pub(super) fn add_edited(
        &mut self,
        covers: Subject,
        layers: &[Layer],
        edit: impl Fn(&mut Value),
    ) -> String {
        let subject = self.subject(covers);
        let media_type = if covers == Subject::Index { OCI_INDEX } else { OCI_MANIFEST };
        let is_simple = layers.first().is_some_and(|layer| layer.media_type == SIMPLE);
        let artifact_type =
            layers.first().map_or("", |layer| if is_simple { COSIGN } else { layer.media_type });
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
            "layers": self.layers(layers),
            "subject": {"mediaType": media_type, "digest": sha256(&subject), "size": subject.len()},
        });
        edit(&mut manifest);
        self.push(covers, &manifest, false)
    }

    /// Adds a signature's manifest, found by its tag.
    pub(super) fn tag(&mut self, covers: Subject, layers: &[Layer]) -> String {
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": self.layers(layers)});
        self.push(covers, &manifest, true)
    }

    fn layers(&mut self, layers: &[Layer]) -> Vec<Value> {
        let mut descriptors = Vec::new();
        for Layer { media_type, annotations, data } in layers {
            insert(&mut self.signatures.blobs, media_type, data);
            descriptors.push(json!({
                "mediaType": media_type, "digest": sha256(data), "size": data.len(), "annotations": annotations,
            }));
        }
        descriptors
    }

    fn push(&mut self, covers: Subject, manifest: &Value, by_tag: bool) -> String {
        let bytes = manifest.to_string().into_bytes();
        insert(&mut self.signatures.blobs, OCI_MANIFEST, &bytes);
        let subject = Descriptor { digest: sha256(&self.subject(covers)), ..Descriptor::default() };
        let digest = sha256(&bytes);
        self.signatures.manifests.push(SignatureManifest { covers, subject, digest: digest.clone(), by_tag });
        digest
    }

    pub(super) fn verify(&self, trust: &Trust) -> VerifiedImage {
        verify(&self.chain, &self.signatures, trust)
    }

    /// The steps that failed; nothing may have verified.
    pub(super) fn failed(&self, trust: &Trust) -> Vec<Step> {
        let VerifiedImage { signatures, failures, attestations } = self.verify(trust);
        assert_eq!((signatures, attestations.len()), (vec![], 0));
        failures.iter().map(|failure| failure.step).collect()
    }
}

pub(super) fn insert(blobs: &mut BTreeMap<String, Blob>, media_type: &str, data: &[u8]) {
    let digest = sha256(data);
    let descriptor = Descriptor {
        media_type: media_type.to_owned(),
        digest: digest.clone(),
        size: data.len() as u64,
        annotations: BTreeMap::new(),
    };
    blobs.insert(digest, Blob { descriptor, data: Bytes::copy_from_slice(data) });
}

/// A bundle as `cosign sign` makes it.
pub(super) fn cosign(instance: &mut Instance, artifact: &[u8], signer: &Signer) -> Layer {
    Layer::bundle(BUNDLE, &instance.bundle(artifact, &BundleForm::cosign(), signer, None))
}

/// A simple signature, in the log.
pub(super) fn simple(instance: &mut Instance, manifest: &[u8], signer: &Signer) -> Layer {
    Layer::simple(instance.simple_signature(manifest, REFERENCE, &Value::Null, signer, true, None))
}
