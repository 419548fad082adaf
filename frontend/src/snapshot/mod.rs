//! Everything that was looked up, in one file, so that a run can be decided again without a network.
//!
//! [`Recording`] takes down what a run looks up, [`Snapshot`] is that, written or read. The format is
//! [`document::Document`]; people find it in `docs/snapshots.md`.

mod answer;
pub mod document;
mod key;
mod read;
mod recording;
mod replayed;
mod schema;
mod time;
mod verify;
mod write;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use policy_engine::source::SourceOp;
use policy_engine::verify::RootKind;

use crate::distribution::Files;
use crate::memory_tree::Node;

pub use self::answer::{Answer, Found};
pub use self::key::{LookupKey, Wanted};
pub use self::recording::Recording;
pub(crate) use self::replayed::{recorded, replayed};
pub use self::schema::schema;

/// Bytes of a snapshot file.
pub const MAX_SNAPSHOT: u64 = 256 << 20;
/// Lookups, media types, contexts, files of one context and downloads of a snapshot, each.
pub const MAX_ENTRIES: usize = 100_000;
/// The version of the format that is read and written.
pub const VERSION: u32 = 1;

/// What was found out in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version of the program that wrote it: `policy-check 0.1.0`.
    pub tool: String,
    /// The time that policies saw. They see it again when they are asked offline.
    pub captured: SystemTime,
    /// What was asked about sources, and the answers.
    pub lookups: BTreeMap<LookupKey, Answer>,
    /// What kind of document an image reference names; an error is the message.
    pub media_types: BTreeMap<String, Result<String, String>>,
    /// Git contexts, by their sources without credentials: what was read of them, by path. An error is the message.
    pub contexts: BTreeMap<SourceOp, Result<BTreeMap<String, Node>, String>>,
    /// What the URLs of contexts and Dockerfiles delivered, by the URL without credentials. An error is the message.
    pub downloads: BTreeMap<String, Result<Bytes, String>>,
    /// Policies and libraries from elsewhere, by their places with digest or commit, without credentials.
    pub policies: BTreeMap<String, Files>,
    /// The trust roots that signatures were tried under, in this order.
    pub trust: Vec<RecordedRoot>,
}

/// A trust root as it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRoot {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub kind: RootKind,
    /// `trusted_root.json`; an error is why there was none.
    pub json: Result<Bytes, String>,
}

/// Why a snapshot can't be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file can't be read.
    #[error("cannot read the snapshot `{path}`: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// The file can't be written.
    #[error("cannot write the snapshot `{path}`: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        cause: io::Error,
    },
    /// There is more than a snapshot may hold.
    #[error("the snapshot has more than {limit}")]
    TooLarge {
        /// The limit with its unit.
        limit: String,
    },
    /// The file is no snapshot.
    #[error("this is no snapshot: {0}")]
    Malformed(String),
    /// The file is a snapshot of another version.
    #[error("the snapshot has version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// Content doesn't agree with its digest, or with what it belongs to.
    #[error("the snapshot was altered or is damaged: {0}")]
    Altered(String),
    /// The same was asked twice, with different answers.
    #[error("`{0}` changed while it was recorded")]
    Changed(String),
}

impl SnapshotError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("write a snapshot with `--snapshot FILE` first".into()),
            Self::Write { .. } => None,
            Self::TooLarge { .. } => Some("decide fewer builds at a time".into()),
            Self::Malformed(_) | Self::Version(_) | Self::Altered(_) => {
                Some("capture it again with `--snapshot FILE`".into())
            }
            Self::Changed(_) => Some("run it again".into()),
        }
    }
}

impl Snapshot {
    /// Reads a snapshot, and refuses one that was altered where digests can tell.
    pub fn load(path: &Path) -> Result<Self, SnapshotError> {
        read::file(path)
    }

    /// Writes the snapshot as a whole, or not at all.
    pub fn save(&self, path: &Path) -> Result<(), SnapshotError> {
        write::file(self, path)
    }
}

#[cfg(test)]
mod tests;
