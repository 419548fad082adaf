//! BuildKit's messages as protobuf writes them in JSON: bytes in base64, 64-bit numbers as strings, enums by
//! name, defaults left out. Fields that decide nothing are not read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use policy_engine::check::Action;
use policy_engine::metadata::{
    AttestationChain, Blob, ChecksumAlgorithm, ChecksumRequest, ChecksumResponse, Descriptor, GitMetadata,
    GitWanted, HttpMetadata, HttpWanted, ImageMetadata, ImageSignatures, ImageWanted, Metadata,
    SignatureManifest, Wanted,
};
use policy_engine::source::{Platform, SourceOp};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::answer::{Answer, Decided, groups};
use crate::snapshot::document::Covers;

/// `CheckPolicyRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CheckRequest {
    source: MetaResponse,
    platform: Option<PlatformMessage>,
}

impl CheckRequest {
    pub(super) fn parts(self) -> (SourceOp, Option<Platform>, Option<Metadata>) {
        let platform = self.platform.map(|it| Platform::new(&it.os, &it.architecture, &it.variant));
        (self.source.source.clone(), platform, self.source.metadata())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PlatformMessage {
    #[serde(rename = "OS")]
    os: String,
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// `ResolveSourceMetaResponse`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetaResponse {
    source: SourceOp,
    image: Option<ImageResponse>,
    git: Option<GitResponse>,
    #[serde(rename = "HTTP")]
    http: Option<HttpResponse>,
}

impl MetaResponse {
    /// What is known; `None` for nothing.
    pub(super) fn metadata(self) -> Option<Metadata> {
        let metadata = Metadata {
            image: self.image.map(ImageResponse::metadata),
            git: self.git.map(GitResponse::metadata),
            http: self.http.map(HttpResponse::metadata),
        };
        (metadata != Metadata::default()).then_some(metadata)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ImageResponse {
    digest: String,
    #[serde(deserialize_with = "base64_bytes")]
    config: Option<Bytes>,
    attestation_chain: Option<ChainMessage>,
    /// Not in BuildKit's message: only our own recordings have them.
    signatures: Option<SignaturesMessage>,
}

impl ImageResponse {
    fn metadata(self) -> ImageMetadata {
        let attestation_chain = self.attestation_chain.map(ChainMessage::chain);
        ImageMetadata {
            digest: self.digest,
            config: self.config,
            attestation_chain,
            signatures: self.signatures.map(SignaturesMessage::signatures),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SignaturesMessage {
    manifests: Vec<SignatureManifestMessage>,
    blobs: BTreeMap<String, BlobMessage>,
    unavailable: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SignatureManifestMessage {
    covers: Covers,
    subject: DescriptorMessage,
    digest: String,
    #[serde(default)]
    by_tag: bool,
}

impl SignaturesMessage {
    fn signatures(self) -> ImageSignatures {
        let manifest = |it: SignatureManifestMessage| SignatureManifest {
            covers: it.covers.into(),
            subject: it.subject.descriptor(),
            digest: it.digest,
            by_tag: it.by_tag,
        };
        ImageSignatures {
            manifests: self.manifests.into_iter().map(manifest).collect(),
            blobs: self.blobs.into_iter().map(|(digest, blob)| (digest, blob.blob())).collect(),
            unavailable: self.unavailable,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ChainMessage {
    root: String,
    image_manifest: String,
    attestation_manifest: String,
    signature_manifests: Vec<String>,
    blobs: BTreeMap<String, BlobMessage>,
}

impl ChainMessage {
    fn chain(self) -> AttestationChain {
        AttestationChain {
            root: self.root,
            image_manifest: self.image_manifest,
            attestation_manifest: self.attestation_manifest,
            signature_manifests: self.signature_manifests,
            blobs: self.blobs.into_iter().map(|(digest, blob)| (digest, blob.blob())).collect(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BlobMessage {
    descriptor: DescriptorMessage,
    #[serde(deserialize_with = "base64_bytes")]
    data: Option<Bytes>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DescriptorMessage {
    media_type: String,
    digest: String,
    #[serde(deserialize_with = "number")]
    size: u64,
    annotations: BTreeMap<String, String>,
}

impl DescriptorMessage {
    fn descriptor(self) -> Descriptor {
        let Self { media_type, digest, size, annotations } = self;
        Descriptor { media_type, digest, size, annotations }
    }
}

impl BlobMessage {
    fn blob(self) -> Blob {
        Blob { descriptor: self.descriptor.descriptor(), data: self.data.unwrap_or_default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GitResponse {
    r#ref: String,
    checksum: String,
    commit_checksum: String,
    #[serde(deserialize_with = "base64_bytes")]
    commit_object: Option<Bytes>,
    #[serde(deserialize_with = "base64_bytes")]
    tag_object: Option<Bytes>,
}

impl GitResponse {
    fn metadata(self) -> GitMetadata {
        let Self { r#ref, checksum, commit_checksum, commit_object, tag_object } = self;
        GitMetadata { r#ref, checksum, commit_checksum, commit_object, tag_object }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HttpResponse {
    checksum: String,
    checksum_response: Option<ChecksumResponseMessage>,
    /// More of them. Not in BuildKit's message: only our own recordings have them.
    checksum_responses: Vec<ChecksumResponseMessage>,
    /// Nor are these.
    github_attestations: BTreeMap<String, Vec<Base64>>,
    unavailable: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ChecksumResponseMessage {
    digest: String,
    #[serde(deserialize_with = "base64_bytes")]
    suffix: Option<Bytes>,
}

impl HttpResponse {
    fn metadata(self) -> HttpMetadata {
        let response = |it: ChecksumResponseMessage| ChecksumResponse {
            digest: it.digest,
            suffix: it.suffix.unwrap_or_default(),
        };
        HttpMetadata {
            checksum: self.checksum,
            checksum_responses: self
                .checksum_response
                .into_iter()
                .chain(self.checksum_responses)
                .map(response)
                .collect(),
            github_attestations: self
                .github_attestations
                .into_iter()
                .map(|(repository, bundles)| (repository, bundles.into_iter().map(|it| it.0).collect()))
                .collect(),
            unavailable: self.unavailable,
        }
    }
}

/// `ResolveSourceMetaRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MetaRequest {
    source: SourceOp,
    image: Option<ImageRequest>,
    git: Option<GitRequest>,
    #[serde(rename = "HTTP")]
    http: Option<HttpRequest>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ImageRequest {
    no_config: bool,
    attestation_chain: bool,
    resolve_attestations: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GitRequest {
    return_object: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct HttpRequest {
    checksum_request: Option<ChecksumRequestMessage>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ChecksumRequestMessage {
    algo: AlgorithmMessage,
    #[serde(deserialize_with = "base64_bytes")]
    suffix: Option<Bytes>,
}

#[derive(Default, Deserialize)]
enum AlgorithmMessage {
    #[default]
    #[serde(rename = "CHECKSUM_ALGO_SHA256")]
    Sha256,
    #[serde(rename = "CHECKSUM_ALGO_SHA384")]
    Sha384,
    #[serde(rename = "CHECKSUM_ALGO_SHA512")]
    Sha512,
}

impl MetaRequest {
    pub(super) fn answer(self) -> Answer {
        // A request for a URL or a git ref delivers its checksum even when it names nothing in particular.
        let identifier = self.source.identifier.as_str();
        let is_git = identifier.starts_with("git://");
        let is_http = identifier.starts_with("http://") || identifier.starts_with("https://");
        let wanted = Wanted {
            image: self.image.map(|image| ImageWanted {
                config: !image.no_config,
                attestation_chain: image.attestation_chain,
                attestations: image.resolve_attestations,
                ..ImageWanted::default()
            }),
            git: is_git.then(|| GitWanted { objects: self.git.is_some_and(|git| git.return_object) }),
            http: is_http.then(|| HttpWanted {
                checksums: self
                    .http
                    .and_then(|http| http.checksum_request)
                    .map(ChecksumRequestMessage::request)
                    .into_iter()
                    .collect(),
                ..HttpWanted::default()
            }),
        };
        Answer::Asks(groups(&self.source, &wanted).collect())
    }
}

impl ChecksumRequestMessage {
    fn request(self) -> ChecksumRequest {
        let algorithm = match self.algo {
            AlgorithmMessage::Sha256 => ChecksumAlgorithm::Sha256,
            AlgorithmMessage::Sha384 => ChecksumAlgorithm::Sha384,
            AlgorithmMessage::Sha512 => ChecksumAlgorithm::Sha512,
        };
        ChecksumRequest { algorithm, suffix: self.suffix.unwrap_or_default() }
    }
}

/// `DecisionResponse`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DecisionResponse {
    #[serde(default)]
    action: ActionMessage,
    #[serde(default)]
    deny_messages: Vec<DenyMessage>,
    update: Option<SourceOp>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ActionMessage {
    #[default]
    Allow,
    Deny,
    Convert,
}

#[derive(Deserialize)]
struct DenyMessage {
    #[serde(default)]
    message: String,
}

impl DecisionResponse {
    pub(super) fn answer(self) -> Answer {
        let action = match self.action {
            ActionMessage::Allow => Action::Allow,
            ActionMessage::Deny => Action::Deny,
            ActionMessage::Convert => Action::Convert,
        };
        let messages = self.deny_messages.into_iter().map(|message| message.message).collect();
        Answer::Decides(Decided { action, messages: Some(messages), update: self.update })
    }
}

/// Bytes in base64.
struct Base64(Bytes);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        base64_bytes(deserializer).map(|bytes| Self(bytes.unwrap_or_default()))
    }
}

fn base64_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bytes>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)).transpose()
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    match Either::deserialize(deserializer)? {
        Either::Text(text) => text.parse().map_err(D::Error::custom),
        Either::Number(number) => Ok(number),
    }
}
