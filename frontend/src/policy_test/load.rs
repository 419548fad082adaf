//! From files to suites that can be run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy_engine::policy::suite::{Documents, Suite, Test, TestRun};
use policy_engine::policy::{LoadError, LoadOptions, PolicyFile, PolicyRoot};

use super::root::Layers;
use super::{Group, Selection, TestError, data, discover, problem};
use crate::distribution::LibraryRoot;
use crate::distribution::libraries::FILE_NAME;
use crate::policy_files::PolicyFileError;

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
    /// Only tests and cases with this in their names are wanted.
    wanted: Option<String>,
}

impl LoadedSuite {
    /// The tests to run, in their order. What cases one has is known when it has been run.
    pub fn tests(&self) -> impl Iterator<Item = &Test> {
        self.all().filter(|test| !test.skipped && (test.has_cases || self.wants(&test.name)))
    }

    /// The tests that are put off (`todo_test_…`).
    pub fn skipped(&self) -> impl Iterator<Item = &Test> {
        self.all().filter(|test| test.skipped && self.wants(&test.name))
    }

    fn all(&self) -> impl Iterator<Item = &Test> {
        self.suite.iter().flat_map(Suite::tests)
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.as_ref().is_none_or(|part| name.contains(part.as_str()))
    }

    /// Of what a test came to, the cases that are wanted; a verdict on all of them belongs to each.
    pub(super) fn select(&self, test: &Test, mut run: TestRun) -> TestRun {
        let names_test = self.wanted.as_ref().is_none_or(|part| part.contains(&test.name));
        run.cases.retain(|case| self.wants(&case.name) || names_test && case.name == test.name);
        run
    }
}

/// Loads each group. One that doesn't load doesn't keep the others from being run.
pub fn load(groups: Vec<Group>, selection: &Selection) -> Result<Vec<LoadedSuite>, TestError> {
    let loaded =
        groups.into_iter().map(|group| load_group(group, selection)).collect::<Result<Vec<_>, _>>()?;
    Ok(loaded.into_iter().flatten().collect())
}

/// Policies below the selected folders that no suite has loaded: coverage counts them, too.
pub fn untested(selection: &Selection, suites: &[LoadedSuite]) -> Result<Vec<LoadedSuite>, TestError> {
    let loaded = suites.iter().filter_map(|suite| suite.suite.as_ref().ok()).flat_map(Suite::files);
    let loaded: BTreeSet<&Path> = loaded.map(Path::new).collect();
    let policies = discover::policies(selection)?.into_iter().filter(|path| !loaded.contains(path.as_path()));
    load(policies.map(|path| Group::alone(&path)).collect(), selection)
}

/// Loads a group. What keeps it from loading is in the suite; an error concerns all groups.
fn load_group(mut group: Group, selection: &Selection) -> Result<Vec<LoadedSuite>, TestError> {
    let suite = |name: &str, policy: &Option<String>, files: Vec<String>, suite| LoadedSuite {
        name: name.to_owned(),
        policy: policy.clone(),
        files,
        suite,
        wanted: selection.run.clone(),
    };
    if let Some(error) = group.unreadable.take() {
        let file = error.problems.first().map(|problem| problem.position.file.clone()).unwrap_or_default();
        return Ok(vec![suite(&file, &None, vec![file.clone()], Err(error))]);
    }
    let (name, policy) = (name_of(&group), group.policy.as_ref().map(|policy| policy.name.clone()));
    let names = |tests: &[PolicyFile]| tests.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
    let files = names(&group.tests);
    let (options, tests, documents) = match options(group, selection) {
        Ok(options) => options,
        Err(error) => {
            let problem = problem::unusable(&error).ok_or(error)?;
            return Ok(vec![suite(&name, &policy, files, Err(LoadError { problems: vec![problem] }))]);
        }
    };
    let error = match Suite::load(&options, &tests, documents.clone()) {
        Ok(loaded) => return Ok(vec![suite(&name, &policy, files, Ok(loaded))]),
        Err(error) => error,
    };
    // A test file that is wrong doesn't keep those beside it from being run, unless they need it.
    let is_broken = |test: &PolicyFile| error.problems.iter().any(|p| p.position.file == test.name);
    let (broken, rest): (Vec<_>, Vec<_>) = tests.into_iter().partition(is_broken);
    let rest_loads = if broken.is_empty() || rest.is_empty() {
        None
    } else {
        Suite::load(&options, &rest, documents).ok()
    };
    Ok(match rest_loads {
        Some(loaded) => {
            let broken = names(&broken);
            let error = suite(&broken.join(", "), &policy, broken, Err(error));
            vec![suite(&name, &policy, names(&rest), Ok(loaded)), error]
        }
        None => vec![suite(&name, &policy, files, Err(error))],
    })
}

/// The policy's file, and the folder of the tests where that is another.
fn name_of(group: &Group) -> String {
    let folder = &group.folder;
    let shown = if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() };
    match group.policy.as_ref().map(|policy| &policy.name) {
        None => shown,
        Some(policy) if folder_of(policy) == *folder => policy.clone(),
        Some(policy) => format!("{policy} ({shown})"),
    }
}

/// How to load a group: its policy, its tests, and the data that these bring along.
pub fn options(
    group: Group,
    selection: &Selection,
) -> Result<(LoadOptions, Vec<PolicyFile>, Documents), TestError> {
    let Group { folder, policy, tests, .. } = group;
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
