//! Where the policies under test read files from.

use std::path::{Path, PathBuf};

use policy_engine::policy::{FileError, PolicyRoot};

use crate::policy_files::PolicyFileError;
use crate::policy_root::DiskRoot;

/// Several folders: a file is taken from the first that has it.
pub(super) struct Layers {
    folders: Vec<(PathBuf, DiskRoot)>,
}

impl Layers {
    /// Opens the folders, each once.
    pub(super) fn open(folders: &[&Path]) -> Result<Self, PolicyFileError> {
        let mut opened: Vec<(PathBuf, DiskRoot)> = Vec::new();
        for folder in folders {
            if opened.iter().any(|(other, _)| other == folder) {
                continue;
            }
            let path = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            let root = DiskRoot::open(path)
                .map_err(|cause| PolicyFileError::Root { path: path.display().to_string(), cause })?;
            opened.push(((*folder).to_owned(), root));
        }
        Ok(Self { folders: opened })
    }
}

impl PolicyRoot for Layers {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        for (_, root) in &self.folders {
            match root.read(path, limit) {
                Err(FileError::NotFound) => {}
                found => return found,
            }
        }
        Err(FileError::NotFound)
    }

    fn shown(&self, path: &str) -> String {
        let found = self.folders.iter().find(|(folder, _)| folder.join(path).exists());
        found.map_or_else(|| path.to_owned(), |(folder, _)| folder.join(path).display().to_string())
    }
}
