//! One image in its registry, read by the OCI distribution specification 1.1 ("Pulling manifests", "Pulling blobs").

mod push;
mod referrers;
mod request;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, MediaType};
use reqwest::header::HeaderValue;
use url::Url;

use self::request::{Verb, is_generic, media_type};
use super::content::{Content, MAX_MANIFEST, ReferrersWanted, Root, check_announced, verified};
use super::credentials::is_docker_hub;
use super::document::{Document, check_algorithm, kind_of, sha256, verify_digest};
use super::error::ImageError;
use super::{ImageName, ImageResolver};
use crate::cache::Cache;
use crate::resolve::transport::ByteLimit;

const ACCEPT_MANIFEST: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json",
);
const ACCEPT_ANY: HeaderValue = HeaderValue::from_static("*/*");

/// One image in its registry.
pub(super) struct RegistryImage<'a> {
    resolver: &'a ImageResolver,
    name: Cow<'a, ImageName>,
    /// Whether the image itself is here, and not only what refers to it.
    has_root: bool,
    reference: String,
}

impl<'a> RegistryImage<'a> {
    pub(super) fn new(resolver: &'a ImageResolver, name: &'a ImageName) -> Self {
        Self { resolver, name: Cow::Borrowed(name), has_root: true, reference: name.to_string() }
    }

    fn key(&self, kind: &'static str, id: &str) -> (String, String, &'static str, String) {
        (self.name.registry.clone(), self.name.repository.clone(), kind, id.to_owned())
    }

    async fn fetch_root(&self) -> Result<Arc<Root>, ImageError> {
        let digest = self.name.digest.as_deref().map(|digest| self.parse_digest(digest)).transpose()?;
        if let Some(digest) = &digest {
            check_algorithm(&self.reference, digest)?;
        }
        self.fetch_named(self.id(), digest, "image").await
    }

    /// What a tag or a digest names.
    async fn fetch_named(
        &self,
        id: &str,
        digest: Option<Digest>,
        what: &str,
    ) -> Result<Arc<Root>, ImageError> {
        let answer = self.get(&self.url("manifests", id)?, &ACCEPT_MANIFEST, MAX_MANIFEST, what).await?;
        // The Docker-Content-Digest header only says what the server believes.
        let digest = match digest {
            Some(digest) => {
                verify_digest(&self.reference, &digest, &answer.bytes)?;
                digest
            }
            None => self.parse_digest(&sha256(&answer.bytes))?,
        };
        let media_type = if is_generic(&answer.media_type) {
            Document::media_type_of(&answer.bytes).unwrap_or(answer.media_type)
        } else {
            answer.media_type
        };
        // Refuses what is no manifest at all, even if nothing but the digest is wanted.
        Document::parse(&self.reference, &format!("manifest {digest}"), &media_type, &answer.bytes)?;
        let size = answer.bytes.len() as u64;
        let descriptor = Descriptor::new(MediaType::from(media_type.as_str()), size, digest);
        Ok(Arc::new(Root { descriptor, bytes: answer.bytes }))
    }

    /// The media type of what the name names, by a HEAD: that is cheap, and registries that count pulls don't
    /// count it. Where the answer tells nothing, the document itself is fetched.
    pub(super) async fn media_type(&self) -> Result<String, ImageError> {
        let url = self.url("manifests", self.id())?;
        let accept = ACCEPT_MANIFEST;
        let transport = &self.resolver.transport;
        match transport.retrying(|| Box::pin(self.send(Verb::Head, &url, &accept, "image"))).await {
            Ok(response) if !is_generic(&media_type(&response)) => Ok(media_type(&response)),
            // Some servers have no HEAD.
            Ok(_) | Err(ImageError::UnexpectedStatus { .. }) => {
                Ok(self.root().await?.descriptor.media_type().to_string())
            }
            Err(error) => Err(error),
        }
    }

    /// Digest or tag, as the registry is asked for it.
    fn id(&self) -> &str {
        self.name.digest.as_ref().or(self.name.tag.as_ref()).map_or("latest", String::as_str)
    }

    fn url(&self, kind: &str, id: &str) -> Result<Url, ImageError> {
        let host =
            if is_docker_hub(&self.name.registry) { "registry-1.docker.io" } else { &self.name.registry };
        let scheme = self.resolver.transport.scheme_for(host);
        Url::parse(&format!("{scheme}://{host}/v2/{}/{kind}/{id}", self.name.repository)).map_err(|_| {
            ImageError::InvalidName {
                reference: self.reference.clone(),
                detail: "the registry is no host name",
            }
        })
    }

    fn parse_digest(&self, digest: &str) -> Result<Digest, ImageError> {
        digest.parse().map_err(|_| ImageError::InvalidName {
            reference: self.reference.clone(),
            detail: "the digest is not an algorithm and its hexadecimal value",
        })
    }

    fn limit(&self, what: String, limit: String) -> ImageError {
        ImageError::LimitExceeded { reference: self.reference.clone(), what, limit }
    }

    async fn fetch(
        &self,
        kind: &str,
        descriptor: &Descriptor,
        limit: ByteLimit,
    ) -> Result<Bytes, ImageError> {
        let digest = descriptor.digest();
        let accept = if kind == "manifests" { &ACCEPT_MANIFEST } else { &ACCEPT_ANY };
        let what = format!("{} {digest}", kind.trim_end_matches('s'));
        let answer = self.get(&self.url(kind, digest.as_ref())?, accept, limit, &what).await?;
        if kind == "manifests"
            && kind_of(&answer.media_type).is_some()
            && answer.media_type != descriptor.media_type().as_ref()
        {
            return Err(ImageError::Malformed {
                reference: self.reference.clone(),
                what,
                detail: format!(
                    "the registry calls it {:?}, its index {:?}",
                    answer.media_type,
                    descriptor.media_type().as_ref()
                ),
            });
        }
        verified(&self.reference, descriptor, answer.bytes)
    }

    /// Each once in a run; the bytes are checked against this descriptor again.
    async fn once(
        &self,
        kind: &'static str,
        descriptor: &Descriptor,
        limit: ByteLimit,
    ) -> Result<Bytes, ImageError> {
        check_announced(&self.reference, descriptor, limit)?;
        let key = self.key(kind, descriptor.digest().as_ref());
        let bytes = self.resolver.blobs.get(key, async { self.kept(kind, descriptor, limit).await }).await?;
        verified(&self.reference, descriptor, bytes)
    }

    /// From the cache of earlier runs or the registry. Only what hangs on a root, a tag or a list of referrers gets
    /// here, and the registry was asked for that in this run: it has the image, and lets us read it.
    async fn kept(
        &self,
        kind: &'static str,
        descriptor: &Descriptor,
        limit: ByteLimit,
    ) -> Result<Bytes, ImageError> {
        let Some(cache) = &self.resolver.cache else { return self.fetch(kind, descriptor, limit).await };
        let digest = descriptor.digest().to_string();
        if let Some(bytes) = off_thread(cache, &digest, Cache::get).await.flatten() {
            return Ok(bytes);
        }
        let bytes = self.fetch(kind, descriptor, limit).await?;
        let kept = bytes.clone();
        off_thread(cache, &digest, move |cache, digest| cache.put(digest, &kept)).await;
        Ok(bytes)
    }
}

impl Content for RegistryImage<'_> {
    fn reference(&self) -> &str {
        &self.reference
    }

    async fn root(&self) -> Result<Arc<Root>, ImageError> {
        let roots = &self.resolver.roots;
        let root = roots.get(self.key("root", self.id()), async { self.fetch_root().await }).await?;
        // Who asks for it by its digest next, as a build does that loads it, asks nobody.
        let by_digest = self.key("root", root.descriptor.digest().as_ref());
        roots.get(by_digest, async { Ok(root.clone()) }).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Bytes, ImageError> {
        if self.has_root {
            let root = self.root().await?;
            if root.descriptor.digest() == descriptor.digest() {
                return verified(&self.reference, descriptor, root.bytes.clone());
            }
        }
        self.once("manifests", descriptor, MAX_MANIFEST).await
    }

    async fn blob(&self, descriptor: &Descriptor, limit: ByteLimit) -> Result<Bytes, ImageError> {
        self.once("blobs", descriptor, limit).await
    }

    async fn referrers(
        &self,
        digest: &Digest,
        wanted: ReferrersWanted,
    ) -> Result<Arc<Vec<Descriptor>>, ImageError> {
        let kind = match wanted {
            ReferrersWanted::All => "referrers",
            ReferrersWanted::Provenance => "provenance",
        };
        let fetch = async { self.fetch_referrers(digest, wanted).await.map(Arc::new) };
        self.resolver.referrers.get(self.key(kind, digest.as_ref()), fetch).await
    }

    async fn tagged(&self, tag: &str) -> Result<Option<Arc<Root>>, ImageError> {
        let what = format!("tag {tag}");
        let fetch = async { self.fetch_named(tag, None, &what).await };
        match self.resolver.roots.get(self.key("root", tag), fetch).await {
            Ok(root) => {
                // It came with the tag already: by its digest it is not fetched again.
                let by_digest = self.key("manifests", root.descriptor.digest().as_ref());
                self.resolver.blobs.get(by_digest, async { Ok(root.bytes.clone()) }).await?;
                Ok(Some(root))
            }
            Err(ImageError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn attestation_home(&self) -> Self {
        let (registry, host) = &self.resolver.attestation_host;
        let same = |own: &str| own == registry || is_docker_hub(own) && is_docker_hub(registry);
        let mut name = self.name.clone();
        let mut has_root = self.has_root;
        if same(&name.registry) {
            name.to_mut().registry.clone_from(host);
            has_root = false;
        }
        let reference = name.to_string();
        Self { resolver: self.resolver, name, has_root, reference }
    }
}

/// Files are read and written where that keeps nobody waiting; `None` if that failed, as if nothing was kept.
async fn off_thread<T: Send + 'static>(
    cache: &Arc<Cache>,
    digest: &str,
    work: impl FnOnce(&Cache, &str) -> T + Send + 'static,
) -> Option<T> {
    let (cache, digest) = (Arc::clone(cache), digest.to_owned());
    tokio::task::spawn_blocking(move || work(&cache, &digest)).await.ok()
}
