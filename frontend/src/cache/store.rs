//! The files of a cache.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Part of the path: another version keeps its files elsewhere.
const VERSION: &str = "v1";
/// Files that are being written.
const TEMPORARY: &str = "tmp";
/// After that long, nobody writes any more.
const STALE: Duration = Duration::from_hours(1);
/// A use is noted no more often than this.
const NOTE_USE: Duration = Duration::from_hours(1);
/// Folders within folders, below the version.
const MAX_DEPTH: usize = 4;
/// Tells backup programs to pass the folder over: <https://bford.info/cachedir/>.
const TAG: (&str, &str) =
    ("CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# by policy-check\n");

#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
}

/// A file.
#[derive(Debug)]
pub(super) struct Entry {
    /// As [`Store::remove`] takes it.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// When it was used last, or a bit before.
    pub(super) used: SystemTime,
}

impl Store {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn root(&self) -> PathBuf {
        self.dir.join(VERSION)
    }

    /// At most `limit` bytes of a file: whoever damaged it may have made it long.
    pub(super) fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let file = File::open(self.root().join(path))?;
        let now = SystemTime::now();
        let used = file.metadata()?.modified()?;
        if now.duration_since(used).is_ok_and(|age| age > NOTE_USE) {
            // Where the time can't be set, the order in which entries go is another.
            let _unnoted = file.set_modified(now);
        }
        let mut content = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Puts a file in its place, whole.
    pub(super) fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let path = self.root().join(path);
        let temporary = self.root().join(TEMPORARY);
        make_folder(&temporary)?;
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let tag = self.dir.join(TAG.0);
        if !tag.exists() {
            fs::write(tag, TAG.1)?;
        }
        let mut file = tempfile::NamedTempFile::new_in(temporary)?;
        file.write_all(content)?;
        match file.persist(&path) {
            Ok(_) => Ok(()),
            // Some systems refuse to replace what another run has open; that is the same content.
            Err(_) if path.is_file() => Ok(()),
            Err(error) => Err(error.error),
        }
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(self.root().join(path))
    }

    /// All files, in no order.
    pub(super) fn entries(&self) -> io::Result<Vec<Entry>> {
        let root = self.root();
        let mut entries = Vec::new();
        let mut folders = vec![(root.clone(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            for found in unless_gone(fs::read_dir(&folder))?.into_iter().flatten() {
                let found = found?;
                let path = found.path();
                // Does not follow links: nothing in here is one.
                let Some(metadata) = unless_gone(found.metadata())? else { continue };
                if metadata.is_dir() && depth < MAX_DEPTH && path != root.join(TEMPORARY) {
                    folders.push((path, depth + 1));
                } else if let (true, Ok(path)) = (metadata.is_file(), path.strip_prefix(&root)) {
                    let (path, bytes) = (path.to_owned(), metadata.len());
                    entries.push(Entry { path, bytes, used: metadata.modified()? });
                }
            }
        }
        Ok(entries)
    }

    /// Removes what runs that were killed left half-written.
    pub(super) fn remove_stale(&self) -> io::Result<()> {
        for found in unless_gone(fs::read_dir(self.root().join(TEMPORARY)))?.into_iter().flatten() {
            let found = found?;
            let Some(metadata) = unless_gone(found.metadata())? else { continue };
            let age = metadata.modified()?.elapsed();
            if metadata.is_file() && age.is_ok_and(|age| age > STALE) {
                unless_gone(fs::remove_file(found.path()))?;
            }
        }
        Ok(())
    }

    pub(super) fn remove_all(&self) -> io::Result<()> {
        unless_gone(fs::remove_dir_all(self.root())).map(drop)
    }
}

/// Only for the user.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Other runs remove files, too.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
