//! The metadata and targets of a TUF repository that are kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, Repository};

/// Contents by name, as `sigstore-tuf` names them: `timestamp.json`, `root_history/2.root.json`,
/// `targets/trusted_root.json`. Nothing in here is believed before it is verified.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Files in memory, which an update reads and changes.
#[derive(Debug, Clone)]
pub(super) struct Kept(Arc<Mutex<Files>>);

impl Kept {
    pub(super) fn new(files: Files) -> Self {
        Self(Arc::new(Mutex::new(files)))
    }

    /// Those that the next update reads: of each role the latest, and all roots.
    pub(super) fn files(&self) -> Files {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        files.retain(|name, _| without_version(name).is_none() && name != "root.json");
        files
    }

    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// `5.role.json` without its version; `None` where there is none.
fn without_version(name: &str) -> Option<&str> {
    let (version, rest) = name.split_once('.')?;
    (!version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
}

impl MetadataStore for Kept {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        Ok(self.get(name))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// What was kept, asked as a repository is: there is no newer root, and of each role just the latest version.
impl Repository for Kept {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        let name = without_version(name).unwrap_or(name);
        let found = if name == "root.json" { None } else { self.get(name) };
        Box::pin(async move { Ok(found.filter(|bytes| bytes.len() as u64 <= max_length)) })
    }

    /// Targets are taken from the store.
    fn fetch_target<'a>(&'a self, _path: &'a str, _max_length: u64) -> FetchFuture<'a> {
        Box::pin(async { Ok(None) })
    }
}
