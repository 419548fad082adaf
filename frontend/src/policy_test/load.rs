//! From files to suites that can be run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_engine::policy::suite::{Documents, Suite, Test};
use policy_engine::policy::{LoadError, LoadOptions, PolicyFile, PolicyRoot};

use super::root::Layers;
use super::{Group, Selection, TestError, data, discover};
use crate::distribution::LibraryRoot;
use crate::distribution::libraries::FILE_NAME;
use crate::policy_files::{PolicyFileError, read_policy_file};

/// A policy with its tests.
pub struct LoadedSuite {
    /// What it is called: its policy's file, and the folder of its tests where that is another.
    pub name: String,
    /// The policy's file.
    pub policy: Option<String>,
    /// The files of its tests.
    pub files: Vec<String>,
    /// The suite, or what is wrong with its policy or its tests.
    pub suite: Result<Suite, LoadError>,
    /// Only tests with this in their names are run.
    run: Option<String>,
}

impl LoadedSuite {
    /// The tests to run, in their order.
    pub fn tests(&self) -> impl Iterator<Item = &Test> {
        self.all().filter(|test| !test.skipped)
    }

    /// The tests that are put off (`todo_test_…`).
    pub fn skipped(&self) -> impl Iterator<Item = &Test> {
        self.all().filter(|test| test.skipped)
    }

    fn all(&self) -> impl Iterator<Item = &Test> {
        let tests = self.suite.iter().flat_map(Suite::tests);
        tests.filter(|test| self.run.as_ref().is_none_or(|part| test.name.contains(part.as_str())))
    }
}

/// Loads each group. One that doesn't load doesn't keep the others from being run.
pub fn load(groups: Vec<Group>, selection: &Selection) -> Result<Vec<LoadedSuite>, TestError> {
    groups.into_iter().map(|group| load_one(group, selection)).collect()
}

/// Policies below the selected folders that no suite has loaded: coverage counts them, too.
pub fn untested(selection: &Selection, suites: &[LoadedSuite]) -> Result<Vec<LoadedSuite>, TestError> {
    let loaded = suites.iter().filter_map(|suite| suite.suite.as_ref().ok()).flat_map(Suite::files);
    let loaded: BTreeSet<&Path> = loaded.map(Path::new).collect();
    let policies = discover::policies(selection)?.into_iter().filter(|path| !loaded.contains(path.as_path()));
    policies
        .map(|path| {
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            let group = Group { folder, policy: Some(read_policy_file(&path)?), tests: Vec::new() };
            load_one(group, selection)
        })
        .collect()
}

fn load_one(group: Group, selection: &Selection) -> Result<LoadedSuite, TestError> {
    let folder = group.folder.clone();
    let (options, tests, documents) = options(group, selection)?;
    let policy_name = options.files.first().map(|policy| policy.name.clone());
    let shown = if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() };
    let name = match &policy_name {
        None => shown,
        Some(policy) if folder_of(policy) == folder => policy.clone(),
        Some(policy) => format!("{policy} ({shown})"),
    };
    Ok(LoadedSuite {
        name,
        policy: policy_name,
        files: tests.iter().map(|file| file.name.clone()).collect(),
        suite: Suite::load(&options, &tests, documents),
        run: selection.run.clone(),
    })
}

/// How to load a group: its policy, its tests, and the data that these bring along.
pub fn options(
    group: Group,
    selection: &Selection,
) -> Result<(LoadOptions, Vec<PolicyFile>, Documents), TestError> {
    let Group { folder, policy, tests } = group;
    let of_policy = policy.as_ref().map_or_else(|| folder.clone(), |policy| folder_of(&policy.name));
    let folders = match &selection.root {
        Some(root) => vec![root.as_path()],
        None => up_to_here(&of_policy),
    };
    let layers: Arc<dyn PolicyRoot> = Arc::new(Layers::open(&folders)?);
    let home = folders.iter().find(|folder| folder.join(FILE_NAME).exists()).or(folders.first());
    let home = home.map(|folder| folder.to_path_buf()).unwrap_or_default();
    let root = LibraryRoot::over(layers, home, &selection.fetcher).map_err(PolicyFileError::from)?;
    let documents = if tests.is_empty() { Documents::default() } else { data::documents(&folder)? };
    let options =
        LoadOptions { files: policy.into_iter().collect(), root: Some(root), strict: selection.strict };
    Ok((options, tests, documents))
}

/// A folder and those above it, up to the working directory, which is the last one also for folders outside of it.
fn up_to_here(folder: &Path) -> Vec<&Path> {
    let above = folder.ancestors().filter(|folder| folder.parent().is_some());
    above.chain([Path::new("")]).collect()
}

fn folder_of(policy: &str) -> PathBuf {
    Path::new(policy).parent().map(Path::to_owned).unwrap_or_default()
}
