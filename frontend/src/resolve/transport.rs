//! The HTTP client that the resolvers share: TLS roots, proxies, timeouts, byte limits, retries.
//!
//! It follows no redirect by itself: a caller decides at each hop whether the target may be asked, and what
//! may be sent there ([`Transport::redirect_target`]).

mod body;
mod error;
mod retry;
mod tls;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Client, Method, Response, StatusCode};
use url::{Host, Url};

pub use self::body::{ByteLimit, read_body};
pub use self::error::TransportError;
pub use self::retry::{Retry, RetryOptions, Retryable, retry_after};

/// How servers are reached.
#[derive(Debug, Clone)]
pub struct TransportOptions {
    /// PEM files with certificate authorities to trust beside the system's.
    pub extra_ca: Vec<PathBuf>,
    /// Hosts (`host` or `host:port`) that are spoken to by plain HTTP. Loopback hosts always are.
    pub plain_http: Vec<String>,
    /// `User-Agent` header.
    pub user_agent: String,
    /// To establish a connection, TLS included.
    pub connect_timeout: Duration,
    /// Without a byte from the server.
    pub idle_timeout: Duration,
    /// For one request, from connecting to the last byte of the answer.
    pub request_timeout: Duration,
    /// Redirects that are followed for one request.
    pub max_redirects: usize,
    /// When and how often a request is tried again.
    pub retry: RetryOptions,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            extra_ca: Vec::new(),
            plain_http: Vec::new(),
            user_agent: concat!("policy-check/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_mins(5),
            max_redirects: 10,
            retry: RetryOptions::default(),
        }
    }
}

/// The shared HTTP client. Cheap to clone.
#[derive(Clone)]
pub struct Transport {
    inner: Arc<Inner>,
}

struct Inner {
    /// For loopback hosts: never through a proxy.
    direct: Client,
    /// For all other hosts: through the proxies that the environment names.
    proxied: Client,
    options: TransportOptions,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Transport {
    /// Loads the trust roots and sets up the client; opens no connection.
    pub fn new(options: TransportOptions) -> Result<Self, TransportError> {
        let tls = tls::client_config(&options.extra_ca)?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(options.user_agent.clone())
                .connect_timeout(options.connect_timeout)
                .read_timeout(options.idle_timeout)
                .timeout(options.request_timeout)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .retry(reqwest::retry::never())
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| TransportError::Client { detail: error::chain(&error) })
        };
        let direct = build(builder().no_proxy())?;
        let proxied = build(builder())?;
        Ok(Self { inner: Arc::new(Inner { direct, proxied, options }) })
    }

    /// The options it was made with.
    pub fn options(&self) -> &TransportOptions {
        &self.inner.options
    }

    /// `http` for loopback hosts and for [`TransportOptions::plain_http`], else `https`.
    /// `authority` is `host` or `host:port`.
    pub fn scheme_for(&self, authority: &str) -> &'static str {
        match Url::parse(&format!("http://{authority}/")) {
            Ok(url) if self.may_be_plain_http(&url) => "http",
            _ => "https",
        }
    }

    /// Whether plain HTTP is fine for the host of `url`.
    pub fn may_be_plain_http(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        is_loopback(url)
            || self.inner.options.plain_http.iter().any(|named| {
                named.eq_ignore_ascii_case(host)
                    || url.port().is_some_and(|port| named.eq_ignore_ascii_case(&format!("{host}:{port}")))
            })
    }

    /// One GET: no redirect is followed, nothing is tried again, any status is `Ok`.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Response, TransportError> {
        let request = self.client_for(url).get(url.clone()).headers(headers);
        request.send().await.map_err(|error| self.error(url, error))
    }

    /// One HEAD: no redirect is followed, nothing is tried again, any status is `Ok`.
    pub async fn head(&self, url: &Url, headers: HeaderMap) -> Result<Response, TransportError> {
        let request = self.client_for(url).head(url.clone()).headers(headers);
        request.send().await.map_err(|error| self.error(url, error))
    }

    /// One POST of a form: no redirect is followed, nothing is tried again, any status is `Ok`.
    pub async fn post_form(
        &self,
        url: &Url,
        headers: HeaderMap,
        form: &[(&str, &str)],
    ) -> Result<Response, TransportError> {
        let request = self.client_for(url).post(url.clone()).headers(headers).form(form);
        request.send().await.map_err(|error| self.error(url, error))
    }

    /// One POST of bytes: no redirect is followed, nothing is tried again, any status is `Ok`.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes) -> Result<Response, TransportError> {
        let request = self.client_for(url).post(url.clone()).headers(headers).body(body);
        request.send().await.map_err(|error| self.error(url, error))
    }

    /// One request of another method: no redirect is followed, nothing is tried again, any status is `Ok`.
    pub async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, TransportError> {
        let request = self.client_for(url).request(method, url.clone()).headers(headers).body(body);
        request.send().await.map_err(|error| self.error(url, error))
    }

    /// Where `response` redirects to, or `None` when it is no redirect. Targets that aren't HTTP are refused,
    /// and so is the step down from HTTPS to plain HTTP, unless plain HTTP is fine for that host.
    pub fn redirect_target(&self, from: &Url, response: &Response) -> Result<Option<Url>, TransportError> {
        if !matches!(
            response.status(),
            StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT
        ) {
            return Ok(None);
        }
        let refuse =
            |detail: &str| TransportError::BadRedirect { url: redacted(from), detail: detail.into() };
        let location = response.headers().get(LOCATION).ok_or_else(|| refuse("it has no Location header"))?;
        let target = location
            .to_str()
            .ok()
            .and_then(|location| from.join(location).ok())
            .ok_or_else(|| refuse("its Location header is not a URL"))?;
        match target.scheme() {
            "https" => Ok(Some(target)),
            "http" if from.scheme() == "http" || self.may_be_plain_http(&target) => Ok(Some(target)),
            "http" => Err(refuse(&format!(
                "it leads from HTTPS to plain HTTP at {}; name that host with --insecure-registry if this is meant",
                redacted(&target)
            ))),
            scheme => Err(refuse(&format!("it leads to a {scheme} URL"))),
        }
    }

    /// Names the timeouts and hides credentials that a URL may carry.
    pub(crate) fn error(&self, url: &Url, error: reqwest::Error) -> TransportError {
        error::from_reqwest(&self.inner.options, url, error)
    }

    fn client_for(&self, url: &Url) -> &Client {
        if is_loopback(url) { &self.inner.direct } else { &self.inner.proxied }
    }
}

/// Whether the host of `url` is `localhost`, `127.0.0.0/8` or `::1`.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// Scheme, host and path: what may be shown of a URL. User info and query may hold secrets.
pub fn redacted(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}{}", url.scheme(), url.path()),
        None => format!("{}://{host}{}", url.scheme(), url.path()),
    }
}

#[cfg(test)]
mod tests;
