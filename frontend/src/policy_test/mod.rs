//! Tests of policies, as `policy-check test` runs them.
//!
//! `discover` finds the files, `load` compiles each policy with its tests and what these bring along (`data`,
//! `root`), `run` runs them (`resolve` looks up what mocks leave open, where that is wanted), `report` says how
//! it went, `watch` waits for the next change.

mod data;
mod discover;
mod load;
pub mod report;
mod resolve;
mod root;
mod run;
pub mod watch;

use std::path::PathBuf;

use policy_engine::policy::LoadError;

pub use self::discover::{Group, discover, groups, rego_files, simple};
pub use self::load::{LoadedSuite, load, options, untested};
pub use self::resolve::run_resolved;
pub use self::run::{Outcome, run};

use crate::distribution::Fetcher;
use crate::policy_files::PolicyFileError;
use crate::snapshot::SnapshotError;

/// What to test.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Test files, and folders to search for them.
    pub paths: Vec<PathBuf>,
    /// The policy that all tests are for: the name of its Dockerfile, or a `.rego` file. `None` lets the place of
    /// each test file tell.
    pub policy: Option<String>,
    /// Where imports and files that policies read lie. `None` is the policy's folder, then the working directory.
    pub root: Option<PathBuf>,
    /// Only tests with this in their names.
    pub run: Option<String>,
    /// Warnings about a policy refuse it.
    pub strict: bool,
    /// Gets libraries that lie elsewhere.
    pub fetcher: Fetcher,
}

/// Why nothing was tested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestError {
    /// A path can't be read.
    #[error("cannot read `{}`: {cause}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// A file that is not named as one of tests.
    #[error("test file must have _test.rego suffix: {}", .0.display())]
    Suffix(PathBuf),
    /// Folders nest too deep.
    #[error("`{}` lies more than {limit} folders deep", .path.display())]
    Depth {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// There are no test files.
    #[error("no policy tests found")]
    NoFiles,
    /// None of the files has a test to run.
    #[error("no tests found")]
    NoTests,
    /// A policy or its root can't be read.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// A policy doesn't load.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A data file can't be used.
    #[error("cannot use the data file `{path}`: {reason}")]
    Data {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A snapshot can't be used.
    #[error("`{path}`: {error}")]
    Snapshot {
        /// The file.
        path: String,
        /// Why.
        error: SnapshotError,
    },
    /// The tests reach less than they should.
    #[error("{share} of rules ({}/{}) held in some test, less than {least} %", .share.covered, .share.total)]
    Coverage {
        /// What they reach.
        share: report::coverage::Share,
        /// What they should, in per cent.
        least: u32,
    },
    /// What is to be looked up can't be.
    #[error("cannot look anything up: {0}")]
    Lookup(std::io::Error),
}

impl TestError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoFiles => Some("put rules `test_…` into a file `NAME_test.rego` beside the policy".into()),
            Self::NoTests => Some("tests are rules whose names begin with `test_`; see `--run`".into()),
            Self::Coverage { .. } => Some("`--coverage` shows which rules never held".into()),
            Self::Suffix(_) => Some("name a test file, or the folder to search".into()),
            Self::Policy(PolicyFileError::Missing(path)) => {
                Some(format!("create `{path}`, or name another policy with `--filename`"))
            }
            Self::Policy(error) => error.help(),
            Self::Snapshot { error, .. } => error.help(),
            _ => None,
        }
    }
}
