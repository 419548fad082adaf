//! What binds a provenance to its image: the attestation manifest lists it, and its statement is about the image.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::metadata::AttestationChain;

/// Subjects of a statement.
const SUBJECT_LIMIT: usize = 1024;
/// Digests of a subject.
const DIGEST_LIMIT: usize = 32;

/// A provenance that is not that of the image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// The attestation manifest does not list it, or is not there.
    #[error("the provenance {digest} is none of the attestations that {manifest:?} lists")]
    NotListed {
        /// Of the provenance.
        digest: String,
        /// Digest of the attestation manifest; empty for an image without one.
        manifest: String,
    },
    /// Its statement names other artifacts.
    #[error("the provenance {digest} is about something else: none of its subjects is {image}")]
    Subject {
        /// Of the provenance.
        digest: String,
        /// Digest of the image manifest.
        image: String,
    },
    /// Too many subjects to look at.
    #[error(
        "the provenance {digest} has more than {SUBJECT_LIMIT} subjects, or one of more than {DIGEST_LIMIT} digests"
    )]
    Limit {
        /// Of the provenance.
        digest: String,
    },
}

/// An attestation manifest.
#[derive(Deserialize)]
pub(super) struct Manifest {
    #[serde(default)]
    pub(super) layers: Vec<Layer>,
}

/// An attestation.
#[derive(Deserialize)]
pub(super) struct Layer {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

/// The attestation manifest of a chain, if it is there and can be read.
pub(super) fn attestation_manifest(chain: &AttestationChain) -> Option<Manifest> {
    let blob = chain.blobs.get(&chain.attestation_manifest)?;
    serde_json::from_slice(&blob.data).ok()
}

/// Whether the attestation manifest lists the blob `digest`.
pub(super) fn check_listed(chain: &AttestationChain, digest: &str) -> Result<(), BindingError> {
    let listed =
        attestation_manifest(chain).is_some_and(|m| m.layers.iter().any(|layer| layer.digest == digest));
    if listed {
        return Ok(());
    }
    Err(BindingError::NotListed { digest: digest.to_owned(), manifest: chain.attestation_manifest.clone() })
}

/// Whether the image, or the index it is in, is one of the subjects. BuildKit writes none for an image that it exports
/// without a name; the attestation manifest alone says then what it is about.
pub(super) fn check_subjects(
    chain: &AttestationChain,
    digest: &str,
    subjects: &[BTreeMap<String, String>],
) -> Result<(), BindingError> {
    if subjects.len() > SUBJECT_LIMIT || subjects.iter().any(|digests| digests.len() > DIGEST_LIMIT) {
        return Err(BindingError::Limit { digest: digest.to_owned() });
    }
    let is_image = |(algorithm, hex): (&String, &String)| {
        [&chain.image_manifest, &chain.root].iter().any(|own| **own == format!("{algorithm}:{hex}"))
    };
    if subjects.is_empty() || subjects.iter().flatten().any(is_image) {
        return Ok(());
    }
    Err(BindingError::Subject { digest: digest.to_owned(), image: chain.image_manifest.clone() })
}
