//! Images in a folder (OCI image spec, `image-layout.md`): the same metadata as from a registry.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageIndex, MediaType, OciLayout};
use policy_engine::metadata::{ImageMetadata, ImageWanted};
use policy_engine::source::Platform;

use super::image::content::{self, Content, MAX_MANIFEST, ReferrersWanted, Root, check_announced, verified};
use super::image::document::{Document, Kind, OCI_INDEX, check_algorithm, kind_of, verify_digest};
use super::image::{ImageError, MAX_REFERRERS, default_platform};
use super::transport::ByteLimit;

const MAX_LAYOUT_FILE: ByteLimit = ByteLimit { what: "an oci-layout file", bytes: 4 << 10 };
const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// What an `oci-layout://path[:tag][@digest]` source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutName {
    /// The folder with `oci-layout`, `index.json` and `blobs`.
    pub path: PathBuf,
    /// The image's name in `index.json`; `latest` if `None`. As in buildx, the only image of a layout is
    /// meant by any tag.
    pub tag: Option<String>,
    /// `algorithm:hex`; goes before the tag.
    pub digest: Option<String>,
}

/// Finds out what is wanted about an image for a platform ([`default_platform`] if `None`); reads nothing else.
pub async fn resolve(
    name: &LayoutName,
    platform: Option<&Platform>,
    wanted: &ImageWanted,
) -> Result<ImageMetadata, ImageError> {
    let default = default_platform();
    let layout = Layout { reference: format!("oci-layout://{}", shown(name)), name };
    content::metadata(&layout, platform.unwrap_or(&default), wanted).await
}

fn shown(name: &LayoutName) -> String {
    let mut text = name.path.display().to_string();
    for (mark, part) in [(":", &name.tag), ("@", &name.digest)] {
        if let Some(part) = part {
            text.extend([mark, part.as_str()]);
        }
    }
    text
}

struct Layout<'a> {
    name: &'a LayoutName,
    /// For messages.
    reference: String,
}

impl Layout<'_> {
    /// `index.json`, once the folder has proven to be a layout.
    async fn index(&self) -> Result<ImageIndex, ImageError> {
        let version = self.file("oci-layout", MAX_LAYOUT_FILE).await?;
        let version: OciLayout = serde_json::from_slice(&version).map_err(|error| {
            self.layout_error("oci-layout", format!("malformed: {error}; make the layout again"))
        })?;
        if version.image_layout_version() != "1.0.0" {
            let detail = format!("version {:?} is not supported; use 1.0.0", version.image_layout_version());
            return Err(self.layout_error("oci-layout", detail));
        }
        let bytes = self.file("index.json", MAX_MANIFEST).await?;
        match Document::parse(&self.reference, "index.json", OCI_INDEX, &bytes)? {
            Document::Index(index) => Ok(index.index),
            Document::Manifest(_) => {
                Err(self.layout_error("index.json", "it is no index; make the layout again".to_owned()))
            }
        }
    }

    /// By containerd's name, by the OCI name, or the only one there is.
    async fn by_tag(&self) -> Result<Root, ImageError> {
        let tag = self.name.tag.as_deref().unwrap_or("latest");
        let index = self.index().await?;
        let found = named(&index, CONTAINERD_NAME, tag).or_else(|| named(&index, REF_NAME, tag));
        let found = match (found, index.manifests().as_slice()) {
            (Some(found), _) => found,
            (None, [only]) => only,
            (None, _) => {
                return Err(ImageError::NotFound {
                    reference: self.reference.clone(),
                    what: format!("tag {tag:?} in index.json"),
                });
            }
        };
        let bytes = self.manifest(found).await?;
        let descriptor = Descriptor::new(found.media_type().clone(), found.size(), found.digest().clone());
        Ok(Root { descriptor, bytes })
    }

    async fn by_digest(&self, digest: &str) -> Result<Root, ImageError> {
        let digest: Digest = digest.parse().map_err(|_| ImageError::InvalidName {
            reference: self.reference.clone(),
            detail: "the digest is not an algorithm and its hexadecimal value",
        })?;
        self.index().await?;
        let bytes = self.file(&self.blob_path(&digest)?, MAX_MANIFEST).await?;
        verify_digest(&self.reference, &digest, &bytes)?;
        let media_type = Document::media_type_of(&bytes).unwrap_or_default();
        let size = bytes.len() as u64;
        let descriptor = Descriptor::new(MediaType::from(media_type.as_str()), size, digest);
        Ok(Root { descriptor, bytes })
    }

    async fn read(&self, descriptor: &Descriptor, limit: ByteLimit) -> Result<Bytes, ImageError> {
        check_announced(&self.reference, descriptor, limit)?;
        let bytes = self.file(&self.blob_path(descriptor.digest())?, limit).await?;
        verified(&self.reference, descriptor, bytes)
    }

    /// Only digests that are sure to be plain hexadecimal make paths.
    fn blob_path(&self, digest: &Digest) -> Result<String, ImageError> {
        check_algorithm(&self.reference, digest)?;
        Ok(format!("blobs/{}/{}", digest.algorithm(), digest.digest()))
    }

    async fn file(&self, relative: &str, limit: ByteLimit) -> Result<Bytes, ImageError> {
        let path = self.name.path.join(relative);
        let read = tokio::task::spawn_blocking(move || read_file(&path, limit.bytes)).await;
        match read.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(ImageError::LimitExceeded {
                reference: self.reference.clone(),
                what: format!("{relative}, {},", limit.what),
                limit: format!("{} bytes", limit.bytes),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound && relative.starts_with("blobs/") => {
                Err(ImageError::NotFound { reference: self.reference.clone(), what: relative.to_owned() })
            }
            Err(error) => Err(self.layout_error(
                relative,
                format!("{error}; name the folder that has the files oci-layout and index.json"),
            )),
        }
    }

    fn layout_error(&self, relative: &str, detail: String) -> ImageError {
        ImageError::Layout { path: self.name.path.join(relative), detail }
    }

    /// Whether the manifest behind an entry of `index.json` has `digest` as its subject. A blob that is not
    /// there (of a platform that was left out, say) refers to nothing.
    async fn refers_to(&self, entry: &Descriptor, digest: &Digest) -> Result<bool, ImageError> {
        let bytes = match self.manifest(entry).await {
            Ok(bytes) => bytes,
            Err(ImageError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let what = format!("manifest {}", entry.digest());
        match Document::parse(&self.reference, &what, entry.media_type().as_ref(), &bytes)? {
            Document::Manifest(manifest) => {
                Ok(manifest.subject().as_ref().is_some_and(|subject| subject.digest() == digest))
            }
            Document::Index(_) => Ok(false),
        }
    }
}

impl Content for Layout<'_> {
    fn reference(&self) -> &str {
        &self.reference
    }

    async fn root(&self) -> Result<Arc<Root>, ImageError> {
        let root = match &self.name.digest {
            Some(digest) => self.by_digest(digest).await?,
            None => self.by_tag().await?,
        };
        let what = format!("manifest {}", root.descriptor.digest());
        Document::parse(&self.reference, &what, root.descriptor.media_type().as_ref(), &root.bytes)?;
        Ok(Arc::new(root))
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, ImageError> {
        self.read(descriptor, MAX_MANIFEST).await
    }

    async fn blob(&self, descriptor: &Descriptor, limit: ByteLimit) -> Result<Bytes, ImageError> {
        self.read(descriptor, limit).await
    }

    /// What the tag `sha256-…` lists, and the entries of `index.json` that have the subject.
    async fn referrers(
        &self,
        digest: &Digest,
        _: ReferrersWanted,
    ) -> Result<Arc<Vec<Descriptor>>, ImageError> {
        let index = self.index().await?;
        if index.manifests().len() > MAX_REFERRERS {
            return Err(ImageError::LimitExceeded {
                reference: self.reference.clone(),
                what: "number of manifests in index.json".to_owned(),
                limit: MAX_REFERRERS.to_string(),
            });
        }
        let mut referrers = Vec::new();
        let tag = digest.as_ref().replacen(':', "-", 1);
        if let Some(list) = named(&index, REF_NAME, &tag) {
            let bytes = self.manifest(list).await?;
            let what = format!("referrers of {digest}");
            if let Document::Index(list) =
                Document::parse(&self.reference, &what, list.media_type().as_ref(), &bytes)?
            {
                referrers.extend(list.index.manifests().iter().cloned());
            }
        }
        for entry in index.manifests() {
            if kind_of(entry.media_type().as_ref()) == Some(Kind::Manifest)
                && !referrers.iter().any(|known| known.digest() == entry.digest())
                && self.refers_to(entry, digest).await?
            {
                referrers.push(entry.clone());
            }
        }
        Ok(Arc::new(referrers))
    }

    async fn tagged(&self, tag: &str) -> Result<Option<Arc<Root>>, ImageError> {
        let index = self.index().await?;
        let Some(found) = named(&index, REF_NAME, tag) else { return Ok(None) };
        match self.manifest(found).await {
            Ok(bytes) => Ok(Some(Arc::new(Root { descriptor: found.clone(), bytes }))),
            Err(ImageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn attestation_home(&self) -> Self {
        Self { name: self.name, reference: self.reference.clone() }
    }
}

fn named<'a>(index: &'a ImageIndex, annotation: &str, name: &str) -> Option<&'a Descriptor> {
    index.manifests().iter().find(|manifest| {
        manifest
            .annotations()
            .as_ref()
            .and_then(|annotations| annotations.get(annotation))
            .map(String::as_str)
            == Some(name)
    })
}

/// A regular file of at most `limit` bytes; `None` when it is bigger.
fn read_file(path: &Path, limit: u64) -> std::io::Result<Option<Bytes>> {
    // Asked before it is opened: opening a named pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then(|| bytes.into()))
}

#[cfg(test)]
mod tests;
