//! What is known about a source, and what can be asked: plain types, one to one with BuildKit's
//! `ResolveSourceMetaRequest` and `ResolveSourceMetaResponse`.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::source::{Platform, SourceOp};
use crate::verify::Subject;

/// What a resolver found out about a source. A part that was never asked for is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Of an image, from a registry or an OCI layout.
    pub image: Option<ImageMetadata>,
    /// Of a git ref.
    pub git: Option<GitMetadata>,
    /// Of a URL.
    pub http: Option<HttpMetadata>,
}

/// What is known about an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageMetadata {
    /// `sha256:…` of the manifest or index that the reference names.
    pub digest: String,
    /// The image config (OCI image spec, `application/vnd.oci.image.config.v1+json`), byte for byte; `None` when
    /// it was not asked for.
    pub config: Option<Bytes>,
    /// Attestations, when they were asked for.
    pub attestation_chain: Option<AttestationChain>,
    /// Its signatures, wherever they lie, when they were asked for. BuildKit delivers only those that are in
    /// the attestation chain.
    pub signatures: Option<ImageSignatures>,
}

/// The signatures that a registry has of an image, for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageSignatures {
    /// Manifests with signatures: those on attestation manifests first, then on the image, then on the index; each in
    /// the registry's order, bundles before older forms.
    pub manifests: Vec<SignatureManifest>,
    /// These manifests, their layers, and the attestation manifests that they sign, by digest. Each was verified
    /// against its digest when it was read.
    pub blobs: BTreeMap<String, Blob>,
    /// What could not be looked at, in words, where that is no failure.
    pub unavailable: Vec<String>,
}

/// A manifest whose layers are signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureManifest {
    /// What of the image it covers.
    pub covers: Subject,
    /// The manifest that it signs.
    pub subject: Descriptor,
    /// Digest of the manifest itself.
    pub digest: String,
    /// Whether it was found by the tag `sha256-<hex>.sig` of its subject instead of as a referrer: such manifests
    /// name no subject themselves.
    pub by_tag: bool,
}

/// An image's attestations and signatures, for one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttestationChain {
    /// Digest of the index (or of the manifest, for an image without an index).
    pub root: String,
    /// Digest of the platform's image manifest.
    pub image_manifest: String,
    /// Digest of the attestation manifest that belongs to it; empty when there is none.
    pub attestation_manifest: String,
    /// Digests of signature manifests that refer to the attestation manifest.
    pub signature_manifests: Vec<String>,
    /// Manifests and blobs by digest. Each was verified against its digest when it was read.
    pub blobs: BTreeMap<String, Blob>,
}

/// A verified blob with the descriptor that led to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blob {
    /// Media type, digest, size and annotations, as the parent manifest gives them.
    pub descriptor: Descriptor,
    /// The bytes.
    pub data: Bytes,
}

/// An OCI content descriptor (OCI image spec, `descriptor.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type of the content.
    pub media_type: String,
    /// `sha256:…`.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    /// Annotations on the descriptor.
    pub annotations: BTreeMap<String, String>,
}

/// What is known about a git ref.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitMetadata {
    /// Full ref (`refs/heads/main`, `refs/tags/v1`), or the commit id when that was asked for.
    pub r#ref: String,
    /// Object id the ref names, hex: of the tag object for an annotated tag.
    pub checksum: String,
    /// Commit id behind an annotated tag; empty when the ref names a commit.
    pub commit_checksum: String,
    /// The raw commit object (content without git's header); `None` when not asked for.
    pub commit_object: Option<Bytes>,
    /// The raw tag object, for annotated tags.
    pub tag_object: Option<Bytes>,
}

/// What is known about a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpMetadata {
    /// `sha256:…` of the body.
    pub checksum: String,
    /// Digests over the body and a suffix, those that were asked for. BuildKit delivers one at a time.
    pub checksum_responses: Vec<ChecksumResponse>,
    /// Sigstore bundles (JSON) that attest the body, by the GitHub repository (`owner/repo`) that was asked.
    pub github_attestations: BTreeMap<String, Vec<Bytes>>,
    /// Why a GitHub repository could not be asked, in words, by repository, where that is no failure. Such a one has
    /// no bundles above.
    pub unavailable: BTreeMap<String, String>,
}

impl HttpMetadata {
    /// The digest, `alg:hex`, that `request` asks for, once it is known.
    pub fn digest_over(&self, request: &ChecksumRequest) -> Option<&str> {
        let answer = |it: &&ChecksumResponse| it.request().as_ref() == Some(request);
        self.checksum_responses.iter().find(answer).map(|it| it.digest.as_str())
    }

    /// Adds those digests of `earlier` that are not there, if the body is still the same.
    pub fn keep(&mut self, earlier: &Self) {
        if earlier.checksum != self.checksum {
            return;
        }
        for response in &earlier.checksum_responses {
            let known = response.request().is_some_and(|request| self.digest_over(&request).is_some());
            if !known {
                self.checksum_responses.push(response.clone());
            }
        }
    }
}

/// Answer to a [`ChecksumRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChecksumResponse {
    /// `alg:hex` over the body followed by the suffix.
    pub digest: String,
    /// The suffix that was asked for.
    pub suffix: Bytes,
}

impl ChecksumResponse {
    /// The request that this answers; `None` for an algorithm that can't be asked for.
    pub fn request(&self) -> Option<ChecksumRequest> {
        let (name, _) = self.digest.split_once(':')?;
        let algorithm = ChecksumAlgorithm::named(name)?;
        Some(ChecksumRequest { algorithm, suffix: self.suffix.clone() })
    }
}

/// What a check needs to know before it can decide: one source, and which of its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Request {
    /// The source: the one being checked, or a material of its provenance.
    pub source: SourceOp,
    /// For images: the platform.
    pub platform: Option<Platform>,
    /// What to find out. Everything that is already known must be delivered again.
    pub wanted: Wanted,
}

/// Groups of metadata, each of which costs a fetch of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// For an image source.
    pub image: Option<ImageWanted>,
    /// For a git source.
    pub git: Option<GitWanted>,
    /// For a URL.
    pub http: Option<HttpWanted>,
}

impl Wanted {
    /// Asks for what `other` asks for as well.
    pub fn add(&mut self, other: Self) {
        if let Some(other) = other.image {
            let image = self.image.get_or_insert_default();
            image.config |= other.config;
            image.attestation_chain |= other.attestation_chain;
            image.signatures |= other.signatures;
            for predicate_type in other.attestations {
                if !image.attestations.contains(&predicate_type) {
                    image.attestations.push(predicate_type);
                }
            }
        }
        if let Some(other) = other.git {
            self.git.get_or_insert_default().objects |= other.objects;
        }
        if let Some(other) = other.http {
            let http = self.http.get_or_insert_default();
            for checksum in other.checksums {
                if !http.checksums.contains(&checksum) {
                    http.checksums.push(checksum);
                }
            }
            for repository in other.github_attestations {
                if !http.github_attestations.contains(&repository) {
                    http.github_attestations.push(repository);
                }
            }
        }
    }
}

/// What to find out about an image; the digest always comes along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ImageWanted {
    /// The image config.
    pub config: bool,
    /// The attestation manifest, and the signature manifests that refer to it.
    pub attestation_chain: bool,
    /// All signatures: on the attestation manifest, the image and the index.
    pub signatures: bool,
    /// Predicate types of the attestations whose blobs are wanted as well.
    pub attestations: Vec<String>,
}

/// What to find out about a git ref; ref and checksums always come along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct GitWanted {
    /// The raw commit and tag objects.
    pub objects: bool,
}

/// What to find out about a URL; the SHA-256 of the body always comes along.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpWanted {
    /// Digests over the body and a suffix, as detached PGP signatures need them. BuildKit can be asked for one at a
    /// time.
    pub checksums: Vec<ChecksumRequest>,
    /// GitHub repositories (`owner/repo`) whose attestations of the body are wanted.
    pub github_attestations: Vec<String>,
}

/// A digest over a body followed by `suffix`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChecksumRequest {
    /// The hash.
    pub algorithm: ChecksumAlgorithm,
    /// Bytes appended to the body before hashing.
    pub suffix: Bytes,
}

/// Hashes that BuildKit's `ChecksumRequest` knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl ChecksumAlgorithm {
    /// The algorithm of this name, as digests have it: `sha256`.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha384, Self::Sha512].into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Its name, as digests have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of its digests.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_over_a_suffix_stay_with_their_body() {
        let response = |digest: &str, suffix: &'static [u8]| ChecksumResponse {
            digest: digest.to_owned(),
            suffix: Bytes::from_static(suffix),
        };
        let request = |algorithm, suffix: &'static [u8]| ChecksumRequest {
            algorithm,
            suffix: Bytes::from_static(suffix),
        };
        let body = |checksum: &str, checksum_responses| HttpMetadata {
            checksum: checksum.to_owned(),
            checksum_responses,
            ..HttpMetadata::default()
        };
        let earlier = body("sha256:1", vec![response("sha512:aa", b"x"), response("sha256:bb", b"y")]);
        let mut later = body("sha256:1", vec![response("sha512:cc", b"x")]);
        later.keep(&earlier);
        assert_eq!(later.digest_over(&request(ChecksumAlgorithm::Sha512, b"x")), Some("sha512:cc"));
        assert_eq!(later.digest_over(&request(ChecksumAlgorithm::Sha256, b"y")), Some("sha256:bb"));
        assert_eq!(later.digest_over(&request(ChecksumAlgorithm::Sha512, b"y")), None);
        assert_eq!(later.checksum_responses.len(), 2);
        let mut another = body("sha256:2", Vec::new());
        another.keep(&earlier);
        assert_eq!(another.checksum_responses, []);
    }
}
