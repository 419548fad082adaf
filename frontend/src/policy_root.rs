//! The folder that a policy may read from, and nothing outside of it.

use std::io::Read;
use std::path::{Component, Path};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use policy_engine::policy::{FileError, PolicyRoot};

/// A folder on disk as a policy's root. Paths are opened relative to the folder's handle, component by
/// component, so neither `..` nor a symlink leads out, whatever happens to the folder meanwhile.
#[derive(Debug)]
pub struct DiskRoot {
    dir: Dir,
}

impl DiskRoot {
    /// Opens the folder `path`.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self { dir: Dir::open_ambient_dir(path, ambient_authority())? })
    }
}

impl PolicyRoot for DiskRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let path = Path::new(path);
        if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(FileError::Escapes);
        }
        // Asked before opening: opening a named pipe would wait for its writer.
        self.regular_file(path)?;
        let file = self.dir.open(path).map_err(|error| file_error(&error))?;
        read_within(file, limit)
    }
}

impl DiskRoot {
    fn regular_file(&self, path: &Path) -> Result<(), FileError> {
        let metadata = self.dir.metadata(path).map_err(|error| file_error(&error))?;
        if metadata.is_dir() {
            return Err(FileError::Other("a folder, not a file".into()));
        }
        if !metadata.is_file() {
            return Err(FileError::Other("not a regular file".into()));
        }
        Ok(())
    }
}

/// Reads all of `source`, or fails when there is more than `limit` bytes.
pub(crate) fn read_within(source: impl Read, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut content = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(|error| file_error(&error))?;
    if content.len() as u64 > limit {
        return Err(FileError::TooLarge(limit));
    }
    Ok(content)
}

fn file_error(error: &std::io::Error) -> FileError {
    match error.kind() {
        std::io::ErrorKind::NotFound => FileError::NotFound,
        // cap-std reports a path that leads out as a permission error without an errno.
        std::io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => FileError::Escapes,
        _ => FileError::Other(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn root() -> (tempfile::TempDir, DiskRoot) {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let inside = outside.path().join("root");
        std::fs::create_dir_all(inside.join("data")).unwrap();
        std::fs::write(inside.join("data/pins.json"), "{}").unwrap();
        let root = DiskRoot::open(&inside).unwrap();
        (outside, root)
    }

    #[test]
    fn reads_inside() {
        let (_outside, root) = root();
        assert_eq!(root.read("data/pins.json", 100), Ok(b"{}".to_vec()));
        assert_eq!(root.read("./data/pins.json", 2), Ok(b"{}".to_vec()));
    }

    #[test]
    fn refuses_paths_that_lead_out() {
        let (outside, root) = root();
        let absolute = outside.path().join("root/data/pins.json");
        for path in ["../secret", "data/../../secret", "data/../data/pins.json", absolute.to_str().unwrap()] {
            assert_eq!(root.read(path, 100), Err(FileError::Escapes), "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn follows_symlinks_inside_only() {
        let (outside, root) = root();
        let inside = outside.path().join("root");
        std::os::unix::fs::symlink("data/pins.json", inside.join("in")).unwrap();
        std::os::unix::fs::symlink("../secret", inside.join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.join("absolute")).unwrap();
        std::os::unix::fs::symlink("..", inside.join("up")).unwrap();
        assert_eq!(root.read("in", 100), Ok(b"{}".to_vec()));
        for path in ["out", "absolute", "up/secret"] {
            assert_eq!(root.read(path, 100), Err(FileError::Escapes), "{path}");
        }
    }

    #[test]
    fn names_limit_and_kind() {
        let (_outside, root) = root();
        assert_eq!(root.read("data/pins.json", 1), Err(FileError::TooLarge(1)));
        assert_eq!(root.read("nope", 1), Err(FileError::NotFound));
        assert_eq!(root.read("data", 1), Err(FileError::Other("a folder, not a file".into())));
        assert!(root.read("nul\0byte", 1).is_err());
    }
}
