//! What can go wrong between us and a server, below any protocol.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::retry::{Retry, Retryable};
use super::{TransportOptions, redacted};

/// A request that got no usable answer. URLs in here carry neither user info nor query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// An extra CA file can't be used.
    #[error("CA file {}: {detail}; give a PEM file with certificates", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client: {detail}; check the proxy variables in the environment")]
    Client {
        /// Why not.
        detail: String,
    },
    /// No connection.
    #[error("cannot connect to {url}: {detail}; check the name, the network and the proxy settings")]
    Connect {
        /// What was asked for.
        url: String,
        /// The system's reason.
        detail: String,
    },
    /// TLS was tried with a server that does not speak it.
    #[error("{url} does not speak TLS; if plain HTTP is meant, name the host with --insecure-registry")]
    NotTls {
        /// What was asked for.
        url: String,
    },
    /// The server's certificate or the TLS handshake is bad.
    #[error("TLS with {url} failed: {detail}; if the server has a private CA, name its file with --ca-cert")]
    Tls {
        /// What was asked for.
        url: String,
        /// What rustls says.
        detail: String,
    },
    /// A timeout passed.
    #[error(
        "{url} took too long (limits: {connect:?} to connect, {idle:?} without a byte, {whole:?} in all); \
         check the server or try again later"
    )]
    Timeout {
        /// What was asked for.
        url: String,
        /// [`TransportOptions::connect_timeout`].
        connect: Duration,
        /// [`TransportOptions::idle_timeout`].
        idle: Duration,
        /// [`TransportOptions::request_timeout`].
        whole: Duration,
    },
    /// The connection broke before the answer was complete.
    #[error("the answer of {url} broke off: {detail}; check the server or try again later")]
    Interrupted {
        /// What was asked for.
        url: String,
        /// The system's reason.
        detail: String,
    },
    /// The answer is bigger than what is accepted.
    #[error("{url} sent more than {bytes} bytes, the limit for {what}; use a smaller one")]
    LimitExceeded {
        /// What was asked for.
        url: String,
        /// What was read: `an image manifest`, …
        what: &'static str,
        /// The limit.
        bytes: u64,
    },
    /// More redirects than are followed.
    #[error("{url} redirects more than {limit} times; name the final address instead")]
    TooManyRedirects {
        /// The first URL.
        url: String,
        /// [`TransportOptions::max_redirects`].
        limit: usize,
    },
    /// A redirect that isn't followed.
    #[error("{url} sent a redirect that is not followed: {detail}")]
    BadRedirect {
        /// Who redirects.
        url: String,
        /// Why not.
        detail: String,
    },
}

impl Retryable for TransportError {
    /// Broken connections are worth another try. Timeouts are not: they have cost their time already.
    fn retry(&self) -> Retry {
        match self {
            Self::Connect { .. } | Self::Interrupted { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }
}

pub(super) fn from_reqwest(options: &TransportOptions, url: &Url, error: reqwest::Error) -> TransportError {
    let url = redacted(url);
    // Reqwest prints the URL, which may hold secrets, with each error.
    let error = error.without_url();
    if error.is_timeout() {
        let TransportOptions { connect_timeout, idle_timeout, request_timeout, .. } = options;
        return TransportError::Timeout {
            url,
            connect: *connect_timeout,
            idle: *idle_timeout,
            whole: *request_timeout,
        };
    }
    match tls_cause(&error) {
        // What a plain HTTP server sends is no TLS record.
        Some(rustls::Error::InvalidMessage(_)) => TransportError::NotTls { url },
        Some(cause) => TransportError::Tls { url, detail: cause.to_string() },
        None if error.is_connect() => TransportError::Connect { url, detail: chain(&error) },
        None => TransportError::Interrupted { url, detail: chain(&error) },
    }
}

/// All messages of an error and its sources; libraries tend to put the reason into the last.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = error.source();
    }
    text
}

/// The TLS error at the bottom of `error`; it hides in the `io::Error`s that carry it.
fn tls_cause(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        source = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
