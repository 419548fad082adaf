//! What the sources of the examples turn out to be: `world.json`.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use policy_engine::metadata::{
    AttestationChain, Blob, ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, Descriptor, GitMetadata,
    HttpMetadata, HttpWanted, ImageMetadata, ImageSignatures, Metadata, Request,
};
use serde_json::Value;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{json, source, text};

fn bytes(value: &Value) -> Option<Bytes> {
    value.as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()))
}

/// What the sources turn out to be, by identifier.
pub(crate) struct World(BTreeMap<String, Value>);

impl World {
    pub(crate) fn read() -> Self {
        let Value::Object(sources) = json("world.json") else { panic!("an object") };
        Self(sources.into_iter().map(|(name, found)| (source(&name).identifier, found)).collect())
    }

    /// A material is named by tag and digest.
    fn find(&self, identifier: &str) -> &Value {
        let by_digest = || {
            let (_, digest) = identifier.split_once('@')?;
            self.0.values().find(|found| found["image"]["digest"] == digest)
        };
        self.0.get(identifier).or_else(by_digest).unwrap_or(&Value::Null)
    }

    pub(crate) fn answer(&self, request: &Request) -> Metadata {
        let found = self.find(&request.source.identifier);
        Metadata {
            image: request.wanted.image.as_ref().map(|_| image(&found["image"])),
            git: request.wanted.git.as_ref().map(|_| {
                assert!(found["git"].is_object(), "{} is not in world.json", request.source.identifier);
                git(&found["git"])
            }),
            http: request.wanted.http.as_ref().map(|wanted| http(&found["http"], wanted)),
        }
    }
}

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

/// An image that the world doesn't have is there, and says nothing of itself.
fn image(found: &Value) -> ImageMetadata {
    let digest = found["digest"].as_str().map_or_else(|| digest('0'), str::to_owned);
    let config = if found["config"].is_object() { found["config"].to_string() } else { "{}".to_owned() };
    let mut chain = AttestationChain {
        root: digest.clone(),
        image_manifest: digest.clone(),
        ..AttestationChain::default()
    };
    let attestation = &found["attestation"];
    if attestation.is_object() {
        let manifest_digest = text(&attestation["digest"]);
        let layer = &attestation["layer"];
        let annotations = layer["annotations"].as_object().unwrap();
        let statement = Descriptor {
            media_type: text(&layer["mediaType"]),
            digest: text(&layer["digest"]),
            size: layer["size"].as_u64().unwrap(),
            annotations: annotations.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        };
        let manifest = Descriptor {
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            digest: manifest_digest.clone(),
            size: u64::try_from(text(&attestation["manifest"]).len()).unwrap(),
            ..Descriptor::default()
        };
        let blobs = [(manifest, &attestation["manifest"]), (statement, &attestation["statement"])];
        chain.blobs = blobs
            .into_iter()
            .map(|(descriptor, data)| {
                (descriptor.digest.clone(), Blob { descriptor, data: bytes(data).unwrap() })
            })
            .collect();
        chain.attestation_manifest = manifest_digest;
    }
    ImageMetadata {
        digest,
        config: Some(config.into()),
        attestation_chain: Some(chain),
        signatures: Some(ImageSignatures::default()),
    }
}

/// A file that the world doesn't have is there; GitHub has no attestation of any.
fn http(found: &Value, wanted: &HttpWanted) -> HttpMetadata {
    let body = text(&found["body"]);
    let response = |request: &ChecksumRequest| {
        let signed = [body.as_bytes(), &request.suffix].concat();
        let hash = match request.algorithm {
            ChecksumAlgorithm::Sha256 => HEXLOWER.encode(&Sha256::digest(&signed)),
            ChecksumAlgorithm::Sha384 => HEXLOWER.encode(&Sha384::digest(&signed)),
            ChecksumAlgorithm::Sha512 => HEXLOWER.encode(&Sha512::digest(&signed)),
        };
        ChecksumResponse {
            digest: format!("{}:{hash}", request.algorithm.name()),
            suffix: request.suffix.clone(),
        }
    };
    let repositories = wanted.github_attestations.iter();
    HttpMetadata {
        checksum: found["checksum"].as_str().map_or_else(|| digest('0'), str::to_owned),
        checksum_responses: wanted.checksums.iter().map(response).collect(),
        github_attestations: repositories.map(|repository| (repository.clone(), Vec::new())).collect(),
        ..HttpMetadata::default()
    }
}

fn git(found: &Value) -> GitMetadata {
    GitMetadata {
        r#ref: text(&found["ref"]),
        checksum: text(&found["checksum"]),
        commit_checksum: text(&found["commitChecksum"]),
        commit_object: bytes(&found["commit"]),
        tag_object: bytes(&found["tag"]),
    }
}
