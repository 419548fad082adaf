//! Whether files are still what they were: asked of the file system often, so content is read only when
//! their times, sizes or places say that it may be another.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::policy_files::MAX_POLICY_FILE;
use crate::policy_root::read_within;
use crate::resolve::image::document::sha256;
use crate::serve::recording_root::RecordingRoot;

/// A file that changed this recently may change again without a new time: clocks of file systems are coarse.
const COARSE: Duration = Duration::from_secs(2);

/// The files that some policies were loaded from.
pub(super) struct Watch {
    coarse: Duration,
    files: BTreeMap<PathBuf, Watched>,
    /// What policies read while they decide is watched from then on.
    roots: Vec<(PathBuf, Arc<RecordingRoot>)>,
}

struct Watched {
    loaded: Seen,
    now: Seen,
    /// With which `now` was read; `None` when it can't be relied upon.
    stamp: Option<Stamp>,
}

/// What was seen at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// Nothing that can be read.
    Nothing,
    /// A file, by its digest.
    File(String),
    /// A folder, by the names of its policies.
    Folder(Vec<PathBuf>),
}

/// A path, and what is there now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    path: PathBuf,
    now: Seen,
}

/// Tells versions of a file apart without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("files", &self.files.keys()).finish_non_exhaustive()
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self { coarse: COARSE, files: BTreeMap::new(), roots: Vec::new() }
    }
}

impl Watch {
    /// Watches a file or folder; what is there now is what it should be.
    pub(super) fn add(&mut self, path: &Path) {
        let (now, stamp) = look(path, self.coarse);
        self.files.insert(path.to_owned(), Watched { loaded: now.clone(), now, stamp });
    }

    /// Watches what is read through `root`, which lies at `path`.
    pub(super) fn add_root(&mut self, path: PathBuf, root: Arc<RecordingRoot>) {
        self.roots.push((path, root));
    }

    /// What is not as it should be.
    pub(super) fn differences(&mut self) -> Vec<Difference> {
        for (folder, root) in &self.roots {
            for (path, digest) in root.files() {
                self.files.entry(folder.join(path)).or_insert_with(|| {
                    let loaded = Seen::File(digest);
                    Watched { now: loaded.clone(), loaded, stamp: None }
                });
            }
        }
        let mut differences = Vec::new();
        for (path, watched) in &mut self.files {
            if watched.stamp.is_none() || watched.stamp != stamp(path, self.coarse) {
                (watched.now, watched.stamp) = look(path, self.coarse);
            }
            if watched.now != watched.loaded {
                differences.push(Difference { path: path.clone(), now: watched.now.clone() });
            }
        }
        differences
    }

    /// What was found is what it should be.
    pub(super) fn accept(&mut self) {
        self.files.values_mut().for_each(|watched| watched.loaded = watched.now.clone());
    }
}

/// Whether a folder's file is a policy, by its name.
pub(super) fn is_policy(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rego")
        && !path.file_stem().is_some_and(|stem| stem.as_encoded_bytes().ends_with(b"_test"))
}

fn look(path: &Path, coarse: Duration) -> (Seen, Option<Stamp>) {
    // Before reading: what changes meanwhile has another stamp afterwards.
    let before = stamp(path, coarse);
    let seen = match path.metadata() {
        Ok(metadata) if metadata.is_dir() => folder(path),
        Ok(metadata) if metadata.is_file() => file(path),
        _ => None,
    };
    (seen.unwrap_or(Seen::Nothing), before)
}

fn file(path: &Path) -> Option<Seen> {
    let content = read_within(File::open(path).ok()?, MAX_POLICY_FILE).ok()?;
    Some(Seen::File(sha256(&content)))
}

fn folder(path: &Path) -> Option<Seen> {
    let entries: Result<Vec<_>, _> = path.read_dir().ok()?.map(|entry| entry.map(|e| e.path())).collect();
    let mut names: Vec<PathBuf> = entries.ok()?.into_iter().filter(|path| is_policy(path)).collect();
    names.sort();
    Some(Seen::Folder(names))
}

/// None where the next change might not show in it.
fn stamp(path: &Path, coarse: Duration) -> Option<Stamp> {
    let metadata = path.metadata().ok()?;
    let old = |time: SystemTime| SystemTime::now().duration_since(time).is_ok_and(|age| age > coarse);
    let reliable = metadata.modified().is_ok_and(old) && changed(&metadata).is_some_and(old);
    reliable.then(|| Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_tell_versions_apart() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a.rego"), dir.path().join("other"));
        std::fs::write(&path, "one").unwrap();
        let mut watch = Watch { coarse: Duration::ZERO, ..Watch::default() };
        watch.add(&path);
        assert!(watch.files[&path].stamp.is_some(), "its stamp is relied upon");
        assert_eq!(watch.differences(), []);
        // Another size.
        std::fs::write(&path, "three").unwrap();
        let found = Seen::File(sha256(b"three"));
        assert_eq!(watch.differences(), [Difference { path: path.clone(), now: found }]);
        // Same size and times, another file.
        std::fs::write(&other, "seven").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(watch.differences()[0].now, Seen::File(sha256(b"seven")));
        watch.accept();
        assert_eq!(watch.differences(), []);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(watch.differences()[0].now, Seen::Nothing);
    }

    #[test]
    fn fresh_stamps_are_not_relied_upon() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.rego");
        std::fs::write(&path, "one").unwrap();
        // A day from now the file is still fresh.
        assert_eq!(stamp(&path, Duration::from_hours(24)), None);
    }
}
