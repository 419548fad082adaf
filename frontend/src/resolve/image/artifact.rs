//! Artifacts that are no images: a manifest whose layers are files (OCI image specification, "Guidelines for
//! Artifact Usage").

use bytes::Bytes;
use oci_spec::image::{Descriptor, ImageManifest};
use serde_json::json;

use super::content::Content;
use super::document::{Document, OCI_MANIFEST, sha256, verify, verify_digest};
use super::error::ImageError;
use super::registry::RegistryImage;
use super::{ImageName, ImageResolver};
use crate::cache::Cache;
use crate::resolve::transport::ByteLimit;

/// Layers of one artifact.
pub const MAX_LAYERS: usize = 2_000;
/// All layers of an artifact together.
pub const MAX_LAYER_BYTES: ByteLimit = ByteLimit { what: "the layers of an artifact", bytes: 64 << 20 };

/// The annotation with a layer's file name (OCI image specification, "Pre-Defined Annotation Keys").
const TITLE: &str = "org.opencontainers.image.title";

/// An artifact, read or to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Media type and content of the config.
    pub config: Layer,
    /// Its layers, in their order.
    pub layers: Vec<Layer>,
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What it is.
    pub media_type: String,
    /// Its file name, where it has one.
    pub title: Option<String>,
    /// Its content.
    pub content: Bytes,
}

impl Layer {
    fn new(descriptor: &Descriptor, content: Bytes) -> Self {
        let title = descriptor.annotations().as_ref().and_then(|annotations| annotations.get(TITLE)).cloned();
        Self { media_type: descriptor.media_type().to_string(), title, content }
    }

    fn descriptor(&self) -> serde_json::Value {
        let mut descriptor = json!({
            "mediaType": self.media_type,
            "digest": sha256(&self.content),
            "size": self.content.len(),
        });
        if let Some(title) = &self.title {
            descriptor["annotations"] = json!({TITLE: title});
        }
        descriptor
    }
}

impl Artifact {
    /// The artifact's manifest. Same artifact, same bytes.
    pub fn manifest(&self) -> Bytes {
        let layers: Vec<_> = self.layers.iter().map(Layer::descriptor).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.config.descriptor(),
            "layers": layers,
        });
        manifest.to_string().into()
    }

    /// The artifact with this digest, where all of it is in the cache. Blocks.
    pub fn cached(cache: &Cache, digest: &str) -> Option<Self> {
        let bytes = cache.get(digest)?;
        let (config, descriptors) = parts(digest, &bytes).ok()?;
        let layer = |descriptor: &Descriptor| {
            let content = cache.get(descriptor.digest().as_ref())?;
            verify(digest, descriptor, &content).ok()?;
            Some(Layer::new(descriptor, content))
        };
        let config = Layer { content: Bytes::new(), ..Layer::new(&config, Bytes::new()) };
        Some(Self { config, layers: descriptors.iter().map(layer).collect::<Option<_>>()? })
    }

    /// The manifest with this digest and its media type, where it is in the cache. Blocks.
    pub fn cached_manifest(cache: &Cache, digest: &str) -> Option<(Bytes, String)> {
        let bytes = cache.get(digest)?;
        parts(digest, &bytes).ok()?;
        let media_type = Document::media_type_of(&bytes)?;
        Some((bytes, media_type))
    }

    /// The digests of the layers that a manifest lists; `None` for what is no manifest.
    pub fn layers_of(manifest: &Bytes) -> Option<Vec<String>> {
        let (_, layers) = parts("manifest", manifest).ok()?;
        Some(layers.iter().map(|layer| layer.digest().to_string()).collect())
    }
}

impl ImageResolver {
    /// The artifact behind a name, with its digest and its manifest. The config's content is not read.
    pub async fn artifact(&self, name: &ImageName) -> Result<(String, Bytes, Artifact), ImageError> {
        let image = RegistryImage::new(self, name);
        let root = image.root().await?;
        let (config, descriptors) = parts(image.reference(), &root.bytes)?;
        let mut layers = Vec::with_capacity(descriptors.len());
        for descriptor in &descriptors {
            layers.push(Layer::new(descriptor, image.blob(descriptor, MAX_LAYER_BYTES).await?));
        }
        let artifact = Artifact { config: Layer::new(&config, Bytes::new()), layers };
        Ok((root.descriptor.digest().to_string(), root.bytes.clone(), artifact))
    }

    /// Uploads the artifact, and gives its manifest the name. Tells the manifest's digest.
    pub async fn push(&self, name: &ImageName, artifact: &Artifact) -> Result<String, ImageError> {
        let manifest = artifact.manifest();
        let digest = sha256(&manifest);
        if let Some(named) = &name.digest {
            let parsed = named.parse().map_err(|_| ImageError::InvalidName {
                reference: name.to_string(),
                detail: "the digest is not an algorithm and its hexadecimal value",
            })?;
            verify_digest(&name.to_string(), &parsed, &manifest)?;
        }
        let image = RegistryImage::new(self, name);
        for part in artifact.layers.iter().chain([&artifact.config]) {
            image.upload(&sha256(&part.content), &part.content).await?;
        }
        image.put_manifest(OCI_MANIFEST, &manifest).await?;
        Ok(digest)
    }
}

/// Config and layers of an artifact's manifest, within the limits.
fn parts(reference: &str, bytes: &Bytes) -> Result<(Descriptor, Vec<Descriptor>), ImageError> {
    let what = "artifact";
    let media_type = Document::media_type_of(bytes).unwrap_or_else(|| OCI_MANIFEST.to_owned());
    let manifest: ImageManifest = match Document::parse(reference, what, &media_type, bytes)? {
        Document::Manifest(manifest) => *manifest,
        Document::Index(_) => {
            return Err(ImageError::UnsupportedMediaType {
                reference: reference.to_owned(),
                what: what.to_owned(),
                media_type,
                expected: "a manifest; this is an index of several",
            });
        }
    };
    let limit = |what: &str, limit: String| ImageError::LimitExceeded {
        reference: reference.to_owned(),
        what: what.to_owned(),
        limit,
    };
    let layers = manifest.layers().clone();
    if layers.len() > MAX_LAYERS {
        return Err(limit("number of layers", MAX_LAYERS.to_string()));
    }
    let total = layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size()));
    if total > MAX_LAYER_BYTES.bytes {
        return Err(limit(MAX_LAYER_BYTES.what, format!("{} bytes", MAX_LAYER_BYTES.bytes)));
    }
    Ok((manifest.config().clone(), layers))
}
