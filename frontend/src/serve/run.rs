//! A frontend that runs in a build, with its options: they are what policies see of the build, and they say
//! where the repo keeps its own policy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::input::Env;
use policy_engine::policy::PolicySet;
use tokio::sync::OnceCell;
use tonic::Status;

use super::build_env;
use super::guard::Guard;
use super::repo_policy::{Location, RepoPolicyLoader};
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

/// One run of a frontend.
pub struct Run {
    env: Env,
    location: Location,
    policies: Arc<PolicySet>,
    loader: Option<Arc<RepoPolicyLoader>>,
    loaded: OnceCell<Result<Loaded, Refusal>>,
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

impl Run {
    /// Begins to read the repo's policy. `session` is the client's.
    pub fn begin(
        guard: &Guard,
        policies: &Arc<PolicySet>,
        session: &str,
        options: &BTreeMap<String, String>,
    ) -> Arc<Self> {
        let run = Arc::new(Self {
            env: build_env::env(options),
            location: Location::of(options, session),
            policies: Arc::clone(policies),
            loader: guard.repo_policies(policies, session),
            loaded: OnceCell::new(),
        });
        let reading = Arc::clone(&run);
        tokio::spawn(async move { drop(reading.loaded().await) });
        run
    }

    /// Whether policies see the same, and the same policies do.
    pub fn is_same(&self, other: &Self) -> bool {
        self.env == other.env && self.location == other.location
    }

    /// What holds for the run, once it is read.
    pub async fn loaded(&self) -> Result<Loaded, Refusal> {
        self.loaded.get_or_init(|| self.load()).await.clone()
    }

    async fn load(&self) -> Result<Loaded, Refusal> {
        let own = match &self.loader {
            None => None,
            Some(loader) => loader.load(&self.location).await.map_err(|error| {
                Refusal::Failed(Status::failed_precondition(format!("policy-check: {error}")))
            })?,
        };
        let has_repo_policy = own.is_some();
        let mut policies = PolicySet { policies: self.policies.policies.clone() };
        policies.policies.extend(own);
        let jurisdiction = Jurisdiction { policies: Arc::new(policies), env: self.env.clone() };
        let (loaded, wants_proxy) = wants_proxy(jurisdiction).await?;
        Ok(Loaded { jurisdiction: loaded, has_repo_policy, wants_proxy })
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
