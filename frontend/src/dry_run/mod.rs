//! The whole build, before it is built: which sources it would load, and what the policies say of each.
//!
//! Of each build: `context` reads the Dockerfile, `policies` loads what is in force, `dockerfile` finds the sources,
//! and `decider` decides them, all at once. What is looked up is shared among all builds.

mod build;
mod decider;
mod error;
mod policies;
mod progress;

use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::policy::Diagnostic;
use policy_engine::source::Platform;
use policy_engine::verify::Trust;
use tokio::task::JoinSet;

use crate::build_options::BuildOptions;
use crate::build_results::BuildResults;
use crate::context::{Fetch, Stdin};
use crate::lookup::ResolveJudged;
use crate::policy_spec::{LogLevel, PolicySpec};
use crate::report::build::Build;

pub use error::DryRunError;
pub use policies::PolicyOptions;
pub use progress::Progress;

/// A build to look at.
#[derive(Debug, Clone, Default)]
pub struct NamedBuild {
    /// Its name, where there are several: a bake target, a Compose service.
    pub name: Option<String>,
    /// What is built.
    pub options: BuildOptions,
    /// Policies of this build, beside those for all.
    pub policies: Vec<PolicySpec>,
}

/// What a build came to.
#[derive(Debug)]
pub struct Checked {
    /// For the report.
    pub build: Build,
    /// Remarks about its policies.
    pub policy_warnings: Vec<Diagnostic>,
    /// What may make the build use other sources than these.
    pub warnings: Vec<String>,
    /// How much of what the policies print is shown.
    pub log_level: LogLevel,
    /// Why its sources could not be told.
    pub error: Option<DryRunError>,
}

/// What all builds share.
pub struct DryRun<R> {
    /// Looks things up, and fetches remote contexts.
    pub resolver: Arc<R>,
    /// Standard input, for the build that reads it.
    pub stdin: Stdin,
    /// Which policies are in force.
    pub policies: PolicyOptions,
    /// The builder's platform, which a build is for unless it says otherwise.
    pub platform: Platform,
    /// Whom signatures are trusted to.
    pub trust: Arc<Trust>,
    /// The time that policies see.
    pub now: SystemTime,
    /// Whether to tell how each decision came about.
    pub explain: bool,
    /// What is under way.
    pub progress: Arc<Progress>,
}

impl<R: ResolveJudged + Fetch> DryRun<R> {
    /// Looks at all builds at once, and tells of them in their order. Must be called on a tokio runtime.
    pub async fn check(self: &Arc<Self>, builds: Vec<NamedBuild>) -> Vec<Checked> {
        let names: Vec<_> = builds.iter().map(|build| build.name.clone()).collect();
        let mut tasks = JoinSet::new();
        let (results, slots) = BuildResults::of(names.iter().map(Option::as_deref));
        for (position, (build, own)) in builds.into_iter().zip(slots).enumerate() {
            let (run, results) = (Arc::clone(self), Arc::clone(&results));
            tasks.spawn(async move { (position, build::check(&run, build, results, own).await) });
        }
        let mut checked: Vec<_> =
            names.into_iter().map(|name| Checked::failed(name, DryRunError::Aborted)).collect();
        while let Some(done) = tasks.join_next().await {
            // What was lost to a panic stays `Aborted`.
            if let Ok((position, build)) = done
                && let Some(slot) = checked.get_mut(position)
            {
                *slot = build;
            }
        }
        checked
    }
}

impl Checked {
    /// A build of which there is nothing to tell but why.
    fn failed(name: Option<String>, error: DryRunError) -> Self {
        Self {
            build: Build { name, error: Some(error.problem(None)), ..Build::default() },
            policy_warnings: Vec::new(),
            warnings: Vec::new(),
            log_level: LogLevel::Info,
            error: Some(error),
        }
    }
}

#[cfg(test)]
mod tests;
