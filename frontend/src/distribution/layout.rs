//! How policies are stored as OCI artifacts.
//!
//! - OPA: one layer, a bundle (`bundle.tar.gz`) with the files and perhaps a `.manifest`; what `oras push`, `policy
//!   push` and OPA's own downloader use (<https://www.openpolicyagent.org/docs/management-bundles>).
//! - conftest: a layer for each file, whose title is its path (<https://www.conftest.dev/sharing>).

use std::collections::BTreeMap;
use std::io::Write as _;

use bytes::Bytes;
use serde::Deserialize;

use super::Files;
use super::files::declaring;
use crate::resolve::image::{Artifact, Layer};

const BUNDLE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const BUNDLE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const BUNDLE_LAYER_PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const BUNDLE_TITLE: &str = "bundle.tar.gz";
const CONFTEST_CONFIG: &str = "application/vnd.cncf.openpolicyagent.config.v1+json";
const CONFTEST_POLICY: &str = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego";
const CONFTEST_DATA: &str = "application/vnd.cncf.openpolicyagent.data.layer.v1+json";

/// How files become an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// One layer with all files, as OPA reads it
    Opa,
    /// A layer for each file, as conftest reads it
    Conftest,
}

/// The files of an artifact in either layout.
pub fn unpack(artifact: &Artifact) -> Result<Files, String> {
    let is_conftest = |layer: &Layer| matches!(layer.media_type.as_str(), CONFTEST_POLICY | CONFTEST_DATA);
    let is_bundle = |layer: &&Layer| matches!(layer.media_type.as_str(), BUNDLE_LAYER | BUNDLE_LAYER_PLAIN);
    if artifact.layers.iter().any(is_conftest) {
        return files(artifact);
    }
    let bundles: Vec<&Layer> = artifact.layers.iter().filter(is_bundle).collect();
    match bundles.as_slice() {
        [bundle] => Files::in_archive(&bundle.content)?.checked_bundle(),
        [] => {
            let types: Vec<&str> = artifact.layers.iter().map(|layer| layer.media_type.as_str()).collect();
            Err(format!(
                "it is neither an OPA bundle ({BUNDLE_LAYER}) nor an artifact of conftest ({CONFTEST_POLICY}): its \
                 layers are {types:?}"
            ))
        }
        _ => Err("it has several layers, where an OPA bundle has one".to_owned()),
    }
}

/// One layer for each file.
fn files(artifact: &Artifact) -> Result<Files, String> {
    let mut files = Files::default();
    for layer in &artifact.layers {
        let title = layer.title.as_deref().ok_or("a layer has no title, which would be its path")?;
        let is_rego = std::path::Path::new(title).extension().is_some_and(|ending| ending == "rego");
        match layer.media_type.as_str() {
            CONFTEST_POLICY if is_rego => {}
            CONFTEST_DATA if !is_rego && super::files::is_kept(title) => {}
            other => return Err(format!("the layer `{title}` with media type {other} has no place there")),
        }
        files.insert(title, layer.content.clone())?;
    }
    Ok(files)
}

/// The artifact with these files.
pub fn pack(files: &Files, layout: Layout) -> Result<Artifact, String> {
    match layout {
        Layout::Opa => {
            let mut bundle = files.clone();
            if !files.iter().any(|(path, _)| path == ".manifest") {
                bundle.insert(".manifest", Bytes::from_static(br#"{"revision":"","roots":[""]}"#))?;
            }
            let content = compressed(&bundle.archive()).map_err(|error| error.to_string())?;
            let title = Some(BUNDLE_TITLE.to_owned());
            let layer = Layer { media_type: BUNDLE_LAYER.to_owned(), title, content };
            Ok(Artifact { config: config(BUNDLE_CONFIG), layers: vec![layer] })
        }
        Layout::Conftest => {
            let layer = |(path, content): (&str, &Bytes)| {
                let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
                let media_type = match ending {
                    "rego" => CONFTEST_POLICY,
                    "json" | "yaml" | "yml" => CONFTEST_DATA,
                    _ => return Err(format!("`{path}`: conftest's layout has Rego, JSON and YAML only")),
                };
                let title = Some(path.to_owned());
                Ok(Layer { media_type: media_type.to_owned(), title, content: content.clone() })
            };
            let about_bundle = |(path, _): &(&str, &Bytes)| !path.starts_with('.');
            let layers = files.iter().filter(about_bundle).map(layer).collect::<Result<_, _>>()?;
            Ok(Artifact { config: config(CONFTEST_CONFIG), layers })
        }
    }
}

fn config(media_type: &str) -> Layer {
    Layer { media_type: media_type.to_owned(), title: None, content: Bytes::from_static(b"{}") }
}

/// With no time in the header: same bytes, same digest.
fn compressed(content: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.into())
}

/// A bundle's `.manifest`. What else is in there is of no use here.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    roots: Option<Vec<String>>,
    #[serde(flatten)]
    _further: BTreeMap<String, serde_json::Value>,
}

/// Holds the files of a bundle to the roots that its manifest claims: the packages of Rego, the folders of data.
pub(super) fn check_roots(manifest: &[u8], files: &Files) -> Result<(), String> {
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|error| format!("its `.manifest` is malformed: {error}"))?;
    let Some(roots) = manifest.roots else { return Ok(()) };
    for (path, content) in files.iter() {
        let place = match std::path::Path::new(path).extension() {
            Some(ending) if ending == "rego" => declaring(path, content)?.1,
            _ => path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned(),
        };
        let within = |root: &String| {
            let root = root.trim_matches('/');
            root.is_empty()
                || place == root
                || place.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'))
        };
        if !roots.iter().any(within) {
            return Err(format!("`{path}` lies outside of the roots that its `.manifest` claims: {roots:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
