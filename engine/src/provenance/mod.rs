//! SLSA provenance of images: the predicate of an in-toto statement, v0.2 and v1, as BuildKit writes
//! it, and bound to its image. Who vouches for it is not known here.

mod binding;
mod material;
mod predicate;
mod purl;

use crate::metadata::{AttestationChain, Blob};

pub use binding::BindingError;

pub use material::{Material, MaterialError};
pub use predicate::{Predicate, RawMaterial};

/// SLSA provenance v1.
pub const SLSA_V1: &str = "https://slsa.dev/provenance/v1";
/// SLSA provenance v0.2.
pub const SLSA_V02: &str = "https://slsa.dev/provenance/v0.2";
/// The predicate types that are provenance.
pub const PREDICATE_TYPES: [&str; 2] = [SLSA_V02, SLSA_V1];

/// Annotation on an attestation's descriptor.
const PREDICATE_TYPE_ANNOTATION: &str = "in-toto.io/predicate-type";

/// What an attestation chain says about provenance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The provenance, from the first blob that has one.
    pub predicate: Option<Predicate>,
    /// Digest of that blob.
    pub digest: String,
    /// Whether the attestation manifest lists provenance that is not in the chain, because nobody
    /// asked for it.
    pub unread: bool,
    /// Blobs that should be provenance and are none.
    pub warnings: Vec<String>,
}

/// Looks for provenance in a chain. Of several blobs the first counts, v1 before v0.2, then by digest. One that is not
/// of this image is an error.
pub fn find(chain: &AttestationChain) -> Result<Found, BindingError> {
    let mut candidates: Vec<_> = blobs(chain).collect();
    candidates.sort_by_key(|(digest, predicate_type, _)| (*predicate_type != SLSA_V1, *digest));
    let mut found = Found::default();
    let read = !candidates.is_empty();
    for (digest, predicate_type, blob) in candidates {
        binding::check_listed(chain, digest)?;
        match Predicate::parse(&blob.data, predicate_type) {
            Ok(predicate) => {
                binding::check_subjects(chain, digest, &predicate.subjects)?;
                found.predicate = Some(predicate);
                digest.clone_into(&mut found.digest);
                break;
            }
            Err(error) => found.warnings.push(format!("skipping provenance {digest}: {error}")),
        }
    }
    found.unread = !read && lists_provenance(chain);
    Ok(found)
}

/// The blobs of a chain that should be provenance: digest, predicate type, blob.
pub(crate) fn blobs(chain: &AttestationChain) -> impl Iterator<Item = (&str, &str, &Blob)> {
    chain.blobs.iter().filter_map(|(digest, blob)| {
        let predicate_type = blob.descriptor.annotations.get(PREDICATE_TYPE_ANNOTATION)?;
        let is_provenance = PREDICATE_TYPES.contains(&predicate_type.as_str()) && !blob.data.is_empty();
        is_provenance.then_some((digest.as_str(), predicate_type.as_str(), blob))
    })
}

/// Whether the attestation manifest lists a provenance. A manifest that is not there, or that cannot
/// be read, may list one: what is unresolved must not read as absent.
fn lists_provenance(chain: &AttestationChain) -> bool {
    if chain.attestation_manifest.is_empty() {
        return false;
    }
    let Some(manifest) = binding::attestation_manifest(chain) else { return true };
    manifest.layers.iter().any(|layer| {
        let annotation = layer.annotations.as_ref().and_then(|a| a.get(PREDICATE_TYPE_ANNOTATION));
        annotation.is_some_and(|t| PREDICATE_TYPES.contains(&t.as_str()))
    })
}
