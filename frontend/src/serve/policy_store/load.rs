//! From flags to policies, and to the files that have to be watched.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_engine::policy::{FileError, LoadOptions, Policy, PolicyFile, PolicySet};

use super::PolicyStoreError;
use super::watch::{Watch, is_policy};
use crate::distribution::libraries::{FILE_NAME, remote_policy};
use crate::distribution::{Fetcher, LibraryRoot};
use crate::policy_files::{PolicyFileError, open_root, read_policy_file, remote};
use crate::policy_spec::PolicySpec;
use crate::serve::recording_root::RecordingRoot;

/// One policy.
enum Named {
    /// Its files, and the folder it reads from.
    Files { files: Vec<PathBuf>, root: PathBuf },
    /// The place on another machine where it lies.
    Remote(String),
}

/// Loads everything, or tells every problem; and what to watch in either case.
pub(super) fn load(
    specs: &[PolicySpec],
    strict: bool,
    fetcher: &Fetcher,
) -> (Result<PolicySet, Vec<PolicyStoreError>>, Watch) {
    let mut watch = Watch::default();
    let mut problems = Vec::new();
    let mut policies = PolicySet::default();
    for spec in specs {
        let named = named(spec, &mut watch).unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        for named in named {
            let policy = match named {
                Named::Files { files, root } => local(&files, root, strict, fetcher, &mut watch),
                Named::Remote(place) => elsewhere(&place, strict, fetcher, &mut watch),
            };
            match policy {
                Ok(policy) => policies.policies.push(Arc::new(policy)),
                Err(found) => problems.extend(found),
            }
        }
    }
    (if problems.is_empty() { Ok(policies) } else { Err(problems) }, watch)
}

/// The policies of one flag.
fn named(spec: &PolicySpec, watch: &mut Watch) -> Result<Vec<Named>, PolicyStoreError> {
    for (given, option) in [
        (spec.disabled, "disabled=true"),
        (spec.reset, "reset=true"),
        (spec.strict == Some(false), "strict=false"),
        (spec.log_level.is_some(), "log-level="),
    ] {
        if given {
            return Err(PolicyStoreError::Option(option));
        }
    }
    if let Some(place) = remote(spec)? {
        return Ok(vec![Named::Remote(place.to_owned())]);
    }
    // As `--policy` of the other commands spells the working directory.
    let path = |name: &String| PathBuf::from(name.strip_prefix("cwd://").unwrap_or(name));
    let files: Vec<PathBuf> = spec.files.iter().map(path).collect();
    let Some(first) = files.first() else { return Err(PolicyStoreError::NoFile) };
    match files.iter().find(|path| path.is_dir()) {
        Some(folder) if files.len() == 1 => in_folder(folder, watch),
        Some(folder) => Err(PolicyStoreError::FolderAmongFiles(folder.display().to_string())),
        None => {
            let root = parent(first);
            Ok(vec![Named::Files { files, root }])
        }
    }
}

fn parent(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn in_folder(folder: &Path, watch: &mut Watch) -> Result<Vec<Named>, PolicyStoreError> {
    watch.add(folder);
    let shown = || folder.display().to_string();
    let list_error = |cause| PolicyStoreError::Folder { path: shown(), cause };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(list_error)? {
        let path = entry.map_err(list_error)?.path();
        if is_policy(&path) && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(PolicyStoreError::EmptyFolder(shown()));
    }
    Ok(files.into_iter().map(|file| Named::Files { files: vec![file], root: folder.to_owned() }).collect())
}

/// A policy in files of this machine.
fn local(
    paths: &[PathBuf],
    folder: PathBuf,
    strict: bool,
    fetcher: &Fetcher,
    watch: &mut Watch,
) -> Result<Policy, Vec<PolicyStoreError>> {
    let mut files = Vec::new();
    let mut problems: Vec<PolicyStoreError> = Vec::new();
    for path in paths {
        // Noted before it is read, so that a change in between is noticed.
        watch.add(path);
        match read(path) {
            Ok(file) => files.push(file),
            Err(problem) => problems.push(problem.into()),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let root = open_root(&folder).map_err(|error| vec![error.into()])?;
    let root = Arc::new(RecordingRoot::new(root));
    watch.add_root(folder.clone(), Arc::clone(&root));
    // What comes from libraries never changes; the file that names them is watched like others.
    watch.add(&folder.join(FILE_NAME));
    let root = LibraryRoot::over(root, folder, fetcher)
        .map_err(|error| vec![PolicyFileError::from(error).into()])?;
    compile(&LoadOptions { files, root: Some(root), strict })
}

/// A policy on another machine. A tag may stand for what a `policy-libraries.json` in the working directory says.
fn elsewhere(
    place: &str,
    strict: bool,
    fetcher: &Fetcher,
    watch: &mut Watch,
) -> Result<Policy, Vec<PolicyStoreError>> {
    let here = PathBuf::from(".");
    watch.add(&here.join(FILE_NAME));
    let policy = open_root(&here).and_then(|locks| {
        // A key that is named there is watched as well.
        let locks = Arc::new(RecordingRoot::new(locks));
        watch.add_root(here.clone(), Arc::clone(&locks));
        Ok(remote_policy(place, &*locks, &here, fetcher)?)
    });
    let (files, root) = policy.map_err(|error| vec![error.into()])?;
    compile(&LoadOptions { files, root: Some(root), strict })
}

fn compile(options: &LoadOptions) -> Result<Policy, Vec<PolicyStoreError>> {
    Policy::load(options).map_err(|error| vec![PolicyFileError::Load(error).into()])
}

fn read(path: &Path) -> Result<PolicyFile, PolicyFileError> {
    // Opening a named pipe would wait for its writer.
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let cause = FileError::Other("not a regular file".into());
        return Err(PolicyFileError::Read { path: path.display().to_string(), cause });
    }
    read_policy_file(path)
}
