//! OCI manifests and indexes, as far as signatures need them (OCI image spec v1.1, `manifest.md`, `image-index.md`).

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::metadata::Blob;

/// `application/vnd.oci.image.manifest.v1+json`.
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// `application/vnd.oci.image.index.v1+json`.
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Annotation on a layer that is an attestation: its predicate type.
pub(super) const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// A manifest: an image's, an attestation's or a signature's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// What kind of artifact it is; empty in an image's.
    #[serde(default)]
    pub(super) artifact_type: String,
    /// Its content, in order.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) layers: Vec<Descriptor>,
    /// The manifest that it refers to.
    #[serde(default)]
    pub(super) subject: Option<Descriptor>,
}

/// An index: an image of several platforms, with its attestations.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Index {
    /// In order.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) manifests: Vec<Descriptor>,
    /// Of the index itself.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// A descriptor (OCI image spec, `descriptor.md`).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    /// Media type of the content.
    #[serde(default)]
    pub(super) media_type: String,
    /// `sha256:…`.
    #[serde(default)]
    pub(super) digest: String,
    /// In bytes.
    #[serde(default)]
    pub(super) size: u64,
    /// By name.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) annotations: BTreeMap<String, String>,
}

/// Null is what Go writes for a list or map that was never made.
fn or_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// The bytes of a blob, which must be there and have its digest. An error says what is wrong with it.
pub(super) fn content<'b>(blobs: &[&'b BTreeMap<String, Blob>], digest: &str) -> Result<&'b Blob, String> {
    let blob = blobs.iter().find_map(|blobs| blobs.get(digest));
    let blob = blob.ok_or_else(|| format!("{digest} was not delivered"))?;
    if sha256(&blob.data) == digest { Ok(blob) } else { Err(format!("{digest} does not have this digest")) }
}

/// `sha256:…` of bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}
