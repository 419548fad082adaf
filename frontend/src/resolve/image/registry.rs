//! The pulling half of the OCI distribution specification 1.1, for one image.

mod push;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use oci_spec::image::{Descriptor, Digest, MediaType};
use policy_engine::provenance::PREDICATE_TYPES;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK};
use reqwest::{Response, StatusCode};
use url::Url;

use super::auth::Access;
use super::chain::MAX_REFERRERS;
use super::content::{Content, MAX_MANIFEST, ReferrersWanted, Root, check_announced, verified};
use super::credentials::is_docker_hub;
use super::document::{Document, OCI_INDEX, check_algorithm, kind_of, sha256, verify_digest};
use super::error::ImageError;
use super::{ImageName, ImageResolver};
use crate::cache::Cache;
use crate::resolve::link::next_page;
use crate::resolve::transport::{ByteLimit, TransportError, read_body, redacted, retry_after};

const ACCEPT_MANIFEST: HeaderValue = HeaderValue::from_static(
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.docker.distribution.manifest.v2+json",
);
const ACCEPT_INDEX: HeaderValue = HeaderValue::from_static(OCI_INDEX);
const ACCEPT_ANY: HeaderValue = HeaderValue::from_static("*/*");
const MAX_REFERRER_PAGES: usize = 16;

/// What of a document is wanted.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Get,
    /// Nothing but its headers.
    Head,
}

/// A body with the media type it came with.
struct Answer {
    /// Without parameters; empty when there was none.
    media_type: String,
    bytes: Bytes,
    /// Next page of a list.
    next: Option<Url>,
}

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

    async fn fetch_referrers(
        &self,
        digest: &Digest,
        wanted: ReferrersWanted,
    ) -> Result<Vec<Descriptor>, ImageError> {
        let what = format!("referrers of {digest}");
        let mut url = self.url("referrers", digest.as_ref())?;
        if wanted == ReferrersWanted::Provenance {
            let mut query = url.query_pairs_mut();
            query.append_pair("artifactType", "application/vnd.in-toto+json");
            // Docker's own; others pass it over.
            for predicate_type in PREDICATE_TYPES {
                query.append_pair("predicateType", predicate_type);
            }
        }
        match self.get(&url, &ACCEPT_INDEX, MAX_MANIFEST, &what).await {
            Ok(first) => self.referrer_pages(digest, first).await,
            Err(ImageError::NotFound { .. }) => self.referrers_by_tag(digest).await,
            Err(error) => Err(error),
        }
    }

    /// Follows the `Link` headers of a list that comes in pieces.
    async fn referrer_pages(&self, digest: &Digest, first: Answer) -> Result<Vec<Descriptor>, ImageError> {
        let what = format!("referrers of {digest}");
        let mut referrers = self.referrer_list(&what, &first)?;
        let mut next = first.next;
        for _ in 0..MAX_REFERRER_PAGES {
            let Some(url) = next else { return Ok(referrers) };
            let page = self.get(&url, &ACCEPT_INDEX, MAX_MANIFEST, &what).await?;
            referrers.extend(self.referrer_list(&what, &page)?);
            if referrers.len() > MAX_REFERRERS {
                return Err(self.limit(format!("number of {what}"), MAX_REFERRERS.to_string()));
            }
            next = page.next;
        }
        Err(self.limit(what, format!("{MAX_REFERRER_PAGES} pages")))
    }

    /// Where a registry has no referrers API: an index under the tag `sha256-…`; none means no referrers.
    async fn referrers_by_tag(&self, digest: &Digest) -> Result<Vec<Descriptor>, ImageError> {
        let what = format!("referrers of {digest}");
        let tag = digest.as_ref().replacen(':', "-", 1);
        match self.get(&self.url("manifests", &tag)?, &ACCEPT_INDEX, MAX_MANIFEST, &what).await {
            Ok(answer) => self.referrer_list(&what, &answer),
            Err(ImageError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn referrer_list(&self, what: &str, answer: &Answer) -> Result<Vec<Descriptor>, ImageError> {
        let media_type = if is_generic(&answer.media_type) { OCI_INDEX } else { &answer.media_type };
        match Document::parse(&self.reference, what, media_type, &answer.bytes)? {
            Document::Index(index) => Ok(index.index.manifests().clone()),
            Document::Manifest(_) => Err(ImageError::UnsupportedMediaType {
                reference: self.reference.clone(),
                what: what.to_owned(),
                media_type: answer.media_type.clone(),
                expected: "an OCI index",
            }),
        }
    }

    /// GET with login, redirects and retries; `what` is for messages.
    async fn get(
        &self,
        url: &Url,
        accept: &HeaderValue,
        limit: ByteLimit,
        what: &str,
    ) -> Result<Answer, ImageError> {
        let transport = &self.resolver.transport;
        transport
            .retrying(|| async {
                // On the heap: its state is big, and part of the state of everything that waits for it.
                let response = Box::pin(self.send(Verb::Get, url, accept, what)).await?;
                let media_type = media_type(&response);
                let next = next_page(url, text(&response, &LINK));
                let bytes = read_body(transport, response, limit)
                    .await
                    .map_err(|source| self.transport_error(source))?;
                Ok(Answer { media_type, bytes, next })
            })
            .await
    }

    /// Sends the request, logs in when asked to, follows redirects; returns only a 200.
    async fn send(
        &self,
        verb: Verb,
        url: &Url,
        accept: &HeaderValue,
        what: &str,
    ) -> Result<Response, ImageError> {
        let authenticator = &self.resolver.authenticator;
        let used = authenticator.current(&self.name).await;
        let response = self.follow(verb, url, accept, used.as_ref().map(|used| &used.header)).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !same_origin(response.url(), url) {
            return self.accept_status(response, what);
        }
        let transport = &self.resolver.transport;
        let granted = authenticator
            .log_in(transport, &self.name, url, response.headers(), used.as_ref(), Access::Pull)
            .await?;
        let response = self.follow(verb, url, accept, Some(&granted.header)).await?;
        self.accept_status(response, what)
    }

    /// Follows redirects. The authorization goes to the registry itself and nowhere else.
    async fn follow(
        &self,
        verb: Verb,
        start: &Url,
        accept: &HeaderValue,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, ImageError> {
        let transport = &self.resolver.transport;
        let mut url = start.clone();
        let mut trusted = true;
        for _ in 0..=transport.options().max_redirects {
            let mut headers = HeaderMap::from_iter([(ACCEPT, accept.clone())]);
            // Once away, a redirect back does not bring the credentials back.
            trusted = trusted && same_origin(&url, start);
            if let Some(authorization) = authorization
                && trusted
            {
                headers.insert(AUTHORIZATION, authorization.clone());
            }
            let response = match verb {
                Verb::Get => transport.get(&url, headers).await,
                Verb::Head => transport.head(&url, headers).await,
            };
            let response = response.map_err(|source| self.transport_error(source))?;
            match transport.redirect_target(&url, &response) {
                Ok(Some(target)) => url = target,
                Ok(None) => return Ok(response),
                Err(source) => return Err(self.transport_error(source)),
            }
        }
        let limit = transport.options().max_redirects;
        Err(self.transport_error(TransportError::TooManyRedirects { url: redacted(start), limit }))
    }

    fn accept_status(&self, response: Response, what: &str) -> Result<Response, ImageError> {
        let reference = self.reference.clone();
        let registry = self.name.registry.clone();
        let url = redacted(response.url());
        let status = response.status();
        match status {
            StatusCode::OK => Ok(response),
            StatusCode::NOT_FOUND => Err(ImageError::NotFound { reference, what: what.to_owned() }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let detail = format!("{url} answered {}", status.as_u16());
                Err(ImageError::Unauthorized { reference, registry, detail })
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Err(ImageError::RateLimited { reference, registry, retry_after: retry_after(&response) })
            }
            status if status.is_server_error() => Err(ImageError::Server {
                reference,
                url,
                status: status.as_u16(),
                retry_after: retry_after(&response),
            }),
            status => Err(ImageError::UnexpectedStatus { reference, url, status: status.as_u16() }),
        }
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

    fn transport_error(&self, source: TransportError) -> ImageError {
        ImageError::Transport { reference: self.reference.clone(), source }
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

fn text<'r>(response: &'r Response, header: &HeaderName) -> &'r str {
    response.headers().get(header).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// `Content-Type` without parameters.
fn media_type(response: &Response) -> String {
    let media_type = text(response, &CONTENT_TYPE).split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// Scheme, host and port.
fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// What servers send that don't know better.
fn is_generic(media_type: &str) -> bool {
    matches!(media_type, "" | "application/json" | "application/octet-stream" | "text/plain")
}
