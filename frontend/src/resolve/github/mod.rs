//! What GitHub attests about a file: Sigstore bundles with SLSA provenance, from the REST API ("Artifact
//! attestations", `GET /repos/{owner}/{repo}/attestations/{subject_digest}`). Nothing in them is verified here.

mod error;
mod page;

use std::fmt;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LINK};
use reqwest::{Response, StatusCode};
use url::Url;

pub use self::error::GithubError;
pub use self::page::{Attestation, attestations, decompress};
use super::link::next_page;
use super::once::OnceMap;
use super::transport::{ByteLimit, Transport, TransportError, read_body, redacted, retry_after};

/// A page of a list, with the bundles in it.
const MAX_PAGE: ByteLimit = ByteLimit { what: "a page of attestations", bytes: 64 << 20 };
/// A bundle, decompressed or as it came.
pub const MAX_BUNDLE: ByteLimit = ByteLimit { what: "an attestation bundle", bytes: 8 << 20 };
/// Pages of one list.
pub const MAX_PAGES: usize = 16;
/// Attestations of one file by one repository.
pub const MAX_ATTESTATIONS: usize = 256;
/// Bundles of one list that are fetched at a time.
const CONCURRENT: usize = 8;
const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");

/// How GitHub is reached.
#[derive(Clone)]
pub struct GithubOptions {
    /// The API's root: `https://api.github.com`.
    pub api: String,
    /// Sent to the API and nowhere else.
    pub token: Option<String>,
}

impl Default for GithubOptions {
    fn default() -> Self {
        Self { api: "https://api.github.com".to_owned(), token: None }
    }
}

impl GithubOptions {
    /// As GitHub's own tools take them: `GH_TOKEN`, else `GITHUB_TOKEN`, and `GITHUB_API_URL`.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            api: variable("GITHUB_API_URL").unwrap_or_else(|| Self::default().api),
            token: variable("GH_TOKEN").or_else(|| variable("GITHUB_TOKEN")),
        }
    }
}

impl fmt::Debug for GithubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, token } = self;
        f.debug_struct("GithubOptions").field("api", api).field("token", &token.is_some()).finish()
    }
}

/// Asks GitHub; the same is asked once in a run.
pub struct GithubResolver {
    transport: Transport,
    options: GithubOptions,
    found: OnceMap<(String, String), Result<Vec<Bytes>, GithubError>>,
}

impl fmt::Debug for GithubResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubResolver").field("options", &self.options).finish_non_exhaustive()
    }
}

impl GithubResolver {
    /// Opens no connection.
    pub fn new(transport: Transport, options: GithubOptions) -> Self {
        Self { transport, options, found: OnceMap::default() }
    }

    /// The bundles with provenance that `repository` (`owner/repo`) has of the content with `digest`
    /// (`sha256:hex`), in GitHub's order; none where GitHub knows neither repository nor digest.
    pub async fn attestations(&self, repository: &str, digest: &str) -> Result<Vec<Bytes>, GithubError> {
        let key = (repository.to_owned(), digest.to_owned());
        self.found.get(key, async { self.ask(repository, digest).await }).await
    }

    async fn ask(&self, repository: &str, digest: &str) -> Result<Vec<Bytes>, GithubError> {
        let first = self.list_url(repository, digest)?;
        let mut next = Some(first.clone());
        let mut listed = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(url) = next else { return self.bundles(&first, listed).await };
            let Some((page, following)) = self.page(&url).await? else {
                return self.bundles(&first, listed).await;
            };
            let shown = redacted(&url);
            listed
                .extend(attestations(&page).map_err(|detail| GithubError::Malformed { url: shown, detail })?);
            if listed.len() > MAX_ATTESTATIONS {
                return Err(exceeded(&first, "attestations", format!("{MAX_ATTESTATIONS}")));
            }
            next = following;
        }
        match next {
            None => self.bundles(&first, listed).await,
            Some(_) => Err(exceeded(&first, "its list of attestations", format!("{MAX_PAGES} pages"))),
        }
    }

    fn list_url(&self, repository: &str, digest: &str) -> Result<Url, GithubError> {
        let (owner, name) = repository
            .split_once('/')
            .filter(|(owner, name)| is_owner(owner) && is_name(name))
            .ok_or_else(|| GithubError::Repository { repository: repository.to_owned() })?;
        let is_sha256 = digest
            .strip_prefix("sha256:")
            .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
        if !is_sha256 {
            return Err(GithubError::Digest { digest: digest.to_owned() });
        }
        let api = || GithubError::Api { url: super::redact::Redacted(&self.options.api).to_string() };
        let mut url = Url::parse(&self.options.api).map_err(|_| api())?;
        let is_plain = url.scheme() == "http" && self.transport.may_be_plain_http(&url);
        if !(url.scheme() == "https" || is_plain) {
            return Err(api());
        }
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut().map_err(|()| api())?.pop_if_empty().extend([
            "repos",
            owner,
            name,
            "attestations",
            digest,
        ]);
        url.query_pairs_mut()
            .append_pair("per_page", "100")
            .append_pair("predicate_type", "https://slsa.dev/provenance/v1");
        Ok(url)
    }

    /// One page and the next one's URL; `None` where there is nothing.
    async fn page(&self, url: &Url) -> Result<Option<(Bytes, Option<Url>)>, GithubError> {
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
            (API_VERSION, HeaderValue::from_static("2022-11-28")),
        ]);
        if let Some(token) = &self.options.token {
            let mut header =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| GithubError::Token)?;
            header.set_sensitive(true);
            headers.insert(AUTHORIZATION, header);
        }
        self.transport
            .retrying(async || {
                let response = self.follow(url, &headers).await?;
                if response.status() == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                let response = self.accept(response)?;
                let link = response.headers().get(LINK).and_then(|link| link.to_str().ok());
                let next = link.and_then(|link| next_page(response.url(), link));
                Ok(Some((read_body(&self.transport, response, MAX_PAGE).await?, next)))
            })
            .await
    }

    /// Follows redirects, as of a repository that was renamed. The token goes to the API itself and nowhere else.
    async fn follow(&self, start: &Url, headers: &HeaderMap) -> Result<Response, GithubError> {
        let mut url = start.clone();
        let mut headers = headers.clone();
        let limit = self.transport.options().max_redirects;
        for _ in 0..=limit {
            if !self.is_api(&url) {
                headers.remove(AUTHORIZATION);
            }
            let response = self.transport.get(&url, headers.clone()).await?;
            match self.transport.redirect_target(&url, &response)? {
                Some(target) => url = target,
                None => return Ok(response),
            }
        }
        Err(TransportError::TooManyRedirects { url: redacted(start), limit }.into())
    }

    /// Whether it is of the API's own server. A list that was redirected elsewhere goes on there, without the token.
    fn is_api(&self, url: &Url) -> bool {
        Url::parse(&self.options.api).is_ok_and(|api| api.origin() == url.origin())
    }

    fn accept(&self, response: Response) -> Result<Response, GithubError> {
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let url = redacted(response.url());
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = retry_after(&response);
        let limited = retry_after.is_some() || header("x-ratelimit-remaining") == Some("0");
        if matches!(status.as_u16(), 403 | 429) && limited || status == StatusCode::TOO_MANY_REQUESTS {
            let reset = header("x-ratelimit-reset").and_then(|reset| reset.parse().ok());
            return Err(GithubError::RateLimited {
                url,
                retry_after,
                reset,
                has_token: self.options.token.is_some(),
            });
        }
        Err(GithubError::Status { url, status: status.as_u16(), retry_after, advice: advice(status) })
    }

    /// The bundles, in the order of the list: those that it holds, and those that it says where to find.
    async fn bundles(&self, list: &Url, listed: Vec<Attestation>) -> Result<Vec<Bytes>, GithubError> {
        // As objects: the compiler can't see of futures that borrow that they may move between threads.
        let bundles: Vec<BoxFuture<'_, Result<Bytes, GithubError>>> = listed
            .into_iter()
            .map(|attestation| match attestation {
                Attestation::Inline(bundle) => {
                    Box::pin(std::future::ready(check_size(list, bundle))) as BoxFuture<'_, _>
                }
                Attestation::At(url) => Box::pin(self.bundle(list, url)) as BoxFuture<'_, _>,
            })
            .collect();
        stream::iter(bundles).buffered(CONCURRENT).try_collect().await
    }

    /// A bundle that lies elsewhere, mostly compressed. Its URL is signed: nobody needs a token there.
    async fn bundle(&self, list: &Url, at: String) -> Result<Bytes, GithubError> {
        let malformed =
            |detail: &str| GithubError::Malformed { url: redacted(list), detail: detail.to_owned() };
        let url = Url::parse(&at).map_err(|_| malformed("a `bundle_url` is no URL"))?;
        let is_plain =
            url.scheme() == "http" && list.scheme() == "http" && self.transport.may_be_plain_http(&url);
        if !(url.scheme() == "https" || is_plain) {
            return Err(malformed("a `bundle_url` is not of HTTPS"));
        }
        let (body, is_snappy) = self
            .transport
            .retrying(async || {
                let response = self.follow(&url, &HeaderMap::new()).await?;
                let response = self.accept(response)?;
                let media_type = response.headers().get("content-type").and_then(|it| it.to_str().ok());
                let is_snappy = media_type.is_some_and(|it| {
                    it.split(';').next().is_some_and(|it| it.trim() == "application/x-snappy")
                });
                Ok::<_, GithubError>((read_body(&self.transport, response, MAX_BUNDLE).await?, is_snappy))
            })
            .await?;
        let is_named_snappy = url.path().rsplit_once('.').is_some_and(|(_, extension)| extension == "sn");
        if !is_snappy && !is_named_snappy {
            return Ok(body);
        }
        decompress(&body).map_err(|detail| GithubError::Malformed { url: redacted(&url), detail })
    }
}

fn check_size(list: &Url, bundle: Bytes) -> Result<Bytes, GithubError> {
    if bundle.len() as u64 <= MAX_BUNDLE.bytes {
        return Ok(bundle);
    }
    Err(exceeded(list, MAX_BUNDLE.what, format!("{} bytes", MAX_BUNDLE.bytes)))
}

fn exceeded(list: &Url, what: &str, limit: String) -> GithubError {
    GithubError::LimitExceeded { url: redacted(list), what: what.to_owned(), limit }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "the token in GH_TOKEN or GITHUB_TOKEN is not valid (any more)",
        403 => "give a token in GITHUB_TOKEN that may read the repository's attestations",
        500..=599 => "try again later",
        _ => "check GITHUB_API_URL",
    }
}

/// A user or an organization; managed users have an underscore in their names.
fn is_owner(owner: &str) -> bool {
    (1..=100).contains(&owner.len()) && owner.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests;
