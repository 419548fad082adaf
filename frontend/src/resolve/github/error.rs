//! Why GitHub could not be asked.

use std::time::Duration;

use crate::resolve::transport::{Retry, Retryable, TransportError};

/// Why GitHub's attestations could not be looked up. No token stands in here, and of URLs no query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GithubError {
    /// Not the name of a repository.
    #[error("{repository:?} is no GitHub repository; write it as `owner/repo`")]
    Repository {
        /// What was given.
        repository: String,
    },
    /// GitHub finds attestations by SHA-256 alone.
    #[error("GitHub knows attestations by SHA-256 only, and the checksum is {digest}; name it as `sha256:…`")]
    Digest {
        /// The checksum.
        digest: String,
    },
    /// `GITHUB_API_URL` is not to be used.
    #[error("GITHUB_API_URL is {url}, which is no https URL; set it to `https://HOST/api/v3`, or unset it")]
    Api {
        /// Its value.
        url: String,
    },
    /// The token can't be sent in a header.
    #[error("the token in GH_TOKEN or GITHUB_TOKEN has characters that no token has; set it again")]
    Token,
    /// No usable answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Too many requests.
    #[error("{url}: GitHub limits the rate of requests{}; {}", when(*retry_after, *reset), remedy(*has_token))]
    RateLimited {
        /// What was asked for.
        url: String,
        /// How long GitHub wants us to wait.
        retry_after: Option<Duration>,
        /// When it begins to count anew, in seconds since 1970.
        reset: Option<u64>,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// Any other status.
    #[error("{url}: GitHub answered {status}; {advice}")]
    Status {
        /// What was asked for.
        url: String,
        /// HTTP status code.
        status: u16,
        /// From the `Retry-After` header.
        retry_after: Option<Duration>,
        /// What to do next.
        advice: &'static str,
    },
    /// More than is looked at.
    #[error("{url}: {what} is over the limit of {limit}; name a repository with fewer attestations")]
    LimitExceeded {
        /// What was asked for.
        url: String,
        /// What there is too much of.
        what: String,
        /// The limit.
        limit: String,
    },
    /// The answer can't be understood.
    #[error("{url}: the answer is malformed: {detail}; try again later")]
    Malformed {
        /// What was asked for.
        url: String,
        /// What is wrong.
        detail: String,
    },
}

impl Retryable for GithubError {
    fn retry(&self) -> Retry {
        match self {
            Self::Transport(error) => error.retry(),
            // The hour that a limit lasts is not waited for.
            Self::RateLimited { retry_after, .. } => retry_after.map_or(Retry::Never, Retry::After),
            Self::Status { status, retry_after, .. } => Retry::after_status(*status, *retry_after),
            _ => Retry::Never,
        }
    }
}

fn when(retry_after: Option<Duration>, reset: Option<u64>) -> String {
    let time = |reset: u64| chrono::DateTime::from_timestamp(i64::try_from(reset).ok()?, 0);
    match (retry_after, reset.and_then(time)) {
        (Some(wait), _) => format!(" (it asks to wait {} s)", wait.as_secs()),
        (None, Some(time)) => format!(" (until {})", time.format("%Y-%m-%dT%H:%M:%SZ")),
        (None, None) => String::new(),
    }
}

fn remedy(has_token: bool) -> &'static str {
    if has_token { "try again later" } else { "set a token in GITHUB_TOKEN, or try again later" }
}
