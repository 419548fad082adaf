//! The file: version 1. A field that the program doesn't know is refused, for it might change an answer; so fields
//! can be added, but a file that has them is refused by those that don't know them. Files without them are read.

use std::collections::BTreeMap;

use policy_engine::source::SourceOp;
use policy_engine::verify::{self, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::key::Wanted;

/// Everything that was looked up in one run of policy-check.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Snapshot", rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// 1.
    pub version: u32,
    /// What wrote the file: `policy-check 0.1.0`.
    pub tool: String,
    /// The time that policies saw, and see again offline (RFC 3339, UTC, in nanoseconds).
    pub captured: String,
    /// Questions about sources with their answers, sorted by source, platform and what was wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<Lookup>,
    /// What kind of document image references name, sorted by image.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<MediaType>,
    /// Git contexts, sorted by source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<Context>,
    /// What the URLs of contexts and Dockerfiles delivered, sorted by URL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<Download>,
    /// Policies and libraries from elsewhere, sorted by place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Policies>,
    /// The trust roots that signatures were tried under, in this order; none where no signature was verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<TrustRoot>,
    /// Content by its digest, in base64. Each stands here once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub blobs: BTreeMap<String, String>,
}

/// A policy or a library from elsewhere.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policies {
    /// The place with its digest or commit, without credentials: `oci://ghcr.io/acme/policies:v1@sha256:…`.
    pub place: String,
    /// Its files by path; each is a blob.
    pub files: BTreeMap<String, String>,
}

/// One question about a source.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lookup {
    /// The source.
    pub source: Source,
    /// For images: the platform, `os/architecture[/variant]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What was to be found out.
    pub wanted: Wanted,
    /// Where the source redirected to, in order, without credentials and queries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<String>,
    /// What was found. Either this or `failed` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// Why nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A source as BuildKit names it, without credentials.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Scheme and reference: `docker-image://docker.io/library/alpine:3.21`.
    pub identifier: String,
    /// BuildKit's source attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<String, String>,
}

/// What was found: of the source's kind.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Found {
    /// Of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Of a git ref.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<Git>,
    /// Of a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

/// What is known about an image.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// Digest of the manifest or index.
    pub digest: String,
    /// The image config, a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// Attestations and signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation_chain: Option<AttestationChain>,
    /// All signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures: Option<Signatures>,
}

/// An image's attestations and signatures for one platform.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttestationChain {
    /// Digest of the index, or of the manifest of an image without one.
    pub root: String,
    /// Digest of the platform's manifest.
    pub image_manifest: String,
    /// Digest of the attestation manifest; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub attestation_manifest: String,
    /// Digests of the signature manifests, in the order that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signature_manifests: Vec<String>,
    /// Descriptors of the manifests and blobs of the chain, sorted by digest; each is a blob.
    pub blobs: Vec<Descriptor>,
}

/// An image's signatures, wherever they lie.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Signatures {
    /// The manifests that hold them, in the order that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<SignatureManifest>,
    /// Descriptors of these manifests, their layers, and of attestation manifests that are signed, sorted by digest;
    /// each is a blob.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<Descriptor>,
    /// What was listed and could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<String>,
}

/// A manifest whose layers are signatures.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureManifest {
    /// What of the image it covers.
    pub covers: Covers,
    /// The manifest that it signs.
    pub subject: Descriptor,
    /// Digest of the manifest itself.
    pub digest: String,
    /// Whether it was found by a tag, and not as a referrer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_tag: bool,
}

/// What of an image a signature covers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Covers {
    /// The attestation manifest.
    Attestation,
    /// The platform's manifest.
    Image,
    /// The index.
    Index,
}

/// An OCI content descriptor.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// The blob.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    /// Annotations on the descriptor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What is known about a git ref.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Git {
    /// The full ref, or the commit id that was asked for.
    pub r#ref: String,
    /// The object that the ref names, of the tag for an annotated one.
    pub checksum: String,
    /// The commit behind an annotated tag; empty when the ref names a commit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub commit_checksum: String,
    /// The raw commit object, a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit_object: Option<String>,
    /// The raw tag object, a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_object: Option<String>,
}

/// What is known about a URL.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// SHA-256 of the body.
    pub checksum: String,
    /// The digests over the body and a suffix, in the order of the question's `checksums`.
    // Once there was at most one.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        alias = "checksumWithSuffix",
        deserialize_with = "one_or_many"
    )]
    pub checksums_with_suffix: Vec<String>,
    /// Bundles that attest the body, by the GitHub repository that was asked; each is a blob.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub github_attestations: BTreeMap<String, Vec<String>>,
    /// Why a GitHub repository could not be asked, by repository.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unavailable: BTreeMap<String, String>,
}

/// What kind of document an image reference names.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MediaType {
    /// The image reference.
    pub image: String,
    /// The media type. Either this or `failed` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Why it couldn't be found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What was read of a git context.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Context {
    /// The context.
    pub source: Source,
    /// What is at the paths that were looked at. Either this or `failed` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, File>>,
    /// Why it couldn't be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What is at a path of a context.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum File {
    /// A file.
    File {
        /// Its content, a blob.
        content: String,
    },
    /// A symlink.
    Link {
        /// Where it leads, a blob.
        target: String,
    },
    /// A folder.
    Folder {},
    /// A file that is too large to be read.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Something that can't be read.
    Unreadable {
        /// Why.
        why: String,
    },
    /// Nothing.
    Missing {},
}

/// What a URL delivered.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Download {
    /// The URL, without credentials.
    pub url: String,
    /// What it delivered, a blob. Either this or `failed` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Why it delivered nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A trust root as it was used.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustRoot {
    /// Its name: `sigstore`, `github`, or the operator's.
    pub name: String,
    /// Whose it is.
    pub kind: RootKind,
    /// Its `trusted_root.json`, a blob. Either this or `failed` is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Why it could not be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Whose a trust root is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RootKind {
    /// Sigstore's public good instance.
    Sigstore,
    /// GitHub's instance.
    Github,
    /// One that the operator named.
    Private,
}

impl From<verify::RootKind> for RootKind {
    fn from(kind: verify::RootKind) -> Self {
        match kind {
            verify::RootKind::Sigstore => Self::Sigstore,
            verify::RootKind::Github => Self::Github,
            verify::RootKind::Private => Self::Private,
        }
    }
}

impl From<RootKind> for verify::RootKind {
    fn from(kind: RootKind) -> Self {
        match kind {
            RootKind::Sigstore => Self::Sigstore,
            RootKind::Github => Self::Github,
            RootKind::Private => Self::Private,
        }
    }
}

impl From<&SourceOp> for Source {
    fn from(source: &SourceOp) -> Self {
        Self { identifier: source.identifier.clone(), attrs: source.attrs.clone() }
    }
}

impl From<Source> for SourceOp {
    fn from(source: Source) -> Self {
        Self { identifier: source.identifier, attrs: source.attrs }
    }
}

impl From<Subject> for Covers {
    fn from(subject: Subject) -> Self {
        match subject {
            Subject::Attestation => Self::Attestation,
            Subject::Image => Self::Image,
            Subject::Index => Self::Index,
        }
    }
}

impl From<Covers> for Subject {
    fn from(covers: Covers) -> Self {
        match covers {
            Covers::Attestation => Self::Attestation,
            Covers::Image => Self::Image,
            Covers::Index => Self::Index,
        }
    }
}

/// A list, or the one thing that stood in its place before there could be several.
pub(super) fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Many(Vec<T>),
        One(T),
    }
    Ok(match Either::deserialize(deserializer)? {
        Either::Many(many) => many,
        Either::One(one) => vec![one],
    })
}
