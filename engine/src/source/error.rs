//! What can be wrong with a source.

use super::git_url::GitUrlError;
use super::reference::ReferenceError;
use super::url::UrlError;

/// A source that cannot be shown to a policy. Credentials in URLs are redacted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The identifier has no `scheme://`.
    #[error("invalid source identifier {identifier:?}: it has no scheme such as docker-image://")]
    NoScheme {
        /// The identifier.
        identifier: String,
    },
    /// The scheme is none that policies know.
    #[error(
        "unsupported source scheme {scheme:?} in {identifier:?}: use docker-image, oci-layout, git, http, https or local"
    )]
    UnsupportedScheme {
        /// The part before `://`.
        scheme: String,
        /// The identifier.
        identifier: String,
    },
    /// A malformed image reference.
    #[error("invalid image reference {reference:?}: {error}")]
    Reference {
        /// The reference as it was given.
        reference: String,
        /// What is wrong with it.
        #[source]
        error: ReferenceError,
    },
    /// A malformed URL.
    #[error("invalid URL {url:?}: {error}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        #[source]
        error: UrlError,
    },
    /// A malformed git URL.
    #[error("invalid git URL {url:?}: {error}")]
    Git {
        /// The URL.
        url: String,
        /// What is wrong with it.
        #[source]
        error: GitUrlError,
    },
    /// A malformed OCI layout.
    #[error("invalid OCI layout {layout:?}: {reason}")]
    OciLayout {
        /// The part after `oci-layout://`.
        layout: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Only images can be pinned to a digest.
    #[error("cannot pin {identifier:?} to a digest: it is no image")]
    NotAnImage {
        /// The identifier.
        identifier: String,
    },
}
