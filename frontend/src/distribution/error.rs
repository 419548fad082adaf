//! What can go wrong with policies from elsewhere.

use crate::resolve::ResolveError;

/// Why policies from elsewhere can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// What was named can't be a place of policies.
    #[error("`{place}` names no place of policies: {reason}")]
    Place {
        /// As given, without credentials.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A tag, a branch or nothing at all stands where a digest or a commit must.
    #[error("`{0}` is not pinned: a tag or a branch may be something else tomorrow")]
    Unpinned(String),
    /// A build that somebody sent names a library that nobody listed.
    #[error("builds that others send may not take libraries from `{0}`")]
    NotListed(String),
    /// It took too long.
    #[error("`{place}` was not fetched within {after} s")]
    Timeout {
        /// The place.
        place: String,
        /// The limit in seconds.
        after: u64,
    },
    /// Not in the cache, and the network must not be asked.
    #[error("`{0}` is not in the cache, and `--offline` asks nobody")]
    Offline(String),
    /// The registry or the repository didn't deliver.
    #[error("cannot fetch `{place}`: {error}")]
    Fetch {
        /// The place.
        place: String,
        /// Why.
        error: Box<ResolveError>,
    },
    /// Files that must not or cannot be used.
    #[error("`{place}`: {reason}")]
    Files {
        /// The place.
        place: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The files are others than the lock says.
    #[error("`{place}` has changed: its files have the digest {actual}, the lock says {expected}")]
    Changed {
        /// The place.
        place: String,
        /// What the lock says.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// Nobody who must have signed it did.
    #[error("`{place}` is not signed by {signatory}: {reason}")]
    Unsigned {
        /// The place, pinned.
        place: String,
        /// Who must have signed it.
        signatory: String,
        /// What its signatures come to.
        reason: String,
    },
    /// Who must have signed can't be told.
    #[error("`signedBy` of `{place}`: {reason}")]
    Signatory {
        /// The place.
        place: String,
        /// Why not.
        reason: String,
    },
    /// The registry or the repository didn't deliver what would be signatures.
    #[error("cannot look up the signatures of `{place}`: {error}")]
    Signatures {
        /// The place.
        place: String,
        /// Why.
        error: Box<ResolveError>,
    },
    /// What is wrong is wrong with a library.
    #[error("the library `{name}`: {error}")]
    Library {
        /// The name that imports use.
        name: String,
        /// What is wrong with it.
        error: Box<DistributionError>,
    },
    /// A `policy-libraries.json` that can't be used.
    #[error("`{path}`: {reason}")]
    Libraries {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A file or folder of this machine.
    #[error("`{path}`: {cause}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// The thread for fetching could not be started, or did not end.
    #[error("cannot start fetching: {0}")]
    Runtime(std::io::Error),
}

impl DistributionError {
    /// The same, of a library.
    #[must_use]
    pub fn of_library(self, name: &str) -> Self {
        Self::Library { name: name.to_owned(), error: Box::new(self) }
    }

    /// Whether another machine is to blame, or the way to it.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Fetch { .. } | Self::Signatures { .. } | Self::Timeout { .. } | Self::Runtime(_) => true,
            Self::Library { error, .. } => error.is_unreachable(),
            _ => false,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Place { .. } => Some(
                "write `oci://REGISTRY/REPOSITORY@sha256:…`, `git::URL#COMMIT:FOLDER` or a folder".to_owned(),
            ),
            Self::Unpinned(_) => Some(
                "run `policy-check bundle lock` where `policy-libraries.json` lies, or write the digest or the commit"
                    .to_owned(),
            ),
            Self::NotListed(_) => Some(
                "put the library into the context, or have whoever runs this list its place with `--libraries-from`"
                    .to_owned(),
            ),
            Self::Offline(_) => Some("run it once without `--offline`, and with a cache".to_owned()),
            Self::Changed { .. } => {
                Some("look at the change, and accept it with `policy-check bundle lock --update`".to_owned())
            }
            Self::Unsigned { .. } => Some(
                "don't use it before you know why: have it signed, pin what is, or correct `signedBy`".to_owned(),
            ),
            Self::Signatory { .. } => Some(
                "name the file of a key below the folder, `{\"key\": \"keys/acme.pub\"}`, or whom a certificate names, \
                 `{\"issuer\": …, \"subjectAlternativeName\": …}`"
                    .to_owned(),
            ),
            Self::Library { error, .. } => error.help(),
            _ => None,
        }
    }
}
