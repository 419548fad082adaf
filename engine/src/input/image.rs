//! `input.image`, and what it shares with `input.ociLayout`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{ImageProvenance, is_false};
use crate::verify::{Failure, Subject};

/// An image in a registry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Normalized reference: `docker.io/library/alpine:3.21`.
    #[schemars(example = &"ghcr.io/our-org/app:1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#ref: String,
    /// Host and port of the registry: `docker.io`.
    #[schemars(example = &"ghcr.io")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Repository as Docker shows it: `alpine`, `user/app`, but `ghcr.io/org/app` with its host.
    #[schemars(example = &"ghcr.io/our-org/app")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub repo: String,
    /// Host and repository: `docker.io/library/alpine`.
    #[schemars(example = &"ghcr.io/our-org/app")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub full_repo: String,
    /// Tag.
    #[schemars(example = &"1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// The platform it is wanted for.
    #[serde(flatten)]
    pub platform: ImagePlatform,
    /// Whether the reference has a digest.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub is_canonical: bool,
    /// What the image says of itself.
    #[serde(flatten)]
    pub content: ImageContent,
}

/// The platform an image is wanted for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ImagePlatform {
    /// `os/architecture[/variant]`.
    #[schemars(example = &"linux/arm/v7")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Operating system: `linux`.
    #[schemars(example = &"linux")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// Architecture: `amd64`, `arm64`.
    #[schemars(example = &"arm")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arch: String,
    /// Variant of the architecture: `v7`.
    #[schemars(example = &"v7")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

/// What an image says of itself, wherever it lies: its digest, its config and its attestations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageContent {
    /// `sha256:…` of the manifest or index that the reference names.
    #[schemars(example = &"sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checksum: String,
    /// When the image was made (RFC 3339).
    #[schemars(example = &"2026-05-04T08:00:00Z")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub created_time: String,
    /// Environment, `NAME=value` each.
    #[schemars(example = ["PATH=/usr/bin"])]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Labels by name.
    #[schemars(example = BTreeMap::from([("org.opencontainers.image.vendor", "Example Corp")]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// User that its containers run as.
    #[schemars(example = &"app")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Paths of volumes, sorted.
    #[schemars(example = ["/data"])]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// Working directory of its containers.
    #[schemars(example = &"/app")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Whether the image has an attestation of any kind.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub has_provenance: bool,
    /// SLSA provenance, not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<ImageProvenance>,
    /// Verified signatures, of the attestation manifest, the image and the index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// Signatures that are there and don't count, each with the step of its verification that failed. Not in buildx.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verification: Vec<Failure>,
}

/// A verified signature of an image. `subject`, `trustRoot`, `digest` and `predicateType` are not in buildx.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signature {
    /// `docker-github-builder`, `docker-hardened-image`, `self-signed-github-repo`, `self-signed` or
    /// `untrusted`.
    #[schemars(example = &"docker-github-builder")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// `bundle-v0.3` or `simplesigning-v1`; `bundle-v0.2` or `bundle-v0.1`, which buildx doesn't know.
    #[schemars(example = &"bundle-v0.3")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// What it covers: only a signature of the attestation manifest counts for buildx.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Name of the trust root that it was verified under: `sigstore`, `github` or the operator's; absent where a key
    /// alone was needed.
    #[schemars(example = &"sigstore")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trust_root: String,
    /// `sha256:…` of the signature's manifest.
    #[schemars(example = &"sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Predicate type of the statement that was signed: `https://slsa.dev/provenance/v1` for an attestation of GitHub,
    /// `https://sigstore.dev/cosign/sign/v1` for what `cosign sign` makes.
    #[schemars(example = &"https://slsa.dev/provenance/v1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub predicate_type: String,
    /// Trusted times of signing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub timestamps: Vec<Timestamp>,
    /// Image that the signature names.
    #[schemars(example = &"docker.io/our-org/app:1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub docker_reference: String,
    /// Whether it is one of Docker's hardened images.
    #[schemars(example = true)]
    #[serde(rename = "isDHI", skip_serializing_if = "is_false")]
    pub is_dhi: bool,
    /// Who signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<Signer>,
}

impl Signature {
    /// Signatures as the policy engine takes them.
    pub(crate) fn to_value(signatures: &[Self]) -> regorus::Value {
        super::value::signatures(signatures)
    }
}

/// A trusted time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[allow(clippy::struct_field_names, reason = "names of the peer")]
pub struct Timestamp {
    /// Kind of the authority: `Tlog` or `TimestampAuthority`.
    #[schemars(example = &"Tlog")]
    pub r#type: String,
    /// The authority.
    #[schemars(example = &"https://rekor.sigstore.dev")]
    pub uri: String,
    /// The time (RFC 3339).
    #[schemars(example = &"2026-05-04T08:00:00Z")]
    pub timestamp: String,
}

/// A signer's identity, from its Fulcio certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "names of the certificate extensions")]
pub struct Signer {
    /// Issuer of the certificate.
    #[schemars(example = &"CN=sigstore-intermediate,O=sigstore.dev")]
    pub certificate_issuer: String,
    /// Identity that the certificate is for.
    #[schemars(example = &"https://github.com/our-org/ci/.github/workflows/build.yml@refs/heads/main")]
    pub subject_alternative_name: String,
    /// OIDC issuer (OID 1.3.6.1.4.1.57264.1.8).
    #[schemars(example = &"https://token.actions.githubusercontent.com")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Workflow that signed (…1.9).
    #[schemars(example = &"https://github.com/our-org/ci/.github/workflows/build.yml@refs/heads/main")]
    #[serde(rename = "buildSignerURI", skip_serializing_if = "String::is_empty")]
    pub build_signer_uri: String,
    /// Commit of that workflow (…1.10).
    #[schemars(example = &"5c1b0e4f0f3f3c7e6a1d9f6b2a8e7c4d3b2a1908")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub build_signer_digest: String,
    /// `github-hosted` or `self-hosted` (…1.11).
    #[schemars(example = &"github-hosted")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub runner_environment: String,
    /// Repository that was built (…1.12).
    #[schemars(example = &"https://github.com/our-org/app")]
    #[serde(rename = "sourceRepositoryURI", skip_serializing_if = "String::is_empty")]
    pub source_repository_uri: String,
    /// Commit that was built (…1.13).
    #[schemars(example = &"5c1b0e4f0f3f3c7e6a1d9f6b2a8e7c4d3b2a1908")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_repository_digest: String,
    /// Ref that was built (…1.14).
    #[schemars(example = &"refs/tags/v1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_repository_ref: String,
    /// Id of the repository (…1.15).
    #[schemars(example = &"123456789")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_repository_identifier: String,
    /// Owner of the repository (…1.16).
    #[schemars(example = &"https://github.com/our-org")]
    #[serde(rename = "sourceRepositoryOwnerURI", skip_serializing_if = "String::is_empty")]
    pub source_repository_owner_uri: String,
    /// Id of the owner (…1.17).
    #[schemars(example = &"1234567")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_repository_owner_identifier: String,
    /// Workflow that was started (…1.18).
    #[schemars(example = &"https://github.com/our-org/app/.github/workflows/ci.yml@refs/tags/v1.2.0")]
    #[serde(rename = "buildConfigURI", skip_serializing_if = "String::is_empty")]
    pub build_config_uri: String,
    /// Commit of that workflow (…1.19).
    #[schemars(example = &"5c1b0e4f0f3f3c7e6a1d9f6b2a8e7c4d3b2a1908")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub build_config_digest: String,
    /// Event that started it (…1.20).
    #[schemars(example = &"push")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub build_trigger: String,
    /// The run (…1.21).
    #[schemars(example = &"https://github.com/our-org/app/actions/runs/123/attempts/1")]
    #[serde(rename = "runInvocationURI", skip_serializing_if = "String::is_empty")]
    pub run_invocation_uri: String,
    /// Visibility of the repository when it was signed (…1.22).
    #[schemars(example = &"public")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_repository_visibility_at_signing: String,
}
