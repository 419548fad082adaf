//! Which test files there are, and which policy each of them is for.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use policy_engine::policy::PolicyFile;
use policy_engine::policy::suite::{imports_of, package_of};

use super::{Selection, TestError};
use crate::policy_files::{PolicyFileError, read_policy_file};

/// What test files end in.
const SUFFIX: &str = "_test.rego";
/// The policy of a folder, where no other is meant.
const DEFAULT_POLICY: &str = "Dockerfile.rego";
/// Folders that hold what others wrote.
const SKIPPED_FOLDERS: [&str; 1] = ["node_modules"];
/// Folders may nest this deep.
const MAX_DEPTH: usize = 64;

/// Test files of one folder that are for one policy: they are loaded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The folder of the tests.
    pub folder: PathBuf,
    /// The policy; `None` where the tests import all that they test.
    pub policy: Option<PolicyFile>,
    /// The tests, sorted by name.
    pub tests: Vec<PolicyFile>,
}

/// Finds the test files, and the policy that each is for:
///
/// - the one that is named, if one is;
/// - `x.rego` beside `x_test.rego`, unless it is of another package that the test doesn't import either;
/// - `Dockerfile.rego` in the folder of the test, or the nearest one above it, up to the working directory.
///
/// Groups are sorted by folder, then by policy.
pub fn discover(selection: &Selection) -> Result<Vec<Group>, TestError> {
    let named = selection.policy.as_deref().map(named).transpose()?;
    let mut files = Vec::new();
    for path in &selection.paths {
        let path = simple(path);
        let metadata = metadata(&path)?;
        if metadata.is_dir() {
            walk(&path, 0, &mut |file| {
                if is_test(file) {
                    files.push(file.to_owned());
                }
            })?;
        } else if is_test(&path) {
            files.push(path);
        } else {
            return Err(TestError::Suffix(path));
        }
    }
    if files.is_empty() {
        return Err(TestError::NoFiles);
    }
    group(files, named.as_ref())
}

/// The groups of these test files.
fn group(mut files: Vec<PathBuf>, named: Option<&PolicyFile>) -> Result<Vec<Group>, TestError> {
    files.sort();
    files.dedup();
    let mut groups: BTreeMap<(PathBuf, Option<String>), Group> = BTreeMap::new();
    for file in files {
        let test = read_policy_file(&file)?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let policy = match named {
            Some(policy) => Some(policy.clone()),
            None => policy_of(&file, &test)?,
        };
        let key = (folder.clone(), policy.as_ref().map(|policy| policy.name.clone()));
        let group = groups.entry(key).or_insert(Group { folder, policy, tests: Vec::new() });
        group.tests.push(test);
    }
    Ok(groups.into_values().collect())
}

/// Every policy file that is selected, those of tests included, sorted: files, and what lies below folders.
pub fn rego_files(selection: &Selection) -> Result<Vec<PathBuf>, TestError> {
    let mut files = Vec::new();
    for path in &selection.paths {
        let path = simple(path);
        if metadata(&path)?.is_dir() {
            walk(&path, 0, &mut |file| {
                if file.extension().is_some_and(|extension| extension == "rego") {
                    files.push(file.to_owned());
                }
            })?;
        } else {
            files.push(path);
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// All that is selected in groups to load: tests with their policies, and each policy alone.
pub fn groups(selection: &Selection) -> Result<(Vec<Group>, Vec<Group>), TestError> {
    let (tests, policies): (Vec<_>, Vec<_>) =
        rego_files(selection)?.into_iter().partition(|path| is_test(path));
    let alone = policies.iter().map(|path| {
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Group { folder, policy: Some(read_policy_file(path)?), tests: Vec::new() })
    });
    Ok((group(tests, None)?, alone.collect::<Result<_, TestError>>()?))
}

/// The policies below the selected folders, sorted: every `.rego` file that holds no tests.
pub(super) fn policies(selection: &Selection) -> Result<Vec<PathBuf>, TestError> {
    let mut found = Vec::new();
    for path in &selection.paths {
        let path = simple(path);
        if metadata(&path)?.is_dir() {
            walk(&path, 0, &mut |file| {
                let is_rego = file.extension().is_some_and(|extension| extension == "rego");
                if is_rego && !is_test(file) {
                    found.push(file.to_owned());
                }
            })?;
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Calls `each` for every file below a folder. Hidden folders and symlinks to folders are passed over.
pub(super) fn walk(folder: &Path, depth: usize, each: &mut dyn FnMut(&Path)) -> Result<(), TestError> {
    if depth > MAX_DEPTH {
        return Err(TestError::Depth { path: folder.to_owned(), limit: MAX_DEPTH });
    }
    let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |cause| TestError::Read { path: shown.to_owned(), cause };
    for entry in shown.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(failed)?);
        let path = folder.join(&name);
        let name = name.to_string_lossy();
        if !kind.is_dir() {
            each(&path);
        } else if !name.starts_with('.') && !SKIPPED_FOLDERS.contains(&&*name) {
            walk(&path, depth + 1, each)?;
        }
    }
    Ok(())
}

/// Without `.` in it, and relative where it lies in the working directory.
pub fn simple(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let path = here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn metadata(path: &Path) -> Result<std::fs::Metadata, TestError> {
    let shown = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    shown.metadata().map_err(|cause| TestError::Read { path: shown.to_owned(), cause })
}

fn is_test(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(SUFFIX))
}

/// The policy that the command line names.
fn named(name: &str) -> Result<PolicyFile, TestError> {
    let is_rego = Path::new(name).extension().is_some_and(|extension| extension == "rego");
    let path = if is_rego { PathBuf::from(name) } else { PathBuf::from(format!("{name}.rego")) };
    Ok(read_policy_file(&simple(&path))?)
}

fn policy_of(path: &Path, test: &PolicyFile) -> Result<Option<PolicyFile>, TestError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside = name.strip_suffix(SUFFIX).map(|stem| folder.join(format!("{stem}.rego")));
    if let Some(policy) = beside.as_deref().map(read_if_there).transpose()?.flatten()
        && belong_together(&policy.text, &test.text)
    {
        return Ok(Some(policy));
    }
    for folder in folder.ancestors() {
        let is_outside = folder.as_os_str() == "/";
        if let Some(policy) = read_if_there(&folder.join(DEFAULT_POLICY))?.filter(|_| !is_outside) {
            return Ok(Some(policy));
        }
    }
    Ok(None)
}

fn read_if_there(path: &Path) -> Result<Option<PolicyFile>, TestError> {
    match read_policy_file(path) {
        Ok(policy) => Ok(Some(policy)),
        Err(PolicyFileError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a test is of a policy's package (or of that with `_test` behind it), or imports it. What cannot be
/// parsed is loaded, and so reported.
fn belong_together(policy: &str, test: &str) -> bool {
    let (Some(policy), Some(package)) = (package_of(policy), package_of(test)) else { return true };
    let mut for_tests = policy.clone();
    if let Some(last) = for_tests.last_mut() {
        last.push_str("_test");
    }
    package == policy
        || package == for_tests
        || imports_of(test).iter().any(|import| import.starts_with(&policy))
}
