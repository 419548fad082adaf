//! Waiting until something changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use policy_engine::policy::suite::Suite;

use super::discover::walk;
use super::{LoadedSuite, Selection};

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(300);
/// How far the times of files may lag behind the clock.
const CLOCK_LAG: Duration = Duration::from_millis(50);

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

/// What a run saw that began at `began`, when there was what `before` says, and that came to `suites`. What has
/// changed since counts as a change, unless the run may have written it.
pub fn seen(selection: &Selection, suites: &[LoadedSuite], before: &Stamps, began: SystemTime) -> Stamps {
    let mut seen = stamps(selection, suites);
    // What was changed or came to be meanwhile, perhaps after it was read.
    let is_old = |changed: SystemTime| changed + CLOCK_LAG < began;
    seen.retain(|path, (changed, _)| before.contains_key(path) || may_be_report(path) || is_old(*changed));
    let known = before.iter().filter(|(path, _)| !may_be_report(path));
    seen.extend(known.map(|(path, stamp)| (path.clone(), *stamp)));
    seen
}

/// Whether a run may write such a file: a report or a snapshot.
fn may_be_report(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("data.json")
}

/// Returns when the files are others than `before`. Ends with the process.
pub fn changed(selection: &Selection, suites: &[LoadedSuite], before: &Stamps) {
    loop {
        std::thread::sleep(INTERVAL);
        if stamps(selection, suites) != *before {
            return;
        }
    }
}
