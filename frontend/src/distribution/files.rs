//! The files of a policy or a library, within limits.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use cap_std::fs::Dir;
use policy_engine::policy::{FileError, PolicyFile, PolicyRoot, declared_package};
use tar::{Archive, Builder, EntryType, Header};

use super::libraries::FILE_NAME;
use crate::memory_tree::{MemoryTree, Node};
use crate::policy_files::MAX_POLICY_FILE;
use crate::policy_root::read_within;
use crate::resolve::image::document::sha256;

/// Files of one policy or library.
pub const MAX_FILES: usize = 2_000;
/// All of them together, in bytes.
pub const MAX_BYTES: u64 = 64 << 20;
/// Entries of an archive, and of folders that are walked, whatever they are.
const MAX_ENTRIES: usize = 20_000;
/// Folders within folders.
const MAX_DEPTH: usize = 32;
/// Bytes of an archive, decompressed: files, and a header and padding for each entry.
const MAX_ARCHIVE: u64 = MAX_BYTES + (MAX_ENTRIES as u64) * 1024;
/// Files of a bundle that are about the bundle.
const MANIFEST: &str = ".manifest";
const SIGNATURES: &str = ".signatures.json";

/// Rego, data, and keys, by path; nothing else is kept. Paths are relative, clean and have `/` between names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    files: BTreeMap<String, Bytes>,
    bytes: u64,
}

impl Files {
    /// The files of a folder of this machine. Links are an error, for they may lead anywhere.
    pub fn in_folder(folder: &Dir) -> Result<Self, String> {
        let mut files = Self::default();
        files.walk(folder, "", 0, &mut 0)?;
        Ok(files)
    }

    fn walk(&mut self, folder: &Dir, path: &str, depth: usize, seen: &mut usize) -> Result<(), String> {
        check_depth(path, depth)?;
        let failed = |error: std::io::Error| format!("cannot read the folder `{path}`: {error}");
        for entry in folder.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            count(seen)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') && name != MANIFEST {
                continue;
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            let failed = |error: std::io::Error| format!("cannot read `{path}`: {error}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                self.walk(&entry.open_dir().map_err(failed)?, &path, depth + 1, seen)?;
            } else if kind.is_file() && is_kept(&path) {
                let content = read_within(entry.open().map_err(failed)?, MAX_POLICY_FILE);
                self.insert(
                    &path,
                    content.map_err(|error| format!("cannot read `{path}`: {error}"))?.into(),
                )?;
            } else if kind.is_symlink() && is_kept(&path) {
                return Err(format!("`{path}` is a symlink, which policies from elsewhere may not have"));
            }
        }
        Ok(())
    }

    /// The files of a commit's folder.
    pub(super) fn in_tree(tree: &MemoryTree) -> Result<Self, String> {
        let mut files = Self::default();
        files.walk_tree(tree, &mut Vec::new(), &mut 0)?;
        Ok(files)
    }

    fn walk_tree(&mut self, tree: &MemoryTree, at: &mut Vec<String>, seen: &mut usize) -> Result<(), String> {
        check_depth(&at.join("/"), at.len())?;
        let names = tree.names(at).ok_or_else(|| format!("cannot read the folder `{}`", at.join("/")))?;
        for name in names {
            count(seen)?;
            if name.starts_with('.') && name != MANIFEST {
                continue;
            }
            at.push(name);
            let path = at.join("/");
            match tree.node(at) {
                Node::Folder => self.walk_tree(tree, at, seen)?,
                Node::File(content) if is_kept(&path) => self.insert(&path, content)?,
                Node::TooLarge(limit) if is_kept(&path) => {
                    return Err(format!("`{path}` is larger than the limit of {limit} bytes"));
                }
                Node::Link(_) if is_kept(&path) => {
                    return Err(format!("`{path}` is a symlink, which policies from elsewhere may not have"));
                }
                _ => {}
            }
            at.pop();
        }
        Ok(())
    }

    /// The files of a tar archive, which may be compressed with gzip.
    pub fn in_archive(archive: &[u8]) -> Result<Self, String> {
        let plain: Box<dyn Read + '_> = if archive.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::read::MultiGzDecoder::new(archive))
        } else {
            Box::new(archive)
        };
        // Whole first, so that a limit is named and doesn't look like an archive cut short.
        let plain = read_within(plain, MAX_ARCHIVE).map_err(|error| format!("the archive: {error}"))?;
        let failed = |error: std::io::Error| format!("the archive can't be read: {error}");
        let mut files = Self::default();
        let mut seen = 0;
        for entry in Archive::new(plain.as_slice()).entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            count(&mut seen)?;
            let name = entry.path_bytes().into_owned();
            let name =
                String::from_utf8(name).map_err(|_| "a name in the archive is not UTF-8".to_owned())?;
            match entry.header().entry_type() {
                EntryType::Directory | EntryType::XGlobalHeader => continue,
                EntryType::Regular | EntryType::Continuous => {}
                _ => return Err(format!("`{name}` in the archive is neither a file nor a folder")),
            }
            let path = clean(&name)?;
            if is_kept(&path) {
                let content = read_within(entry, MAX_POLICY_FILE);
                let content = content.map_err(|error| format!("cannot read `{path}`: {error}"))?;
                files.insert(&path, content.into())?;
            }
        }
        Ok(files)
    }

    /// Adds a file. One that is there already is an error: nobody could tell which counts.
    pub fn insert(&mut self, path: &str, content: Bytes) -> Result<(), String> {
        let path = clean(path)?;
        self.bytes = self.bytes.saturating_add(content.len() as u64);
        if self.bytes > MAX_BYTES {
            return Err(format!("its files have more than {MAX_BYTES} bytes"));
        }
        if self.files.len() >= MAX_FILES {
            return Err(format!("it has more than {MAX_FILES} files"));
        }
        match self.files.insert(path.clone(), content) {
            Some(_) => Err(format!("`{path}` is there twice")),
            None => Ok(()),
        }
    }

    /// Takes out what an OPA bundle says about itself, after holding the files to it.
    pub(super) fn checked_bundle(mut self) -> Result<Self, String> {
        self.remove(SIGNATURES);
        if let Some(manifest) = self.remove(MANIFEST) {
            super::layout::check_roots(&manifest, &self)?;
        }
        Ok(self)
    }

    fn remove(&mut self, path: &str) -> Option<Bytes> {
        let content = self.files.remove(path)?;
        self.bytes = self.bytes.saturating_sub(content.len() as u64);
        Some(content)
    }

    /// Paths and contents, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// Whether there is any Rego.
    pub fn has_rego(&self) -> bool {
        self.files.keys().any(|path| path.strip_suffix(".rego").is_some())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Bytes in all of them.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// `sha256:…` of [`Files::archive`]: of all paths and contents, and nothing else.
    pub fn digest(&self) -> String {
        sha256(&self.archive())
    }

    /// A tar archive of the files. Same files, same bytes.
    pub fn archive(&self) -> Bytes {
        let mut builder = Builder::new(Vec::new());
        for (path, content) in &self.files {
            let mut header = Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            header.set_mtime(0);
            // Writing to memory can't fail, and paths are clean; what is lost would change the digest.
            let _written = builder.append_data(&mut header, path, content.as_ref());
        }
        builder.into_inner().unwrap_or_default().into()
    }

    /// The files as a policy's root.
    pub fn root(&self) -> FilesRoot {
        let node = |(path, content): (&String, &Bytes)| (path.clone(), Node::File(content.clone()));
        let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, content) in self.iter().filter(|(path, _)| is_rego(path)) {
            if let Some(package) = std::str::from_utf8(content).ok().and_then(package) {
                packages.entry(package).or_default().push(path.to_owned());
            }
        }
        let tree = MemoryTree::new(self.files.iter().map(node).collect::<BTreeMap<_, _>>());
        FilesRoot { tree, packages: Arc::new(packages) }
    }

    /// The files of the policy in here: all of `package docker` that are no tests. `place` is put before their names. An
    /// error where a file doesn't tell its package, for it might be one of them.
    pub fn policy(&self, place: &str) -> Result<Vec<PolicyFile>, String> {
        let mut policy = Vec::new();
        for (path, content) in self.iter().filter(|(path, _)| is_rego(path)) {
            let (text, package) = declaring(path, content)?;
            if package == "docker" {
                policy.push(PolicyFile { name: format!("{place}//{path}"), text: text.to_owned() });
            }
        }
        Ok(policy)
    }
}

/// Files as a policy's root: packages are what files declare, as in an OPA bundle.
#[derive(Debug, Clone)]
pub struct FilesRoot {
    tree: MemoryTree,
    /// The paths of their files, tests aside, by packages with `/` between names.
    packages: Arc<BTreeMap<String, Vec<String>>>,
}

impl FilesRoot {
    /// The files that declare the package `path`, but for `own`; `before` is put before their names.
    pub(super) fn declared(&self, path: &str, own: &str, before: &str) -> Result<Vec<PolicyFile>, FileError> {
        let paths = self.packages.get(path).into_iter().flatten().filter(|path| *path != own);
        paths
            .map(|path| {
                let content = self.tree.read(path, MAX_POLICY_FILE)?;
                let name = format!("{before}{path}");
                let text = String::from_utf8(content);
                Ok(PolicyFile { name, text: text.map_err(|_| FileError::Other("not UTF-8 text".into()))? })
            })
            .collect()
    }
}

impl PolicyRoot for FilesRoot {
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError> {
        self.tree.read(path, limit)
    }

    fn package(&self, path: &str) -> Result<Vec<PolicyFile>, FileError> {
        self.declared(path, &format!("{path}.rego"), "")
    }
}

/// Rego that is no test.
fn is_rego(path: &str) -> bool {
    path.strip_suffix(".rego").is_some_and(|stem| !stem.ends_with("_test"))
}

/// The package that Rego declares, with `/` between names.
pub(super) fn package(text: &str) -> Option<String> {
    declared_package(text).map(|names| names.join("/"))
}

/// The text of a file and the package that it declares.
pub(super) fn declaring<'f>(path: &str, content: &'f [u8]) -> Result<(&'f str, String), String> {
    let text = std::str::from_utf8(content).map_err(|_| format!("`{path}` is not UTF-8"))?;
    let package = package(text).ok_or_else(|| format!("`{path}` declares no package"))?;
    Ok((text, package))
}

/// Rego, JSON and YAML, and public keys. What a bundle says about itself, too.
pub(super) fn is_kept(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_about_bundle = path == MANIFEST || path == SIGNATURES;
    let is_hidden = path.split('/').any(|part| part.starts_with('.'));
    let is_known = matches!(ending, "rego" | "json" | "yaml" | "yml" | "pub" | "pem" | "asc" | "gpg")
        || name == "allowed_signers";
    is_about_bundle || (is_known && !is_hidden && path != FILE_NAME)
}

/// The path, relative and clean. OPA writes one slash before the names in its bundles.
fn clean(path: &str) -> Result<String, String> {
    let relative = path.strip_prefix("./").or_else(|| path.strip_prefix('/')).unwrap_or(path);
    let is_sound = |part: &str| {
        !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']) && !part.chars().any(char::is_control)
    };
    if relative.len() <= 1024 && relative.split('/').count() <= MAX_DEPTH && relative.split('/').all(is_sound)
    {
        Ok(relative.to_owned())
    } else {
        Err(format!("{path:?} is no path that a file of a policy may have"))
    }
}

fn count(seen: &mut usize) -> Result<(), String> {
    *seen += 1;
    if *seen > MAX_ENTRIES { Err(format!("it has more than {MAX_ENTRIES} entries")) } else { Ok(()) }
}

fn check_depth(path: &str, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH { Err(format!("`{path}` lies more than {MAX_DEPTH} folders deep")) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
