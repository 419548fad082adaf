//! What TUF repositories delivered, kept from one run to the next: a file per repository.
//!
//! A file holds everything that belongs together and is replaced as a whole, so that a reader never sees half of an
//! update. It is verified whenever it is read, so whoever can write it can at most bring back what was published
//! once and has not expired yet.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tuf::Files;

/// The version of the format.
const VERSION: u32 = 1;
/// Bytes of a file.
const LIMIT: u64 = 32 << 20;
/// How often a lock is tried again.
const TRY_LOCK: Duration = Duration::from_millis(50);

/// The folder `trust` of the cache, which need not exist.
#[derive(Debug, Clone)]
pub struct TrustCache {
    dir: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    version: u32,
    /// Contents by name. All of TUF's metadata and Sigstore's targets are JSON, so text.
    files: BTreeMap<String, String>,
}

impl TrustCache {
    /// In the cache folder `dir`.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.join("trust") }
    }

    /// What was kept of the repository `name`; nothing when there is no such file, or it is damaged.
    pub fn load(&self, name: &str) -> Files {
        self.read(name).unwrap_or_default()
    }

    fn read(&self, name: &str) -> Option<Files> {
        let mut text = String::new();
        File::open(self.path(name, "json")).ok()?.take(LIMIT).read_to_string(&mut text).ok()?;
        let document: Document = serde_json::from_str(&text).ok()?;
        let files = document.files.into_iter().map(|(name, content)| (name, content.into_bytes()));
        (document.version == VERSION).then(|| files.collect())
    }

    /// Replaces what is kept of the repository `name`.
    pub fn save(&self, name: &str, files: &Files) -> io::Result<()> {
        let text = |(name, content): (&String, &Vec<u8>)| {
            let content = String::from_utf8(content.clone()).map_err(io::Error::other)?;
            Ok::<_, io::Error>((name.clone(), content))
        };
        let document =
            Document { version: VERSION, files: files.iter().map(text).collect::<Result<_, _>>()? };
        self.make_dir()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(&serde_json::to_vec(&document)?)?;
        file.persist(self.path(name, "json"))?;
        Ok(())
    }

    /// Waits until no other run updates the repository `name`, at most as long as `patience`. The lock ends with the
    /// value. Where there is none, updates at the same time are as safe, but one may go back to what another has
    /// replaced.
    pub async fn lock(&self, name: &str, patience: Duration) -> Option<File> {
        self.make_dir().ok()?;
        let file = File::create(self.path(name, "lock")).ok()?;
        let locked = async {
            loop {
                match file.try_lock() {
                    Ok(()) => return true,
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(TRY_LOCK).await,
                    Err(TryLockError::Error(_)) => return false,
                }
            }
        };
        tokio::time::timeout(patience, locked).await.unwrap_or(false).then_some(file)
    }

    /// Only for the user.
    fn make_dir(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.dir).or_else(|error| if self.dir.is_dir() { Ok(()) } else { Err(error) })
    }

    fn path(&self, name: &str, extension: &str) -> PathBuf {
        self.dir.join(name).with_extension(extension)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}
