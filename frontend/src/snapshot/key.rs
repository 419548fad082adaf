//! What was asked, in an order and without credentials.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy_engine::metadata::{self, Request};
use policy_engine::source::{Platform, SourceOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::redact;

/// A question about a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookupKey {
    /// The source, without credentials.
    pub source: SourceOp,
    /// For images: the platform.
    pub platform: Option<Platform>,
    /// What was to be found out.
    pub wanted: Wanted,
}

/// Groups of metadata that were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// Of an image; its digest always comes along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageWanted>,
    /// Of a git ref; ref and checksums always come along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitWanted>,
    /// Of a URL; the SHA-256 of the body always comes along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpWanted>,
}

/// What was asked about an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageWanted {
    /// The image config.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub config: bool,
    /// The attestation manifest and its signatures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attestation_chain: bool,
    /// All signatures: on the attestation manifest, the image and the index.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signatures: bool,
    /// Predicate types of the attestations that were read as well, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<String>,
}

/// What was asked about a git ref.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GitWanted {
    /// The raw commit and tag objects.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub objects: bool,
}

/// What was asked about a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpWanted {
    /// Digests over the body and a suffix, sorted.
    // Once there was at most one.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        alias = "checksum",
        deserialize_with = "super::document::one_or_many"
    )]
    pub checksums: Vec<ChecksumWanted>,
    /// GitHub repositories whose attestations of the body were asked for, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub github_attestations: Vec<String>,
}

/// A digest over a body followed by a suffix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChecksumWanted {
    /// `sha256`, `sha384` or `sha512`.
    pub algorithm: String,
    /// What is appended to the body, in base64.
    pub suffix: String,
}

impl LookupKey {
    /// The question that `request` is.
    pub fn new(request: &Request) -> Self {
        Self {
            source: without_credentials(&request.source),
            platform: request.platform.clone(),
            wanted: Wanted::from(&request.wanted),
        }
    }
}

/// The source, as it may be written to a file.
pub(super) fn without_credentials(source: &SourceOp) -> SourceOp {
    let attrs = source.attrs.iter().map(|(name, value)| (name.clone(), redact::url(value)));
    SourceOp { identifier: redact::source(source), attrs: attrs.collect() }
}

impl Wanted {
    /// Whether an answer to this also answers `other`.
    pub fn covers(&self, other: &Self) -> bool {
        let image = match (&self.image, &other.image) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(have), Some(want)) => {
                let chain = have.attestation_chain || !have.attestations.is_empty();
                (have.config || !want.config)
                    && (chain || !want.attestation_chain)
                    && (have.signatures || !want.signatures)
                    && want.attestations.iter().all(|kind| have.attestations.contains(kind))
            }
        };
        let git = match (&self.git, &other.git) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(have), Some(want)) => have.objects || !want.objects,
        };
        let http = match (&self.http, &other.http) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(have), Some(want)) => {
                want.checksums.iter().all(|it| have.checksums.contains(it))
                    && want.github_attestations.iter().all(|it| have.github_attestations.contains(it))
            }
        };
        image && git && http
    }
}

impl From<&metadata::ChecksumRequest> for ChecksumWanted {
    fn from(request: &metadata::ChecksumRequest) -> Self {
        Self { algorithm: request.algorithm.name().to_owned(), suffix: STANDARD.encode(&request.suffix) }
    }
}

impl From<&metadata::Wanted> for Wanted {
    fn from(wanted: &metadata::Wanted) -> Self {
        let image = wanted.image.as_ref().map(|image| ImageWanted {
            config: image.config,
            attestation_chain: image.attestation_chain,
            signatures: image.signatures,
            attestations: sorted(image.attestations.iter().cloned()),
        });
        let http = wanted.http.as_ref().map(|http| HttpWanted {
            checksums: sorted(http.checksums.iter().map(ChecksumWanted::from)),
            github_attestations: sorted(http.github_attestations.iter().cloned()),
        });
        Self { image, git: wanted.git.as_ref().map(|git| GitWanted { objects: git.objects }), http }
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<_>>().into_iter().collect()
}
