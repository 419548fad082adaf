//! A TUF repository behind a URL, reached as everything else is: through proxies, with the same certificates,
//! timeouts and retries.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use sigstore_tuf::Repository;
use sigstore_tuf::transport::FetchFuture;
use url::Url;

use super::TufError;
use crate::resolve::transport::{
    ByteLimit, Retry, Retryable, Transport, TransportError, read_body, redacted, retry_after,
};

#[derive(Debug)]
pub(super) struct HttpRepository {
    transport: Transport,
    /// Ends in `/`.
    base: Url,
}

/// Why a file can't be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error("{url} answers with status {status}")]
    Status { url: String, status: u16, retry: Retry },
}

impl Retryable for FetchError {
    fn retry(&self) -> Retry {
        match self {
            Self::Transport(error) => error.retry(),
            Self::Status { retry, .. } => *retry,
        }
    }
}

impl HttpRepository {
    /// Metadata lies in `url` itself, targets in its folder `targets`.
    pub(super) fn new(url: &str, transport: &Transport) -> Result<Self, TufError> {
        let mut base = Url::parse(url).map_err(|_| TufError::Unavailable(format!("`{url}` is no URL")))?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        if base.scheme() != "https" && !transport.may_be_plain_http(&base) {
            return Err(TufError::Unavailable(format!(
                "{} is plain HTTP; name the host with --insecure-registry if this is meant",
                redacted(&base)
            )));
        }
        Ok(Self { transport: transport.clone(), base })
    }

    async fn fetch(&self, path: &str, bytes: u64) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        let outside = || sigstore_tuf::Error::transport(format!("`{path}` is not inside the repository"));
        let url = self.base.join(path).map_err(|_| outside())?;
        if !url.as_str().starts_with(self.base.as_str()) {
            return Err(outside());
        }
        let fetched = self.transport.retrying(|| self.get(&url, bytes)).await;
        fetched.map_err(|error| sigstore_tuf::Error::transport(error.to_string()))
    }

    /// What is not there is `None`: object stores answer with 403 for that, too.
    async fn get(&self, url: &Url, bytes: u64) -> Result<Option<Vec<u8>>, FetchError> {
        let mut target = url.clone();
        for _ in 0..=self.transport.options().max_redirects {
            let response = self.transport.get(&target, HeaderMap::new()).await?;
            if let Some(next) = self.transport.redirect_target(&target, &response)? {
                target = next;
                continue;
            }
            return match response.status() {
                StatusCode::OK => {
                    let limit = ByteLimit { what: "a file of a TUF repository", bytes };
                    Ok(Some(read_body(&self.transport, response, limit).await?.into()))
                }
                StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
                status => {
                    let retry = Retry::after_status(status.as_u16(), retry_after(&response));
                    Err(FetchError::Status { url: redacted(&target), status: status.as_u16(), retry })
                }
            };
        }
        let limit = self.transport.options().max_redirects;
        Err(TransportError::TooManyRedirects { url: redacted(url), limit }.into())
    }
}

impl Repository for HttpRepository {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(self.fetch(name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move { self.fetch(&format!("targets/{path}"), max_length).await })
    }
}
