//! Content that never changes, kept on disk from one run to the next: manifests, image configs and attestations
//! by their digest.
//!
//! What a tag or a branch names, and which signatures an image has, changes and is never kept. Every image is
//! asked for at its registry in each run, by tag or by digest, before anything is taken from here: what is kept
//! saves the way, not the question whether this registry has the image and lets us read it. Files are the user's
//! own (mode 0600), so nobody reads private images in here who could not log in as that user.
//!
//! Any number of runs may use one cache at a time. An entry comes into being by a rename, whole; it is checked
//! against its digest whenever it is read, and one that fails is removed. A cache that can't be written is one
//! that remembers nothing: a run never fails for it.

mod location;
mod size;
mod store;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use policy_engine::source::digest::validate;

pub use self::location::default_dir;
pub use self::size::{SizeError, parse_size, show_size};
use self::store::Store;
use crate::resolve::image::document::verify_digest;

/// Bytes that a cache keeps, unless told otherwise.
pub const DEFAULT_SIZE: u64 = 512 << 20;

/// A cache in a folder, which need not exist.
#[derive(Debug)]
pub struct Cache {
    store: Store,
    limit: u64,
    state: Mutex<State>,
    /// The folder of a part that is kept apart.
    part: Option<&'static str>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes in the cache, as far as this run knows; `None` until it writes.
    bytes: Option<u64>,
    /// The first thing that went wrong.
    problem: Option<String>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Files.
    pub entries: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl Cache {
    /// The cache in the folder `dir`, of at most `limit` bytes. Touches nothing yet.
    pub fn new(dir: &Path, limit: u64) -> Self {
        Self { store: Store::new(dir), limit, state: Mutex::default(), part: None }
    }

    /// A part of the same cache, within the same limit: neither has what was put into the other.
    #[must_use]
    pub fn apart(&self, part: &'static str) -> Self {
        Self { part: Some(part), ..Self::new(self.dir(), self.limit) }
    }

    /// The folder that it keeps its files in.
    pub fn dir(&self) -> &Path {
        self.store.dir()
    }

    /// The content with this digest, verified. Blocks.
    pub fn get(&self, digest: &str) -> Option<Bytes> {
        let path = self.path_of(digest)?;
        let content = match self.store.read(&path, self.limit) {
            Ok(content) => Bytes::from(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return self.note("read", &error),
        };
        let is_sound = digest.parse().is_ok_and(|digest| verify_digest("cache", &digest, &content).is_ok());
        if is_sound {
            return Some(content);
        }
        match self.store.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => self.note("repair", &error),
            _ => None,
        }
    }

    /// Keeps the content, which must have been verified. Blocks.
    pub fn put(&self, digest: &str, content: &Bytes) {
        let Some(path) = self.path_of(digest) else { return };
        let size = content.len() as u64;
        if size > self.limit {
            return;
        }
        if let Err(error) = self.store.write(&path, content).and_then(|()| self.grow(size)) {
            self.note::<()>("write", &error);
        }
    }

    /// How much is in it.
    pub fn usage(&self) -> io::Result<Usage> {
        let entries = self.store.entries()?;
        Ok(Usage { entries: entries.len() as u64, bytes: entries.iter().map(|entry| entry.bytes).sum() })
    }

    /// Removes what was not used for longest until no more than `limit` bytes are left, and what killed runs left
    /// behind. Tells what was removed.
    pub fn prune(&self, limit: u64) -> io::Result<Usage> {
        self.store.remove_stale()?;
        let mut entries = self.store.entries()?;
        entries.sort_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
        let mut left: u64 = entries.iter().map(|entry| entry.bytes).sum();
        let mut removed = Usage::default();
        for entry in entries {
            if left <= limit {
                break;
            }
            match self.store.remove(&entry.path) {
                Ok(()) => {
                    removed.entries += 1;
                    removed.bytes += entry.bytes;
                }
                // Another run was quicker.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            left = left.saturating_sub(entry.bytes);
        }
        Ok(removed)
    }

    /// Removes everything. Tells what was removed.
    pub fn clear(&self) -> io::Result<Usage> {
        let removed = self.usage()?;
        self.store.remove_all()?;
        Ok(removed)
    }

    /// What went wrong so far, in words.
    pub fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// Notes that there are `size` bytes more, and makes room when there is too much.
    fn grow(&self, size: u64) -> io::Result<()> {
        let known = self.state().bytes;
        let bytes = match known {
            Some(bytes) => bytes.saturating_add(size),
            None => self.usage()?.bytes,
        };
        self.state().bytes = Some(bytes);
        if bytes > self.limit {
            // A tenth more than needed, so that the next ones don't have to look through everything again.
            self.prune(self.limit / 10 * 9)?;
            let usage = self.usage()?;
            self.state().bytes = Some(usage.bytes);
        }
        Ok(())
    }

    fn path_of(&self, digest: &str) -> Option<PathBuf> {
        let path = path_of(digest)?;
        Some(self.part.map_or_else(|| path.clone(), |part| Path::new(part).join(&path)))
    }

    fn note<T>(&self, what: &str, error: &io::Error) -> Option<T> {
        let problem = || format!("cannot {what} the cache `{}`: {error}", self.dir().display());
        self.state().problem.get_or_insert_with(problem);
        None
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `blobs/sha256/0a/0a4f…`; `None` for what is no digest.
fn path_of(digest: &str) -> Option<PathBuf> {
    validate(digest).ok()?;
    let (algorithm, hex) = digest.split_once(':')?;
    Some(["blobs", algorithm, hex.get(..2)?, hex].iter().collect())
}

#[cfg(test)]
mod tests;
