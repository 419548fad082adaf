//! Images: what a registry knows about them.
//!
//! From the outside in: [`ImageResolver`] takes a name, a platform and what is wanted; `content` walks from
//! the name to config and attestations; `registry` speaks the OCI distribution protocol, `auth` and
//! `credentials` log in. [`super::oci_layout`] walks the same way through a folder.

mod artifact;
mod auth;
pub(crate) mod chain;
mod challenge;
mod client;
pub(crate) mod content;
mod credentials;
pub(crate) mod document;
mod error;
mod platform;
mod registry;
mod signatures;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use oci_spec::image::Descriptor;
use policy_engine::metadata::{ImageMetadata, ImageWanted};
use policy_engine::source::Platform;

use self::auth::Authenticator;
use self::content::Root;
use self::registry::RegistryImage;
use super::once::OnceMap;
use super::transport::Transport;
use crate::cache::Cache;

pub use self::artifact::{Artifact, Layer, MAX_LAYER_BYTES, MAX_LAYERS};
pub use self::chain::{MAX_CHAIN_BLOBS, MAX_CHAIN_BYTES, MAX_REFERRERS};
pub use self::client::{BoxFuture, ClientCredentials, ClientToken, TokenRequest};
pub use self::content::{MAX_ATTESTATION, MAX_CONFIG, MAX_INDEX_DEPTH, MAX_MANIFEST};
pub use self::credentials::CredentialOptions;
pub(crate) use self::document::OCI_INDEX;
pub use self::error::ImageError;
pub use self::platform::default_platform;
pub use self::signatures::MAX_SIGNATURES;

/// A normalized reference. With a digest, the tag is for people only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageName {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageName {
    /// `registry` is `host` or `host:port` (`docker.io` for Docker Hub), `repository` is complete
    /// (`library/alpine`), `digest` is `algorithm:hex`. Without tag and digest, `latest` is meant.
    pub fn new(
        registry: impl Into<String>,
        repository: impl Into<String>,
        tag: Option<String>,
        digest: Option<String>,
    ) -> Result<Self, ImageError> {
        let name = Self { registry: registry.into(), repository: repository.into(), tag, digest };
        match name.flaw() {
            Some(detail) => Err(ImageError::InvalidName { reference: name.to_string(), detail }),
            None => Ok(name),
        }
    }

    /// Nothing in a name may change the meaning of the URLs that are made from it.
    fn flaw(&self) -> Option<&'static str> {
        let only = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !only(&self.registry, "-._:[]") {
            return Some("the registry is no host name");
        }
        let is_part = |part: &str| only(part, "-._") && part.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !self.repository.split('/').all(is_part) {
            return Some("the repository is not made of names with slashes between");
        }
        if self.tag.as_deref().is_some_and(|tag| !only(tag, "-._") || tag.starts_with(['.', '-'])) {
            return Some("the tag has characters that no tag has");
        }
        if self.digest.as_deref().is_some_and(|digest| digest.parse::<oci_spec::image::Digest>().is_err()) {
            return Some("the digest is not an algorithm and its hexadecimal value");
        }
        None
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Registry, repository, kind of content, tag or digest.
type Key = (String, String, &'static str, String);

/// Where the attestations of Docker Hardened Images lie that are on Docker Hub: in the same repository.
const DOCKER_SCOUT: &str = "registry.scout.docker.com";

/// Asks registries. Made for one run and shared within it: whatever was fetched once, errors included, stays
/// as it was, so a tag that moves meanwhile can't be one image for one check and another for the next.
pub struct ImageResolver {
    transport: Transport,
    authenticator: Authenticator,
    cache: Option<Arc<Cache>>,
    /// The registry, and its host for the attestations of Docker Hardened Images.
    attestation_host: (String, String),
    roots: OnceMap<Key, Result<Arc<Root>, ImageError>>,
    blobs: OnceMap<Key, Result<Bytes, ImageError>>,
    referrers: OnceMap<Key, Result<Arc<Vec<Descriptor>>, ImageError>>,
}

impl ImageResolver {
    /// Reads no credentials before a registry asks for them.
    pub fn new(transport: Transport, credentials: CredentialOptions) -> Self {
        Self {
            transport,
            authenticator: Authenticator::new(credentials),
            cache: None,
            attestation_host: ("docker.io".to_owned(), DOCKER_SCOUT.to_owned()),
            roots: OnceMap::default(),
            blobs: OnceMap::default(),
            referrers: OnceMap::default(),
        }
    }

    /// Takes from `cache` what is below an image's manifest or index; that itself is always asked for.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<Arc<Cache>>) -> Self {
        self.cache = cache;
        self
    }

    /// Takes the attestations of Docker Hardened Images in `registry` from `host`.
    #[cfg(test)]
    fn with_attestation_host(mut self, registry: &str, host: &str) -> Self {
        self.attestation_host = (registry.to_owned(), host.to_owned());
        self
    }

    /// Finds out what is wanted about an image for a platform ([`default_platform`] if `None`); fetches
    /// nothing else.
    pub async fn resolve(
        &self,
        name: &ImageName,
        platform: Option<&Platform>,
        wanted: &ImageWanted,
    ) -> Result<ImageMetadata, ImageError> {
        let default = default_platform();
        let image = RegistryImage::new(self, name);
        // Callers hold many of these at a time, and move them.
        Box::pin(content::metadata(&image, platform.unwrap_or(&default), wanted)).await
    }

    /// The media type of the manifest or index behind a name, as the registry calls it. Nothing verifies it:
    /// to be used to choose who reads the document, not to believe anything about it.
    pub async fn media_type(&self, name: &ImageName) -> Result<String, ImageError> {
        Box::pin(RegistryImage::new(self, name).media_type()).await
    }
}

impl fmt::Debug for ImageResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageResolver").field("transport", &self.transport).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
