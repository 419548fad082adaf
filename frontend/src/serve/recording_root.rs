//! Which files a policy reads: a root that remembers what was read through it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy_engine::policy::{FileError, PolicyRoot};

use crate::resolve::image::document::sha256;

/// Different paths that one policy may read.
const MAX_PATHS: usize = 10_000;

/// A policy's root that remembers the digest of every file that was read.
pub(super) struct RecordingRoot {
    root: Arc<dyn PolicyRoot>,
    read: Mutex<BTreeMap<String, String>>,
}

impl RecordingRoot {
    /// Reads from `root`.
    pub(super) fn new(root: Arc<dyn PolicyRoot>) -> Self {
        Self { root, read: Mutex::default() }
    }

    /// The files that were read so far: their paths in the root, and `sha256:…` of their content. Right after
    /// loading a policy these are its imports; data files come when a rule reads them.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // Nothing can panic while this is locked.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PolicyRoot for RecordingRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let content = self.root.read(path, limit)?;
        let mut read = self.lock();
        if !read.contains_key(path) && read.len() >= MAX_PATHS {
            return Err(FileError::Other(format!("a policy may read {MAX_PATHS} different files at most")));
        }
        read.insert(path.to_owned(), sha256(&content));
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl PolicyRoot for Echo {
        fn read(&self, path: &str, _limit: u64) -> Result<Vec<u8>, FileError> {
            if path == "missing" { Err(FileError::NotFound) } else { Ok(path.into()) }
        }
    }

    #[test]
    fn remembers_what_was_read() {
        let root = RecordingRoot::new(Arc::new(Echo));
        assert_eq!(root.read("a", 9), Ok(b"a".to_vec()));
        assert_eq!(root.read("a", 9), Ok(b"a".to_vec()));
        assert_eq!(root.read("missing", 9), Err(FileError::NotFound));
        assert_eq!(root.files(), BTreeMap::from([("a".to_owned(), sha256(b"a"))]));
    }

    #[test]
    fn names_its_limit() {
        let root = RecordingRoot::new(Arc::new(Echo));
        for number in 0..MAX_PATHS {
            root.read(&number.to_string(), 9).unwrap();
        }
        assert!(root.read("0", 9).is_ok());
        let error = root.read("one more", 9).unwrap_err();
        assert_eq!(error.to_string(), "a policy may read 10000 different files at most");
    }
}
