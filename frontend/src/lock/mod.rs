//! Lock files: what the sources of a build are now, as data for a policy that lets them be nothing else.
//!
//! `policies/lock/lock.rego` is that policy. The names in a lock are those that policies see, so they are taken from
//! the input itself: `input.image.ref`, `input.git.remote` and `ref`, `input.http.url`.

mod collect;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dry_run::DryRunError;
use crate::inspect::InspectError;
use crate::policy_root::read_within;
use crate::whole_file;

pub use collect::{Collected, collect};

/// The version of the format that is read and written.
pub const VERSION: u32 = 1;
/// Bytes of a lock file: what a policy can load.
pub const MAX_LOCK: u64 = 4 << 20;

/// What the sources of a build are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// 1.
    pub version: u32,
    /// Digests of images, by reference: `docker.io/library/alpine:3.22`. Images in layouts begin with `oci-layout://`.
    pub images: BTreeMap<String, String>,
    /// Commits, by remote and full ref: `https://example.com/r.git#refs/heads/main`.
    pub git: BTreeMap<String, String>,
    /// SHA-256 checksums of files, by URL.
    pub http: BTreeMap<String, String>,
}

/// One difference between two locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The source.
    pub name: String,
    /// What it was locked as; `None` when it wasn't.
    pub was: Option<String>,
    /// What it is; `None` when no build uses it any more.
    pub is: Option<String>,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The sources of a build can't be told.
    #[error(transparent)]
    Build(#[from] DryRunError),
    /// A source can't be resolved.
    #[error("nothing was locked: {0}")]
    Source(#[from] InspectError),
    /// The URL of a source holds a secret.
    #[error("cannot lock `{0}`: its URL has credentials, which don't belong into a file")]
    Credentials(String),
    /// The metadata of a source lack what would lock it.
    #[error("cannot lock `{0}`: nothing tells what it is")]
    Nothing(String),
    /// A source was found to be two things.
    #[error("cannot lock `{0}`: it changed while it was looked at")]
    Changed(String),
    /// There is no file that the lock would lie beside.
    #[error("the Dockerfile `{0}` is no file of this machine, so nothing says where its lock belongs")]
    NoPlace(String),
    /// The file can't be read.
    #[error("cannot read the lock `{path}`: {detail}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        detail: String,
    },
    /// The file can't be written.
    #[error("cannot write the lock `{path}`: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: std::io::Error,
    },
    /// There is more than a policy could load.
    #[error("the lock would have more than {MAX_LOCK} bytes")]
    TooLarge,
}

impl LockError {
    /// Whether it is for the caller to correct, and no failure of something remote.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Build(error) => error.is_usage(),
            Self::Source(_) | Self::Nothing(_) | Self::Changed(_) => false,
            Self::Credentials(_)
            | Self::NoPlace(_)
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::TooLarge => true,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Build(error) => error.help(),
            Self::Credentials(_) => Some("give the build the credentials as a secret instead".into()),
            Self::Changed(_) => Some("run it again".into()),
            Self::NoPlace(_) => Some("name a file with `--output FILE`".into()),
            Self::Read { .. } => Some("remove the file, and write it again with `policy-check lock`".into()),
            Self::Source(_) | Self::Nothing(_) | Self::Write { .. } | Self::TooLarge => None,
        }
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: VERSION, images: BTreeMap::new(), git: BTreeMap::new(), http: BTreeMap::new() }
    }
}

impl Lock {
    /// The lock in a file; an empty one if there is none.
    pub fn load(path: &Path) -> Result<Self, LockError> {
        let failed = |detail: String| LockError::Read { path: path.to_owned(), detail };
        let file = match std::fs::File::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            file => file.map_err(|error| failed(error.to_string()))?,
        };
        let text = read_within(file, MAX_LOCK).map_err(|error| failed(error.to_string()))?;
        let lock: Self = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
        match lock.version {
            VERSION => Ok(lock),
            version => Err(failed(format!("it has version {version}, and this program knows {VERSION}"))),
        }
    }

    /// Writes the lock: sorted, an entry a line.
    pub fn save(&self, path: &Path) -> Result<(), LockError> {
        let failed = |cause| LockError::Write { path: path.to_owned(), cause };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))? + "\n";
        if text.len() as u64 > MAX_LOCK {
            return Err(LockError::TooLarge);
        }
        whole_file::write(path, text.as_bytes()).map_err(failed)
    }

    /// How many sources it names.
    pub fn count(&self) -> usize {
        self.images.len() + self.git.len() + self.http.len()
    }

    /// Adds what `other` has.
    pub fn merge(&mut self, other: Self) -> Result<(), LockError> {
        for (into, from) in
            [(&mut self.images, other.images), (&mut self.git, other.git), (&mut self.http, other.http)]
        {
            for (name, value) in from {
                add(into, name, value)?;
            }
        }
        Ok(())
    }

    /// What is other in `now`, by kind and name.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let kinds = [(&self.images, &now.images), (&self.git, &now.git), (&self.http, &now.http)];
        kinds.into_iter().flat_map(|(was, is)| changes(was, is)).collect()
    }
}

fn changes(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Change> {
    let mut names: Vec<_> = was.keys().chain(is.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| was.get(*name) != is.get(*name));
    let change =
        |name: &String| Change { name: name.clone(), was: was.get(name).cloned(), is: is.get(name).cloned() };
    names.into_iter().map(change).collect()
}

/// One source is one thing.
fn add(entries: &mut BTreeMap<String, String>, name: String, value: String) -> Result<(), LockError> {
    match entries.get(&name) {
        Some(known) if *known != value => Err(LockError::Changed(name)),
        _ => {
            entries.insert(name, value);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
