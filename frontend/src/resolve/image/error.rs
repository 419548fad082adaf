//! What can go wrong with an image.

use std::path::PathBuf;
use std::time::Duration;

use policy_engine::source::Platform;

use crate::resolve::transport::{Retry, Retryable, TransportError};

/// Why an image's metadata could not be found out. Cloned to everybody who waits for the same content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// No answer: connection, TLS, timeouts, redirects, too many bytes.
    #[error("{reference}: {source}")]
    Transport {
        /// The image.
        reference: String,
        /// What happened.
        source: TransportError,
    },
    /// The reference has a part that no registry can have.
    #[error("{reference}: {detail}; write it as registry/repository:tag@digest")]
    InvalidName {
        /// The image.
        reference: String,
        /// Which part, and what is wrong with it.
        detail: &'static str,
    },
    /// 404, or no such file in a layout.
    #[error("{reference}: {what} not found; check the name, the tag and the digest")]
    NotFound {
        /// The image.
        reference: String,
        /// `image`, `manifest sha256:…`, `blob sha256:…`.
        what: String,
    },
    /// 401 or 403.
    #[error(
        "{reference}: access denied by {registry}: {detail}; check the name, and log in with \
         `docker login {registry}` if it is private"
    )]
    Unauthorized {
        /// The image.
        reference: String,
        /// Registry host.
        registry: String,
        /// What was tried.
        detail: String,
    },
    /// 429.
    #[error("{reference}: {registry} limits the rate of requests{}; log in or try again later", after(*retry_after))]
    RateLimited {
        /// The image.
        reference: String,
        /// Registry host.
        registry: String,
        /// How long the registry wants us to wait.
        retry_after: Option<Duration>,
    },
    /// 5xx.
    #[error("{reference}: {url} answered {status}; the registry has a problem, try again later")]
    Server {
        /// The image.
        reference: String,
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
        /// How long the registry wants us to wait.
        retry_after: Option<Duration>,
    },
    /// Any other status.
    #[error("{reference}: {url} answered {status}; check that this is an OCI registry")]
    UnexpectedStatus {
        /// The image.
        reference: String,
        /// What was asked for.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The registry's login demand can't be met safely, or makes no sense.
    #[error("{reference}: login at {registry} is not possible: {detail}; ask the registry's operator")]
    Login {
        /// The image.
        reference: String,
        /// Registry host.
        registry: String,
        /// Why not.
        detail: String,
    },
    /// Content is not what its digest promises.
    #[error(
        "{reference}: content of {expected} has digest {actual}; the source is damaged or lies, don't use it"
    )]
    DigestMismatch {
        /// The image.
        reference: String,
        /// The digest that was asked for.
        expected: String,
        /// The digest of what came.
        actual: String,
    },
    /// A digest with an algorithm that can't be verified.
    #[error("{reference}: digest {digest} can't be verified; use sha256, sha384 or sha512")]
    UnsupportedDigest {
        /// The image.
        reference: String,
        /// The digest.
        digest: String,
    },
    /// Content is not as long as its descriptor says.
    #[error(
        "{reference}: {digest} has {actual} bytes where {expected} are announced; rebuild or push the image again"
    )]
    SizeMismatch {
        /// The image.
        reference: String,
        /// The content.
        digest: String,
        /// Size in the descriptor.
        expected: u64,
        /// Size of what came.
        actual: u64,
    },
    /// Content of a type that has no place there.
    #[error("{reference}: {what} has media type {media_type:?}, which is not supported; expected {expected}")]
    UnsupportedMediaType {
        /// The image.
        reference: String,
        /// `manifest sha256:…`, `config sha256:…`.
        what: String,
        /// The media type.
        media_type: String,
        /// What would do.
        expected: &'static str,
    },
    /// Something is bigger, deeper or more than what is accepted.
    #[error("{reference}: {what} is over the limit of {limit}; use a smaller image or attestation")]
    LimitExceeded {
        /// The image.
        reference: String,
        /// What is over the limit.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// A document that can't be understood.
    #[error("{reference}: {what} is malformed: {detail}; rebuild or push the image again")]
    Malformed {
        /// The image.
        reference: String,
        /// `manifest sha256:…`, `referrers of sha256:…`.
        what: String,
        /// What is wrong.
        detail: String,
    },
    /// The image is not made for that platform.
    #[error("{reference}: no image for platform {platform}; available: {}", available.join(", "))]
    NoPlatform {
        /// The image.
        reference: String,
        /// The platform that was asked for.
        platform: Platform,
        /// Platforms that the image has.
        available: Vec<String>,
    },
    /// Docker's `config.json` can't be read.
    #[error("Docker config {}: {detail}; repair the file or set DOCKER_CONFIG to another folder", path.display())]
    DockerConfig {
        /// The file.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// A credential helper did not do its work.
    #[error(
        "credential helper {helper} failed for {registry}: {detail}; repair it or remove it from Docker's config.json"
    )]
    CredentialHelper {
        /// Name of the program.
        helper: String,
        /// Registry host.
        registry: String,
        /// Why.
        detail: String,
    },
    /// An OCI layout that can't be read.
    #[error("OCI layout {}: {detail}", path.display())]
    Layout {
        /// File or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        detail: String,
    },
}

impl Retryable for ImageError {
    fn retry(&self) -> Retry {
        match self {
            Self::Transport { source, .. } => source.retry(),
            Self::RateLimited { retry_after, .. } | Self::Server { retry_after, .. } => {
                retry_after.map_or(Retry::Backoff, Retry::After)
            }
            _ => Retry::Never,
        }
    }
}

fn after(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| format!(" (it asks to wait {} s)", wait.as_secs()))
}
