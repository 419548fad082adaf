//! What GitHub sends.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::MAX_BUNDLE;

/// An attestation in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attestation {
    /// The bundle itself, as it stands there.
    Inline(Bytes),
    /// The URL of the bundle.
    At(String),
}

/// Reads a page of the list; an error is what is wrong with it.
pub fn attestations(page: &[u8]) -> Result<Vec<Attestation>, String> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        attestations: Vec<Entry<'a>>,
    }
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        bundle: Option<&'a RawValue>,
        bundle_url: Option<String>,
    }
    let Page { attestations } = serde_json::from_slice(page).map_err(|error| error.to_string())?;
    let read = |Entry { bundle, bundle_url }| match (bundle, bundle_url) {
        (Some(bundle), _) => Ok(Attestation::Inline(Bytes::copy_from_slice(bundle.get().as_bytes()))),
        (None, Some(url)) if !url.is_empty() => Ok(Attestation::At(url)),
        (None, _) => Err("an attestation has neither `bundle` nor `bundle_url`".to_owned()),
    };
    attestations.into_iter().map(read).collect()
}

/// Undoes Snappy's block format (`format_description.txt` of google/snappy), which begins with the length; an error
/// is what is wrong with it.
pub fn decompress(compressed: &[u8]) -> Result<Bytes, String> {
    let length = snap::raw::decompress_len(compressed).map_err(|error| error.to_string())?;
    if length as u64 > MAX_BUNDLE.bytes {
        return Err(format!(
            "{} of {length} bytes is over the limit of {}",
            MAX_BUNDLE.what, MAX_BUNDLE.bytes
        ));
    }
    let bundle = snap::raw::Decoder::new().decompress_vec(compressed).map_err(|error| error.to_string())?;
    Ok(bundle.into())
}
