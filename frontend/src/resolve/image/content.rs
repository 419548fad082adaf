//! Reading an image from wherever it lies: selection by platform, config, attestations.
//!
//! What a registry and an OCI layout have in common: [`Content`] is the difference.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, ImageManifest};
use policy_engine::metadata::{ImageMetadata, ImageWanted};
use policy_engine::source::Platform;

use super::document::{Document, Index, Kind, check_algorithm, kind_of, verify};
use super::error::ImageError;
use super::platform::{ImagePlatform, PlatformMatcher};
use super::{chain, signatures};
use crate::resolve::transport::ByteLimit;

/// A manifest, an index, or a list of referrers.
pub const MAX_MANIFEST: ByteLimit = ByteLimit { what: "an image manifest", bytes: 4 << 20 };
/// An image config.
pub const MAX_CONFIG: ByteLimit = ByteLimit { what: "an image config", bytes: 8 << 20 };
/// An attestation, or a layer of a signature manifest.
pub const MAX_ATTESTATION: ByteLimit = ByteLimit { what: "an attestation", bytes: 32 << 20 };
/// Indexes within indexes, the outermost included.
pub const MAX_INDEX_DEPTH: usize = 4;
const MAX_PLATFORMS_SHOWN: usize = 20;

/// What a reference names.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    /// With the digest that was verified, or computed when only a tag was given.
    pub(crate) descriptor: Descriptor,
    pub(crate) bytes: Bytes,
}

/// Which referrers are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReferrersWanted {
    All,
    /// In-toto attestations of SLSA provenance.
    Provenance,
}

/// Where manifests and blobs of one image come from. What it returns is verified: bytes have the length and
/// the digest of their descriptor, and are within the limit.
pub(crate) trait Content: Sync {
    /// The image, for messages.
    fn reference(&self) -> &str;
    fn root(&self) -> impl Future<Output = Result<Arc<Root>, ImageError>> + Send;
    /// A manifest or an index, at most [`MAX_MANIFEST`].
    fn manifest(&self, descriptor: &Descriptor) -> impl Future<Output = Result<Bytes, ImageError>> + Send;
    /// Any other blob.
    fn blob(
        &self,
        descriptor: &Descriptor,
        limit: ByteLimit,
    ) -> impl Future<Output = Result<Bytes, ImageError>> + Send;
    /// Manifests whose `subject` is `digest` (OCI distribution spec, "Listing referrers"). There may be more than
    /// are wanted.
    fn referrers(
        &self,
        digest: &Digest,
        wanted: ReferrersWanted,
    ) -> impl Future<Output = Result<Arc<Vec<Descriptor>>, ImageError>> + Send;
    /// What another tag beside the image names; `None` when there is none.
    fn tagged(&self, tag: &str) -> impl Future<Output = Result<Option<Arc<Root>>, ImageError>> + Send;
    /// Where the attestations of a Docker Hardened Image lie.
    fn attestation_home(&self) -> Self
    where
        Self: Sized;
}

/// Finds out what is wanted about an image, and fetches nothing else.
pub(crate) async fn metadata(
    content: &impl Content,
    platform: &Platform,
    wanted: &ImageWanted,
) -> Result<ImageMetadata, ImageError> {
    let root = content.root().await?;
    let mut metadata =
        ImageMetadata { digest: root.descriptor.digest().to_string(), ..ImageMetadata::default() };
    let wants_chain = wanted.attestation_chain || !wanted.attestations.is_empty();
    if !wanted.config && !wants_chain && !wanted.signatures {
        return Ok(metadata);
    }
    let selection = select(content, &root, platform).await?;
    let config = async {
        if wanted.config { image_config(content, &selection.image).await.map(Some) } else { Ok(None) }
    };
    let chain = async {
        if wants_chain {
            Box::pin(chain::fetch(content, &root, &selection, &wanted.attestations)).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let signatures = async {
        if wanted.signatures {
            Box::pin(signatures::fetch(content, &root, &selection)).await.map(Some)
        } else {
            Ok(None)
        }
    };
    (metadata.config, metadata.attestation_chain, metadata.signatures) =
        tokio::try_join!(config, chain, signatures)?;
    Ok(metadata)
}

/// The image for a platform.
pub(crate) struct Selection {
    /// The platform's image manifest.
    pub(crate) image: Descriptor,
    /// The index that lists it; `None` when the reference names the manifest itself.
    pub(crate) index: Option<Box<Index>>,
}

/// Walks from the root to the manifest for `platform`: at each index to the best match, as containerd does.
async fn select(content: &impl Content, root: &Root, platform: &Platform) -> Result<Selection, ImageError> {
    let matcher = PlatformMatcher::new(platform);
    let mut image = root.descriptor.clone();
    let mut bytes = root.bytes.clone();
    let mut parent = None;
    for _ in 0..MAX_INDEX_DEPTH {
        let Document::Index(index) = parse(content, &image, &bytes)? else {
            return Ok(Selection { image, index: parent });
        };
        let (child, has_platform) = best_match(content.reference(), &index, &matcher, platform)?;
        if kind_of(child.media_type().as_ref()) == Some(Kind::Manifest) {
            if !has_platform {
                check_config_platform(content, &child, &matcher, platform).await?;
            }
            return Ok(Selection { image: child, index: Some(index) });
        }
        bytes = content.manifest(&child).await?;
        image = child;
        parent = Some(index);
    }
    Err(ImageError::LimitExceeded {
        reference: content.reference().to_owned(),
        what: "nesting of indexes".to_owned(),
        limit: format!("{MAX_INDEX_DEPTH} levels"),
    })
}

/// The first of the best; one without a platform counts as last choice. Also tells whether it names a platform.
fn best_match(
    reference: &str,
    index: &Index,
    matcher: &PlatformMatcher,
    platform: &Platform,
) -> Result<(Descriptor, bool), ImageError> {
    let candidates = index.index.manifests().iter().zip(&index.platforms).filter_map(|(manifest, found)| {
        kind_of(manifest.media_type().as_ref())?;
        let rank = match found {
            Some(found) => Some(matcher.rank(found)?),
            None => None,
        };
        Some(((rank.is_none(), rank), manifest))
    });
    match candidates.min_by_key(|(rank, _)| *rank) {
        Some(((without_platform, _), manifest)) => Ok((manifest.clone(), !without_platform)),
        None => Err(no_platform(reference, platform, index.platforms.iter().flatten())),
    }
}

fn no_platform<'a>(
    reference: &str,
    platform: &Platform,
    available: impl Iterator<Item = &'a ImagePlatform>,
) -> ImageError {
    ImageError::NoPlatform {
        reference: reference.to_owned(),
        platform: platform.clone(),
        available: available
            .filter(|platform| !platform.is_unknown())
            .take(MAX_PLATFORMS_SHOWN)
            .map(ToString::to_string)
            .collect(),
    }
}

/// A manifest that its index lists without a platform runs where its config says.
async fn check_config_platform(
    content: &impl Content,
    image: &Descriptor,
    matcher: &PlatformMatcher,
    platform: &Platform,
) -> Result<(), ImageError> {
    let config = image_config(content, image).await?;
    let found: ImagePlatform = serde_json::from_slice(&config).map_err(|error| ImageError::Malformed {
        reference: content.reference().to_owned(),
        what: format!("config of manifest {}", image.digest()),
        detail: error.to_string(),
    })?;
    match matcher.rank(&found) {
        Some(_) => Ok(()),
        None => Err(no_platform(content.reference(), platform, std::iter::once(&found))),
    }
}

/// The config that an image manifest names.
async fn image_config(content: &impl Content, image: &Descriptor) -> Result<Bytes, ImageError> {
    let manifest = image_manifest(content, image).await?;
    let config = manifest.config();
    let media_type = config.media_type().as_ref();
    if !matches!(
        media_type,
        "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json"
            // Of images that Docker pushed before it named them.
            | "application/octet-stream"
    ) {
        return Err(ImageError::UnsupportedMediaType {
            reference: content.reference().to_owned(),
            what: format!("config {}", config.digest()),
            media_type: media_type.to_owned(),
            expected: "the config of a container image; this is some other artifact",
        });
    }
    content.blob(config, MAX_CONFIG).await
}

/// Fetches and parses a manifest that must not be an index.
pub(crate) async fn image_manifest(
    content: &impl Content,
    descriptor: &Descriptor,
) -> Result<ImageManifest, ImageError> {
    let bytes = content.manifest(descriptor).await?;
    match parse(content, descriptor, &bytes)? {
        Document::Manifest(manifest) => Ok(*manifest),
        Document::Index(_) => Err(ImageError::UnsupportedMediaType {
            reference: content.reference().to_owned(),
            what: format!("manifest {}", descriptor.digest()),
            media_type: descriptor.media_type().to_string(),
            expected: "a manifest",
        }),
    }
}

fn parse(content: &impl Content, descriptor: &Descriptor, bytes: &[u8]) -> Result<Document, ImageError> {
    let what = format!("manifest {}", descriptor.digest());
    Document::parse(content.reference(), &what, descriptor.media_type().as_ref(), bytes)
}

/// Refuses a descriptor that can't be verified or announces more than the limit, before anything is fetched.
pub(crate) fn check_announced(
    reference: &str,
    descriptor: &Descriptor,
    limit: ByteLimit,
) -> Result<(), ImageError> {
    check_algorithm(reference, descriptor.digest())?;
    if descriptor.size() <= limit.bytes {
        return Ok(());
    }
    Err(ImageError::LimitExceeded {
        reference: reference.to_owned(),
        what: format!("{} with {} bytes, {}", descriptor.digest(), descriptor.size(), limit.what),
        limit: format!("{} bytes", limit.bytes),
    })
}

/// The bytes, if they are what the descriptor says.
pub(crate) fn verified(reference: &str, descriptor: &Descriptor, bytes: Bytes) -> Result<Bytes, ImageError> {
    verify(reference, descriptor, &bytes).map(|()| bytes)
}

/// As the engine knows descriptors.
pub(crate) fn engine_descriptor(descriptor: &Descriptor) -> policy_engine::metadata::Descriptor {
    policy_engine::metadata::Descriptor {
        media_type: descriptor.media_type().to_string(),
        digest: descriptor.digest().to_string(),
        size: descriptor.size(),
        annotations: descriptor
            .annotations()
            .iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>(),
    }
}
