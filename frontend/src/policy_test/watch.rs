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

/// What a run depends on: policies, tests and data files below the selected paths, and the files that were loaded
/// from elsewhere.
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
    stamps
}

/// Returns when the files are others than `before`. Ends with the process.
pub fn changed(selection: &Selection, suites: &[LoadedSuite], before: &Stamps) {
    while stamps(selection, suites) == *before {
        std::thread::sleep(INTERVAL);
    }
}
