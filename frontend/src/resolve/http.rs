//! What a URL delivers at this moment: digests of the body, which is never held.

mod digest;
mod error;
mod redirect;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use policy_engine::metadata::{HttpMetadata, HttpWanted};
use reqwest::Response;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, USER_AGENT,
};
use url::Url;

use self::digest::{BodyDigest, TooLong};
pub use self::error::HttpError;
pub use self::redirect::{RedirectCheck, RedirectRefused};
use super::redact::Redacted;
use super::transport::{ByteLimit, Transport, TransportError, read_body, redacted, retry_after};

/// The longest suffix that BuildKit hashes behind a body, in bytes.
const MAX_SUFFIX_BYTES: usize = 4 << 10;

/// An HTTP source, taken apart.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HttpSource {
    /// `https://…` or `http://…`. Credentials in it are used, and never printed.
    pub url: String,
    /// Expected digest, `alg:hex` (`http.checksum`).
    pub checksum: Option<String>,
    /// `Accept` header (`http.header.accept`).
    pub accept: Option<String>,
    /// `User-Agent` header in place of ours (`http.header.user-agent`).
    pub user_agent: Option<String>,
    /// `Authorization` header; sent to the URL's own host only.
    pub authorization: Option<HeaderValue>,
}

impl std::fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSource")
            .field("url", &Redacted(&self.url).to_string())
            .field("checksum", &self.checksum)
            .finish_non_exhaustive()
    }
}

/// What is accepted of servers, beside what [`Transport`] knows.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The longest body, in bytes, after decompression.
    pub max_body: u64,
    /// Asked about each redirect.
    pub redirects: RedirectCheck,
}

impl HttpOptions {
    /// Default of [`HttpOptions::max_body`]: 10 GiB.
    pub const MAX_BODY: u64 = 10 << 30;
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { max_body: Self::MAX_BODY, redirects: RedirectCheck::default() }
    }
}

/// Resolves URLs.
#[derive(Debug, Clone)]
pub struct HttpResolver {
    transport: Transport,
    options: HttpOptions,
}

impl HttpResolver {
    /// A resolver that reaches servers by `transport`.
    pub fn new(transport: Transport, options: HttpOptions) -> Self {
        Self { transport, options }
    }

    /// Downloads what `source` is now, and returns its digests.
    ///
    /// An expected digest is believed without a download, as BuildKit does, unless a digest with a suffix is
    /// wanted: then the body has to be the expected one.
    pub async fn resolve(&self, source: &HttpSource, wanted: &HttpWanted) -> Result<HttpMetadata, HttpError> {
        let url = parse_url(&source.url)?;
        let requests = wanted.checksums.as_slice();
        if let Some(request) = requests.iter().find(|request| request.suffix.len() > MAX_SUFFIX_BYTES) {
            let (length, limit) = (request.suffix.len(), MAX_SUFFIX_BYTES);
            return Err(HttpError::SuffixTooLong { url: redacted(&url), length, limit });
        }
        if let (Some(expected), []) = (&source.checksum, requests) {
            return Ok(HttpMetadata {
                checksum: expected.clone(),
                checksum_responses: Vec::new(),
                ..HttpMetadata::default()
            });
        }
        let headers = headers(source, &url)?;
        let metadata = self
            .transport
            .retrying(async || {
                let response = self.get(&url, &headers).await?;
                let digest = BodyDigest::new(requests, self.options.max_body);
                Ok::<_, HttpError>(self.read(response, digest).await?.finish(requests))
            })
            .await?;
        match &source.checksum {
            Some(expected) if *expected != metadata.checksum => Err(HttpError::ChecksumMismatch {
                url: redacted(&url),
                expected: expected.clone(),
                got: metadata.checksum,
            }),
            _ => Ok(metadata),
        }
    }

    /// Downloads what `source` is now, whole.
    pub async fn download(&self, source: &HttpSource, limit: ByteLimit) -> Result<Bytes, HttpError> {
        let url = parse_url(&source.url)?;
        let mut headers = headers(source, &url)?;
        // The body itself is wanted, not what somebody made of it on the way.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let body = async || {
            let response = self.get(&url, &headers).await?;
            Ok::<_, HttpError>(read_body(&self.transport, response, limit).await?)
        };
        self.transport.retrying(body).await
    }

    /// The answer of the URL, or of the one that it redirects to.
    async fn get(&self, first: &Url, headers: &HeaderMap) -> Result<Response, HttpError> {
        let mut url = first.clone();
        let mut headers = headers.clone();
        let limit = self.transport.options().max_redirects;
        for _ in 0..=limit {
            let response = self.transport.get(&url, headers.clone()).await?;
            let Some(target) = self.transport.redirect_target(&url, &response)? else {
                return check_status(&url, response);
            };
            self.options
                .redirects
                .ask(&target)
                .map_err(|refused| HttpError::RedirectRefused { url: redacted(&url), refused })?;
            // From here on: a host that it was never meant for could send it back home, too.
            if target.origin() != first.origin() {
                headers.remove(AUTHORIZATION);
            }
            url = target;
        }
        Err(TransportError::TooManyRedirects { url: redacted(first), limit }.into())
    }

    /// Reads the body to its end.
    async fn read(&self, mut response: Response, digest: BodyDigest) -> Result<BodyDigest, HttpError> {
        let url = response.url().clone();
        let mut sink = Sink::new(&response, digest);
        while let Some(piece) = response.chunk().await.map_err(|error| self.transport.error(&url, error))? {
            sink.write(&piece).map_err(|error| self.body_error(&url, &error))?;
        }
        sink.finish().map_err(|error| self.body_error(&url, &error))
    }

    fn body_error(&self, url: &Url, error: &std::io::Error) -> HttpError {
        if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TooLong>) {
            let bytes = self.options.max_body;
            return TransportError::LimitExceeded { url: redacted(url), what: "a file", bytes }.into();
        }
        HttpError::Encoding { url: redacted(url), detail: error.to_string() }
    }
}

/// Where the pieces of a body go. BuildKit's HTTP client offers gzip and undoes it unseen, so its digests are
/// those of the decompressed body; any other encoding stays as it is.
enum Sink {
    Plain(Box<BodyDigest>),
    Gzip(Box<MultiGzDecoder<BodyDigest>>),
}

impl Sink {
    fn new(response: &Response, digest: BodyDigest) -> Self {
        let encoding = response.headers().get(CONTENT_ENCODING).and_then(|encoding| encoding.to_str().ok());
        match encoding {
            // Nothing at all is a body, too, though no gzip stream.
            Some(gzip) if gzip.eq_ignore_ascii_case("gzip") && response.content_length() != Some(0) => {
                Self::Gzip(Box::new(MultiGzDecoder::new(digest)))
            }
            _ => Self::Plain(Box::new(digest)),
        }
    }

    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(digest) => digest.update(piece).map_err(std::io::Error::other),
            Self::Gzip(decoder) => std::io::Write::write_all(decoder, piece),
        }
    }

    fn finish(self) -> std::io::Result<BodyDigest> {
        match self {
            Self::Plain(digest) => Ok(*digest),
            Self::Gzip(decoder) => decoder.finish(),
        }
    }
}

fn parse_url(text: &str) -> Result<Url, HttpError> {
    match Url::parse(text) {
        Ok(mut url) if matches!(url.scheme(), "http" | "https") => {
            url.set_fragment(None);
            Ok(url)
        }
        _ => Err(HttpError::InvalidUrl { url: Redacted(text).to_string() }),
    }
}

fn headers(source: &HttpSource, url: &Url) -> Result<HeaderMap, HttpError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    for (name, header, value) in
        [(ACCEPT, "Accept", &source.accept), (USER_AGENT, "User-Agent", &source.user_agent)]
    {
        if let Some(value) = value {
            let invalid = |_| HttpError::InvalidHeader { url: redacted(url), header };
            headers.insert(name, HeaderValue::from_str(value).map_err(invalid)?);
        }
    }
    if let Some(value) = &source.authorization {
        let mut value = value.clone();
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn check_status(url: &Url, response: Response) -> Result<Response, HttpError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let advice = match status.as_u16() {
        401 | 403 => "give credentials that may read it",
        404 | 410 => "check the URL",
        429 => "wait a while and try again",
        500..=599 => "try again later",
        _ => "use a URL that delivers the file itself",
    };
    let (url, status, retry_after) = (redacted(url), status.as_u16(), retry_after(&response));
    Err(HttpError::Status { url, status, advice, retry_after })
}

#[cfg(test)]
mod tests;
