//! Waiting until something changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use policy_engine::policy::suite::Suite;

use super::discover::walk;
use super::{LoadedSuite, Selection};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(300);

/// When files were last changed, and how large they are.
pub type Stamps = BTreeMap<PathBuf, (SystemTime, u64)>;

/// What a run depends on: policies, tests and data files below the selected paths, and the files that `suites` were
/// loaded from.
pub fn stamps(selection: &Selection, suites: &[LoadedSuite]) -> Stamps {
    let mut stamps = Stamps::new();
    let mut note = |path: &Path| {
        if let Ok(metadata) = path.metadata() {
            let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            stamps.insert(path.to_owned(), (changed, metadata.len()));
        }
    };
    for path in selection.paths.iter().filter(|path| !path.is_dir()) {
        note(path);
    }
    for path in selection.paths.iter().filter(|path| path.is_dir()) {
        // A folder that has just been removed is a change, too: its files are gone.
        let _ = walk(path, 0, &mut |file| {
            let extension = file.extension().and_then(|extension| extension.to_str());
            if matches!(extension, Some("rego" | "json" | "yaml" | "yml")) {
                note(file);
            }
        });
    }
    let loaded = suites.iter().filter_map(|suite| suite.suite.as_ref().ok());
    loaded.flat_map(Suite::files).for_each(|file| note(Path::new(file)));
    let named = suites.iter().flat_map(|suite| suite.files.iter().chain(&suite.policy));
    named.for_each(|file| note(Path::new(file)));
    stamps
}

/// What a run that came to `suites` saw, and `before` it began was there: what has changed since counts as a change,
/// unless the run may have written it.
pub fn seen(selection: &Selection, suites: &[LoadedSuite], before: &Stamps) -> Stamps {
    let mut seen = stamps(selection, suites);
    for (path, stamp) in before.iter().filter(|(path, _)| !may_be_report(path)) {
        seen.insert(path.clone(), *stamp);
    }
    // What was not there at first, and is now below the selected paths, was perhaps not seen.
    let selected = stamps(selection, &[]);
    seen.retain(|path, _| before.contains_key(path) || !selected.contains_key(path) || may_be_report(path));
    seen
}

/// Whether a run may write such a file: a report or a snapshot.
fn may_be_report(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("data.json")
}

/// Returns when the files are others than `before`. Ends with the process.
pub fn changed(selection: &Selection, suites: &[LoadedSuite], before: &Stamps) {
    while stamps(selection, suites) == *before {
        std::thread::sleep(INTERVAL);
    }
}
