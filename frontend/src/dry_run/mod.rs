//! The whole build, before it is built: which sources it would load, and what the policies say of each.
//!
//! Of each build: `context` reads the Dockerfile, `policies` loads what is in force, `dockerfile` finds the sources,
//! and `decider` decides them, all at once. What is looked up is shared among all builds.

mod build;
mod decider;
mod error;
mod linked;
mod policies;
mod progress;

use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::policy::Diagnostic;
use policy_engine::source::Platform;
use tokio::task::JoinSet;

use crate::build_options::BuildOptions;
use crate::context::{Fetch, Stdin};
use crate::lookup::ResolveJudged;
use crate::policy_spec::{LogLevel, PolicySpec};
use crate::report::build::Build;

use build::Prepared;
use linked::linked;

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
    /// The time that policies see.
    pub now: SystemTime,
    /// What is under way.
    pub progress: Arc<Progress>,
}

impl<R: ResolveJudged + Fetch> DryRun<R> {
    /// Looks at all builds at once, and tells of them in their order. Must be called on a tokio runtime.
    pub async fn check(self: &Arc<Self>, builds: Vec<NamedBuild>) -> Vec<Checked> {
        let names: Vec<_> = builds.iter().map(|build| build.name.clone()).collect();
        let preparing = builds.into_iter().map(|build| {
            let run = Arc::clone(self);
            async move { build::prepare(&run, build).await }
        });
        let prepared = all_at_once(preparing).await.into_iter().zip(&names);
        let prepared: Vec<_> = prepared
            .map(|(build, name)| {
                build.unwrap_or_else(|| Prepared::failed(name.clone(), DryRunError::Aborted))
            })
            .collect();
        let found: Vec<_> = prepared.iter().filter_map(Prepared::found).collect();
        let linked: Vec<_> = prepared
            .iter()
            .map(|build| build.found().map_or_else(|| Ok(Vec::new()), |build| linked(build, &found)))
            .collect();
        let deciding = prepared.into_iter().zip(linked).map(|(build, linked)| build::decide(build, linked));
        let checked = all_at_once(deciding).await.into_iter().zip(names);
        checked
            .map(|(build, name)| build.unwrap_or_else(|| Checked::failed(name, DryRunError::Aborted)))
            .collect()
    }
}

/// Runs all of it at the same time, and gives the results in their order; `None` for what was lost to a panic.
async fn all_at_once<T: Send + 'static>(
    work: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<Option<T>> {
    let mut tasks = JoinSet::new();
    for (position, work) in work.enumerate() {
        tasks.spawn(async move { (position, work.await) });
    }
    let mut results: Vec<_> = (0..tasks.len()).map(|_| None).collect();
    while let Some(done) = tasks.join_next().await {
        if let Ok((position, result)) = done
            && let Some(slot) = results.get_mut(position)
        {
            *slot = Some(result);
        }
    }
    results
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

    /// The same build, whose sources could not be told.
    fn because(mut self, error: DryRunError) -> Self {
        self.build.error = Some(error.problem(self.build.dockerfile.as_ref()));
        self.error = Some(error);
        self
    }
}

#[cfg(test)]
mod tests;
