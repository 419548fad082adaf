//! Why a URL could not be resolved.

use std::time::Duration;

use super::RedirectRefused;
use crate::resolve::transport::{Retry, Retryable, TransportError};

/// Why a URL could not be resolved. URLs in here carry neither user info nor query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// No URL, or not of HTTP.
    #[error("{url} is no http or https URL; check the spelling")]
    InvalidUrl {
        /// What was given.
        url: String,
    },
    /// A header value that HTTP does not allow.
    #[error("{url}: the value of the {header} header is malformed; use printable ASCII characters only")]
    InvalidHeader {
        /// The URL.
        url: String,
        /// The header.
        header: &'static str,
    },
    /// No usable answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server answered with an error status.
    #[error("{url}: the server answered {status}; {advice}")]
    Status {
        /// Who answered: the URL, or where it redirects to.
        url: String,
        /// HTTP status code.
        status: u16,
        /// What to do next.
        advice: &'static str,
        /// From the `Retry-After` header.
        retry_after: Option<Duration>,
    },
    /// The caller refuses to go where a redirect leads.
    #[error("{url}: {refused}")]
    RedirectRefused {
        /// The URL that redirects.
        url: String,
        /// Target and reason.
        refused: RedirectRefused,
    },
    /// The body is said to be compressed by gzip, and isn't.
    #[error("{url}: the body's gzip encoding is damaged: {detail}; report this to the server's operator")]
    Encoding {
        /// The URL.
        url: String,
        /// What is wrong.
        detail: String,
    },
    /// The body is not the one that was expected.
    #[error(
        "{url} has digest {got}, not {expected} as expected; correct the checksum or don't use this file"
    )]
    ChecksumMismatch {
        /// The URL.
        url: String,
        /// `alg:hex` that was expected.
        expected: String,
        /// `sha256:hex` of the body.
        got: String,
    },
    /// The suffix to be hashed is longer than BuildKit takes.
    #[error(
        "{url}: the checksum suffix has {length} bytes, more than the limit of {limit}; use a smaller signature"
    )]
    SuffixTooLong {
        /// The URL.
        url: String,
        /// In bytes.
        length: usize,
        /// In bytes.
        limit: usize,
    },
}

impl Retryable for HttpError {
    fn retry(&self) -> Retry {
        match self {
            Self::Transport(error) => error.retry(),
            Self::Status { status, retry_after, .. } => Retry::after_status(*status, *retry_after),
            _ => Retry::Never,
        }
    }
}
