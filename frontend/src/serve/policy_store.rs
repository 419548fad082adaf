//! The server's own policies: loaded at the start, read again when they change.
//!
//! A new set comes into force at once and whole; who began with an old one keeps it. A change that doesn't
//! load leaves the old set in force.
//!
//! The files of one `--policy` form one policy, which imports and reads from the folder of the first. A folder
//! holds one policy per `*.rego` file in it (tests, `*_test.rego`, and subfolders aside), and these import and
//! read from that folder.

mod load;
mod watch;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use policy_engine::policy::{Diagnostic, LoadError, Policy, PolicySet};
use policy_engine::verify::Trust;

use super::metrics::Metrics;
use super::operator;
use super::record::PolicyId;
use crate::distribution::Fetcher;
use crate::policy_files::PolicyFileError;
use crate::policy_spec::PolicySpec;
use watch::{Difference, Watch};

/// Policies that didn't load: every problem that was found.
#[derive(Debug, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LoadFailure {
    /// At least one.
    pub problems: Vec<PolicyStoreError>,
}

/// One reason why the server's policies didn't load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyStoreError {
    /// A file is missing, unreadable, or no policy.
    #[error(transparent)]
    File(#[from] PolicyFileError),
    /// A folder could not be listed.
    #[error("cannot list the policies in `{path}`: {cause}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A folder without policies.
    #[error("there is no policy in the folder `{0}`")]
    EmptyFolder(String),
    /// A folder in a flag that names files too.
    #[error("the folder `{0}` is named together with other files")]
    FolderAmongFiles(String),
    /// A flag that names nothing.
    #[error("`--policy` names neither a file nor a folder")]
    NoFile,
    /// An option that would switch a policy of the server off.
    #[error("`--policy {0}` has no meaning for a server: its policies always hold")]
    Option(&'static str),
}

impl PolicyStoreError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::File(PolicyFileError::Missing(path)) => {
                Some(format!("create `{path}`, or name another policy with `--policy`"))
            }
            Self::File(error) => error.help(),
            Self::EmptyFolder(path) => Some(format!("add a `.rego` file to `{path}`, or leave it out")),
            Self::FolderAmongFiles(path) => Some(format!("give it a flag of its own: `--policy {path}`")),
            Self::NoFile => Some("write `--policy PATH`".into()),
            _ => None,
        }
    }

    /// Problems with a position of their own, where the error is made of such.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::File(PolicyFileError::Load(LoadError { problems })) => problems,
            _ => &[],
        }
    }
}

/// What a look at the files led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Nothing has changed.
    Unchanged,
    /// Something has, just now: it is loaded when the next look finds the same, so that no half-written file
    /// comes into force.
    Settling,
    /// The files as they are now are in force.
    Loaded,
    /// They don't load; those before stay in force.
    Failed,
}

/// The server's policies, and an eye on their files.
#[derive(Debug)]
pub struct PolicyStore {
    specs: Vec<PolicySpec>,
    strict: bool,
    fetcher: Fetcher,
    metrics: Metrics,
    active: RwLock<Arc<PolicySet>>,
    /// Locked while the files are looked at or loaded.
    watching: Mutex<Watching>,
}

#[derive(Debug)]
struct Watching {
    /// Files of the policies in force.
    active: Watch,
    /// Files of the last attempt, when that failed.
    failed: Option<Watch>,
    pending: Vec<Difference>,
}

impl PolicyStore {
    /// Loads the policies of `--policy` flags; without any there are none, and everything is allowed. `strict`
    /// refuses policies that there are warnings about. Nobody's signatures are trusted before
    /// [`PolicyStore::set_trust`].
    pub fn load(
        specs: &[PolicySpec],
        strict: bool,
        fetcher: &Fetcher,
        metrics: &Metrics,
    ) -> Result<Arc<Self>, LoadFailure> {
        let (result, active) = load::load(specs, strict, fetcher);
        let policies = result.map_err(|problems| LoadFailure { problems })?;
        metrics.policies_loaded(&ids(&policies));
        Ok(Arc::new(Self {
            specs: specs.to_vec(),
            strict,
            fetcher: fetcher.clone(),
            metrics: metrics.clone(),
            active: RwLock::new(Arc::new(policies)),
            watching: Mutex::new(Watching { active, failed: None, pending: Vec::new() }),
        }))
    }

    /// The policies in force: a build takes them once, when it begins.
    pub fn current(&self) -> Arc<PolicySet> {
        Arc::clone(&self.active.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, signatures are verified against `trust`; builds that have begun keep what they have.
    pub fn set_trust(&self, trust: Arc<Trust>) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        *active = Arc::new(PolicySet { trust, ..PolicySet::clone(&active) });
    }

    /// What was found when the policies in force were loaded.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.current().policies.iter().flat_map(|policy| policy.warnings()).cloned().collect()
    }

    /// Looks at the files, and loads them when they have changed and settled. Blocks on the disk.
    pub fn poll(&self) -> Reload {
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        let mut differences = watching.active.differences();
        differences.extend(watching.failed.iter_mut().flat_map(Watch::differences));
        if differences.is_empty() {
            watching.pending.clear();
            return Reload::Unchanged;
        }
        if watching.pending != differences {
            watching.pending = differences;
            return Reload::Settling;
        }
        self.load_now(&mut watching)
    }

    /// Loads the files as they are now: on `SIGHUP`.
    pub async fn reload(self: &Arc<Self>) -> Reload {
        let store = Arc::clone(self);
        let loaded = tokio::task::spawn_blocking(move || {
            store.load_now(&mut store.watching.lock().unwrap_or_else(PoisonError::into_inner))
        });
        // Cut short by the end of the runtime, or by a panic that was printed: the old set stays.
        loaded.await.unwrap_or(Reload::Failed)
    }

    /// Looks at the files after every `interval`. Runs until dropped.
    pub async fn watch(self: Arc<Self>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let store = Arc::clone(&self);
            // What it leads to shows in the metrics and on standard error.
            let _looked = tokio::task::spawn_blocking(move || store.poll()).await;
        }
    }

    fn load_now(&self, watching: &mut Watching) -> Reload {
        watching.pending.clear();
        // Those that hold now, which may be others than at the start.
        let fetcher = Fetcher { trust: Arc::clone(&self.current().trust), ..self.fetcher.clone() };
        let (result, watch) = load::load(&self.specs, self.strict, &fetcher);
        match result {
            Ok(mut policies) => {
                self.metrics.policies_loaded(&ids(&policies));
                operator::tell(&format!("policies loaded: {}", policies.policies.len()));
                let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
                policies.trust = Arc::clone(&active.trust);
                *active = Arc::new(policies);
                drop(active);
                (watching.active, watching.failed) = (watch, None);
                Reload::Loaded
            }
            Err(problems) => {
                let problem = LoadFailure { problems }.to_string();
                self.metrics.policies_failed();
                operator::tell(&format!("the changed policies don't load, the old ones stay:\n{problem}"));
                // Only what changes from here on is worth another attempt.
                watching.active.accept();
                watching.failed = Some(watch);
                Reload::Failed
            }
        }
    }
}

fn ids(policies: &PolicySet) -> Vec<PolicyId> {
    let id = |policy: &Arc<Policy>| PolicyId { name: policy.name().into(), digest: policy.digest().into() };
    policies.policies.iter().map(id).collect()
}

#[cfg(test)]
mod tests;
