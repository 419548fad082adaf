//! A policy's root with the libraries that its `policy-libraries.json` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use policy_engine::policy::{FileError, PolicyFile, PolicyRoot};

use super::libraries::{Libraries, Library, read};
use super::{DistributionError, Fetched, Fetcher, FilesRoot, ListedPlace, MAX_BYTES, Place};

/// Libraries from elsewhere that one build may bring along.
const MAX_SENT: usize = 16;
/// The part of the cache with what builds bring along: what else is in there isn't theirs to read, nor theirs to add to.
const CACHE: &str = "sent";
/// How long all libraries of one build may take together.
const SENT_TIME: Duration = Duration::from_mins(1);

/// A policy's root with libraries. What lies below a library's name comes from the library and from nowhere else. A
/// library is fetched when something of it is read.
pub struct LibraryRoot {
    root: Arc<dyn PolicyRoot>,
    whose: Whose,
    /// Read at once where it is ours, else when something is read that may be of a library.
    libraries: OnceLock<Result<Libraries, FileError>>,
    fetcher: Fetcher,
    loaded: Mutex<Loaded>,
}

/// Who wrote the file that names libraries.
enum Whose {
    /// It lies in this folder of this machine.
    Ours(PathBuf),
    /// It came with a build: only what is listed counts.
    Sent,
}

#[derive(Default)]
struct Loaded {
    files: BTreeMap<String, FilesRoot>,
    /// What was fetched for a build that was sent.
    bytes: u64,
    spent: Duration,
}

impl LibraryRoot {
    /// `root`, with libraries if there is a file that names some. `folder` is where `root` lies.
    pub fn over(
        root: Arc<dyn PolicyRoot>,
        folder: PathBuf,
        fetcher: &Fetcher,
    ) -> Result<Arc<dyn PolicyRoot>, DistributionError> {
        let Some(libraries) = read(&*root, &folder)? else { return Ok(root) };
        Ok(Arc::new(Self::new(root, Whose::Ours(folder), OnceLock::from(Ok(libraries)), fetcher)))
    }

    /// `root`, which came with a build, with its libraries: those in itself, and those from the places `listed`. Who
    /// sends a build must not make this machine fetch anything else.
    pub fn over_sent(
        root: Arc<dyn PolicyRoot>,
        listed: &[ListedPlace],
        fetcher: &Fetcher,
    ) -> Arc<dyn PolicyRoot> {
        let cache = fetcher.cache.as_ref().map(|cache| Arc::new(cache.apart(CACHE)));
        let fetcher = Fetcher { cache, listed: Some(listed.into()), ..fetcher.clone() };
        Arc::new(Self::new(root, Whose::Sent, OnceLock::new(), &fetcher))
    }

    fn new(
        root: Arc<dyn PolicyRoot>,
        whose: Whose,
        libraries: OnceLock<Result<Libraries, FileError>>,
        fetcher: &Fetcher,
    ) -> Self {
        Self { root, whose, libraries, fetcher: fetcher.clone(), loaded: Mutex::default() }
    }

    fn named(&self, name: &str) -> Result<Option<&Library>, FileError> {
        let libraries = self.libraries.get_or_init(|| {
            let libraries = read(&*self.root, Path::new("")).map_err(|error| unavailable(&error))?;
            Ok(libraries.unwrap_or_default())
        });
        Ok(libraries.as_ref().map_err(Clone::clone)?.libraries.get(name))
    }

    fn files(&self, name: &str, library: &Library) -> Result<FilesRoot, FileError> {
        // Held while it is fetched: whoever asks meanwhile gets the same.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = loaded.files.get(name) {
            return Ok(files.clone());
        }
        let fetched = match &self.whose {
            Whose::Ours(folder) => library.pinned(name, folder, &*self.root, &self.fetcher),
            Whose::Sent => self.sent(name, library, &mut loaded),
        };
        let files = fetched.map_err(|error| unavailable(&error))?.files.root();
        loaded.files.insert(name.to_owned(), files.clone());
        Ok(files)
    }

    /// Of a build that was sent: what is listed, and within limits.
    fn sent(&self, name: &str, library: &Library, loaded: &mut Loaded) -> Result<Fetched, DistributionError> {
        let place: Place = library.from.parse()?;
        if !self.fetcher.listed.iter().flat_map(|listed| listed.iter()).any(|listed| listed.covers(&place)) {
            return Err(DistributionError::NotListed(place.to_string()).of_library(name));
        }
        let limit =
            |reason: String| DistributionError::Files { place: place.to_string(), reason }.of_library(name);
        if loaded.files.len() >= MAX_SENT {
            return Err(limit(format!("a build may bring along {MAX_SENT} libraries from elsewhere")));
        }
        let Some(left) = SENT_TIME.checked_sub(loaded.spent).filter(|left| !left.is_zero()) else {
            return Err(limit(format!(
                "the libraries of a build may take {} s together",
                SENT_TIME.as_secs()
            )));
        };
        let fetcher = Fetcher { timeout: Some(left), ..self.fetcher.clone() };
        let begun = Instant::now();
        let fetched = library.pinned(name, Path::new(""), &*self.root, &fetcher);
        loaded.spent += begun.elapsed();
        let fetched = fetched?;
        loaded.bytes = loaded.bytes.saturating_add(fetched.files.bytes());
        if loaded.bytes > MAX_BYTES {
            return Err(limit(format!("the libraries of a build may have {MAX_BYTES} bytes together")));
        }
        Ok(fetched)
    }
}

/// The folder of a library that came with a build: read file by file, as all that comes with it.
fn folder_of(whose: &Whose, library: &Library) -> Option<String> {
    let (Whose::Sent, Ok(Place::Folder(folder))) = (whose, library.from.parse()) else { return None };
    let names: Vec<_> = Path::new(&folder).iter().map(std::ffi::OsStr::to_string_lossy).collect();
    Some(names.join("/"))
}

impl PolicyRoot for LibraryRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        let Some((name, below)) = split(path) else { return self.root.read(path, limit) };
        let Some(library) = self.named(name)? else { return self.root.read(path, limit) };
        match folder_of(&self.whose, library) {
            Some(folder) => read_below(&*self.root, &format!("{folder}/"), name, below, limit),
            None => read_below(&self.files(name, library)?, "", name, below, limit),
        }
    }

    /// Of a library, the files that declare the package, with the library's name before it or without.
    fn package(&self, path: &str) -> Result<Vec<PolicyFile>, FileError> {
        let Some((name, below)) = split(path) else { return self.root.package(path) };
        let Some(library) = self.named(name)? else { return self.root.package(path) };
        if folder_of(&self.whose, library).is_some() {
            return Ok(Vec::new());
        }
        let files = self.files(name, library)?;
        let mut own = format!("{below}.rego");
        if files.read(&own, u64::MAX) == Err(FileError::NotFound) {
            own = format!("{name}/{own}");
        }
        let before = format!("{name}/");
        let mut declared = files.declared(below, &own, &before)?;
        declared.extend(files.declared(&format!("{name}/{below}"), &own, &before)?);
        Ok(declared)
    }

    fn shown(&self, path: &str) -> String {
        let name = path.split('/').next().unwrap_or_default();
        let libraries = self.libraries.get().and_then(|libraries| libraries.as_ref().ok());
        if libraries.is_some_and(|libraries| libraries.libraries.contains_key(name)) {
            path.to_owned()
        } else {
            self.root.shown(path)
        }
    }
}

/// A library's name and what lies below it. `import data.acme` alone is a file of the policy's own.
fn split(path: &str) -> Option<(&str, &str)> {
    path.trim_start_matches("./").split_once('/')
}

fn read_below(
    root: &dyn PolicyRoot,
    before: &str,
    name: &str,
    below: &str,
    limit: u64,
) -> Result<Vec<u8>, FileError> {
    match root.read(&format!("{before}{below}"), limit) {
        // Bundles often carry their root as a folder.
        Err(FileError::NotFound) => root.read(&format!("{before}{name}/{below}"), limit),
        read => read,
    }
}

fn unavailable(error: &DistributionError) -> FileError {
    let help = error.help().map(|help| format!("; {help}")).unwrap_or_default();
    FileError::Other(format!("{error}{help}"))
}

#[cfg(test)]
mod tests;
