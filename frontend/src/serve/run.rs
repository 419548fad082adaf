//! A frontend that runs in a build, with its options: they are what policies see of the build, and they say
//! where the repo keeps its own policy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::input::Env;
use policy_engine::policy::PolicySet;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tonic::Status;

use super::build_env::build_env;
use super::guard::{Guard, RepoPolicies};
use super::repo_policy::{Location, RepoPolicyError};
use super::verify::Jurisdiction;

/// Why a build can't be judged.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// It is denied, whatever its sources are.
    Denied(String),
    /// Its policies can't be asked.
    Failed(Status),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Failed(status)
    }
}

/// What matters of a frontend's options: two runs with the same see the same, and the same policies hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    env: Env,
    /// Where the repo's policy lies; `None` when it isn't read.
    location: Option<Location>,
}

/// One run of a frontend. Dropping it ends the reading of its policy.
pub struct Run {
    /// Its options.
    pub options: Options,
    loaded: watch::Receiver<Option<Result<Loaded, Refusal>>>,
    reading: AbortHandle,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// What holds for a run.
#[derive(Clone)]
pub struct Loaded {
    /// The server's policies, and the repo's.
    pub jurisdiction: Arc<Jurisdiction>,
    /// Whether the repo brings one.
    pub has_repo_policy: bool,
    /// Whether one of them wants `RUN` to go through the daemon's proxy.
    pub wants_proxy: bool,
}

impl Options {
    /// Of a frontend that gets `options` and `inputs`. `session` is the client's.
    pub fn read(
        guard: &Guard,
        session: &str,
        options: &BTreeMap<String, String>,
        inputs: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, Status> {
        let location = match guard.options.repo_policies {
            RepoPolicies::Ignored => None,
            RepoPolicies::Read | RepoPolicies::Required => {
                let location = Location::of(options, inputs, session);
                Some(location.map_err(|error| Status::invalid_argument(format!("policy-check: {error}")))?)
            }
        };
        Ok(Self { env: build_env(options), location })
    }

    /// Begins to read the repo's policy.
    pub fn begin(self, guard: &Arc<Guard>, policies: &Arc<PolicySet>, session: &str) -> Arc<Run> {
        let (sender, loaded) = watch::channel(None);
        let (options, guard) = (self.clone(), Arc::clone(guard));
        let (policies, session) = (Arc::clone(policies), session.to_owned());
        let reading = tokio::spawn(async move {
            let loaded = options.load(&guard, policies, &session).await;
            // Everybody who asks waits for this.
            sender.send_replace(Some(loaded));
        });
        Arc::new(Run { options: self, loaded, reading: reading.abort_handle() })
    }

    async fn load(
        &self,
        guard: &Arc<Guard>,
        policies: Arc<PolicySet>,
        session: &str,
    ) -> Result<Loaded, Refusal> {
        if self.location.as_ref().is_some_and(Location::runs_commands) {
            let server = Jurisdiction {
                policies: Arc::clone(&policies),
                env: self.env.clone(),
                reads_from_client: false,
            };
            if wants_proxy(server).await?.1 {
                // The hook's own builds have no such network.
                return Err(Refusal::Denied(
                    "a policy of the server wants commands to use the network proxy (`exec.proxy`), and this build's context runs commands: use a context of files"
                        .to_owned(),
                ));
            }
        }
        let own = match &self.location {
            None => None,
            Some(location) => {
                guard.repo_policy(location, session, &policies, &self.env).await.map_err(refusal)?
            }
        };
        let has_repo_policy = own.is_some();
        let policies = match own {
            None => policies,
            Some(own) => {
                let mut all = PolicySet::clone(&policies);
                all.policies.push(own);
                Arc::new(all)
            }
        };
        let jurisdiction =
            Jurisdiction { policies, env: self.env.clone(), reads_from_client: has_repo_policy };
        let (jurisdiction, wants_proxy) = wants_proxy(jurisdiction).await?;
        Ok(Loaded { jurisdiction, has_repo_policy, wants_proxy })
    }
}

impl Run {
    /// What holds for the run, once it is read.
    pub async fn loaded(&self) -> Result<Loaded, Refusal> {
        let mut loaded = self.loaded.clone();
        let loaded = loaded.wait_for(Option::is_some).await;
        loaded.ok().and_then(|loaded| loaded.clone()).unwrap_or_else(|| {
            Err(Refusal::Failed(Status::internal("policy-check: the build's policy was not read")))
        })
    }
}

fn refusal(error: RepoPolicyError) -> Refusal {
    match error {
        RepoPolicyError::Denied { .. } => Refusal::Denied(error.to_string()),
        error => {
            let text = format!("policy-check: {error}: {}", error.help());
            Refusal::Failed(Status::failed_precondition(text))
        }
    }
}

/// Asks the policies for their capabilities, which takes as long as a check.
pub async fn wants_proxy(jurisdiction: Jurisdiction) -> Result<(Arc<Jurisdiction>, bool), Status> {
    let jurisdiction = Arc::new(jurisdiction);
    if jurisdiction.policies.policies.is_empty() {
        return Ok((jurisdiction, false));
    }
    let asked = Arc::clone(&jurisdiction);
    let caps = tokio::task::spawn_blocking(move || asked.policies.caps(&asked.env, SystemTime::now())).await;
    let caps = caps
        .map_err(|error| Status::internal(format!("policy-check: a policy broke down: {error}")))?
        .map_err(|error| Status::failed_precondition(format!("policy-check: {error}")))?;
    Ok((jurisdiction, caps.get("exec.proxy") == Some(&true)))
}
