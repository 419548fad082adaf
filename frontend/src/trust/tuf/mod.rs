//! TUF (The Update Framework, specification 1.0): how trust roots are published, so that nobody on the way can make
//! one up, hold a new one back for long, or bring an old one again.
//!
//! The crate `sigstore-tuf` verifies; here is what it asks of and keeps in.

mod files;
mod http;

use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use policy_engine::verify::TRUST_ROOT_LIMIT;
use sigstore_tuf::{Repository, Updater, UpdaterConfig};

pub use self::files::Files;
use self::files::Kept;
use self::http::HttpRepository;
use crate::resolve::transport::Transport;

/// The target that holds an instance's trust root.
pub const TRUSTED_ROOT: &str = "trusted_root.json";

/// A target, with the metadata that vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The target's content.
    pub content: Vec<u8>,
    /// Version of the TUF root.
    pub root_version: u64,
    /// When the TUF root expires.
    pub root_expires: Timestamp,
    /// Version of the timestamp: it grows whenever anything is published.
    pub timestamp_version: u64,
    /// When the timestamp expires: it was signed a few days before.
    pub timestamp_expires: Timestamp,
    /// When the first of root, timestamp, snapshot and targets expires.
    pub expires: Timestamp,
    /// All metadata and the target.
    pub files: Files,
}

/// Why there is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TufError {
    /// A role's metadata is too old.
    #[error("its TUF metadata `{role}` expired at {expires}")]
    Expired {
        /// `root`, `timestamp`, `snapshot`, `targets` or the name of a delegated role.
        role: String,
        /// When.
        expires: Timestamp,
    },
    /// Metadata or target don't verify: signatures, versions, lengths or hashes.
    #[error("its TUF metadata does not verify: {0}")]
    Rejected(String),
    /// The target verifies, and is no trust root that this version can read.
    #[error("what it publishes is no trust root: {0}")]
    Useless(String),
    /// The repository can't be reached, or lacks something.
    #[error("{0}")]
    Unavailable(String),
    /// It took too long.
    #[error("no complete answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
}

impl TufError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::Expired { .. } => {
                "ask whoever runs the repository, or its mirror, and check this machine's clock".into()
            }
            Self::Rejected(_) => {
                "don't trust this repository, or the way to it; what was kept before stays in use".into()
            }
            Self::Useless(_) => "use a newer version of policy-check, or another repository".into(),
            Self::Unavailable(_) | Self::TimedOut(_) => {
                "check the network and the proxy settings, or name a mirror with `--mirror NAME=URL`".into()
            }
        })
    }
}

impl From<sigstore_tuf::Error> for TufError {
    fn from(error: sigstore_tuf::Error) -> Self {
        match error {
            sigstore_tuf::Error::Expired { role, expires } => Self::Expired { role, expires },
            sigstore_tuf::Error::Transport { message, .. } => Self::Unavailable(message),
            error => {
                let mut text = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    text.extend([": ", &error.to_string()]);
                    cause = error.source();
                }
                Self::Rejected(text)
            }
        }
    }
}

/// Verifies what was kept, from the TUF root `anchor` on: signatures, pins, and at the time `now` that nothing has
/// expired.
pub fn verify(anchor: &[u8], target: &str, files: &Files, now: Timestamp) -> Result<Verified, TufError> {
    let kept = Kept::new(files.clone());
    // There is nothing to wait for.
    let verified = update(anchor, target, kept.clone(), kept, now).now_or_never();
    verified.unwrap_or_else(|| Err(TufError::Unavailable("reading what was kept waits".to_owned())))
}

/// Fetches what the repository at `url` publishes now, from the TUF root `anchor` on. What was kept (`files`) is
/// fetched again only where it changed, and nothing older than that is accepted.
pub async fn refresh(
    anchor: &[u8],
    target: &str,
    files: &Files,
    (url, transport): (&str, &Transport),
    limit: Duration,
    now: Timestamp,
) -> Result<Verified, TufError> {
    let repository = HttpRepository::new(url, transport)?;
    let updating = update(anchor, target, Kept::new(files.clone()), repository, now);
    tokio::time::timeout(limit, updating).await.map_err(|_| TufError::TimedOut(limit))?
}

async fn update(
    anchor: &[u8],
    target: &str,
    kept: Kept,
    repository: impl Repository + 'static,
    now: Timestamp,
) -> Result<Verified, TufError> {
    let mut config = UpdaterConfig::default();
    config.target_max_length = TRUST_ROOT_LIMIT as u64;
    let updater = Updater::new(repository, anchor)?;
    let mut updater = updater.with_config(config).with_store(kept.clone());
    updater.refresh(now).await?;
    let content = updater.get_target(target, now).await?;
    let trusted = updater.trusted();
    let root = trusted.root();
    let (Some(timestamp), Some(snapshot), Some(targets)) =
        (trusted.timestamp(), trusted.snapshot(), trusted.targets_role("targets"))
    else {
        return Err(TufError::Rejected("it is incomplete".to_owned()));
    };
    let expires = timestamp.expires.min(snapshot.expires).min(targets.expires).min(root.expires);
    Ok(Verified {
        content,
        root_version: root.version,
        root_expires: root.expires,
        timestamp_version: timestamp.version,
        timestamp_expires: timestamp.expires,
        expires,
        files: kept.files(),
    })
}

#[cfg(test)]
pub(crate) mod tests;
