//! One build: what holds for it, and the answers to BuildKit's questions about its sources.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use policy_engine::input::Env;
use policy_engine::policy::PolicySet;
use policy_engine::source::SourceOp;
use tonic::Status;

use super::build_env::build_env;
use super::cache_imports::{self, CacheImport};
use super::client_policy::combine;
use super::decision_log::BuildInfo;
use super::denial;
use super::guard::{Guard, RepoPolicies};
use super::policy_session::Verify;
use super::progress::Steps;
use super::record::{Record, Verdict};
use super::run::{Loaded, Options, Refusal, Run};
use super::verify::{Verifier, asked_platform, asked_source};
use crate::buildkit::endpoint::Peer;
use crate::buildkit::llb;
use crate::buildkit::proto::policysession::{Answer, CheckPolicyRequest, CheckPolicyResponse};
use crate::buildkit::proto::{BridgeSolveView, DefinitionView, SolveView};

/// Most frontends that one build may run with options of their own.
const MAX_RUNS: usize = 64;

/// A build that is being solved.
pub struct Build {
    guard: Arc<Guard>,
    info: Arc<BuildInfo>,
    client: Peer,
    /// The client's session.
    session: String,
    /// The client's own policy session, if it named one.
    client_policy: Option<String>,
    /// It is one of the client's helper builds: not recorded, nothing comes out of it, and it runs no commands.
    helper: AtomicBool,
    /// The server's policies when the build began.
    policies: Arc<PolicySet>,
    runs: Mutex<Runs>,
    /// Whether `RUN` goes through the daemon's proxy.
    proxy: AtomicBool,
    denied: AtomicBool,
    verifier: Verifier,
    steps: Arc<Steps>,
}

/// Which frontends run in a build, and with which options: policies see those, and they name the repo's
/// policy.
#[derive(Default)]
struct Runs {
    /// What BuildKit acts on.
    acted: Vec<Arc<Run>>,
    /// What the client says it is about to do. Holds until a frontend really runs.
    told: Option<Arc<Run>>,
}

impl Build {
    /// A build of `peer` with the policies that are in force now.
    pub fn new(guard: Arc<Guard>, peer: &Peer, view: &SolveView) -> Arc<Self> {
        let info = BuildInfo { reference: view.r#ref.clone(), client: peer.to_string() };
        let policy = &view.source_policy_session;
        Arc::new(Self {
            info: Arc::new(info),
            client: peer.clone(),
            session: view.session.clone(),
            client_policy: (!policy.is_empty()).then(|| policy.clone()),
            helper: AtomicBool::new(
                view.internal && !has_output(view) && only_files(view.definition.as_ref()),
            ),
            policies: guard.policies.current(),
            runs: Mutex::default(),
            proxy: AtomicBool::new(view.proxy_network),
            denied: AtomicBool::new(false),
            verifier: guard.verifier(&view.session),
            steps: guard.steps.of(&view.r#ref),
            guard,
        })
    }

    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a policy denied one of its sources.
    pub fn was_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }

    /// `Control.Solve`: what it imports, and the frontend that it runs or is about to run.
    pub async fn solve(&self, view: &SolveView) -> Result<(), Status> {
        for session in [&view.session, &view.source_policy_session] {
            self.guard.sessions.may_use(session, &self.client)?;
        }
        if !view.frontend_attrs.is_empty() || !view.frontend.is_empty() {
            let run = self.run(&view.frontend, &view.frontend_attrs, &view.frontend_inputs)?;
            let run = run.begin(&self.guard, &self.policies, &self.session);
            let mut runs = self.runs();
            if view.frontend.is_empty() {
                runs.told = Some(run);
            } else {
                runs.acted.push(run);
            }
        }
        self.may_import(cache_imports::from_solve(view), &build_env(&view.frontend_attrs)).await
    }

    /// `LLBBridge.Solve`: the same for a frontend that a client runs.
    pub async fn bridge_solve(&self, view: &BridgeSolveView) -> Result<(), Status> {
        if !view.frontend.is_empty() {
            self.acts_on(self.run(&view.frontend, &view.frontend_opt, &view.frontend_inputs)?)?;
        }
        if !only_files(view.definition.as_ref()) {
            self.runs_commands();
        }
        self.may_import(cache_imports::from_bridge_solve(view), &build_env(&view.frontend_opt)).await
    }

    /// From now on it is no helper build: the client makes it run commands.
    pub fn runs_commands(&self) {
        self.helper.store(false, Ordering::Relaxed);
    }

    fn acts_on(&self, run: Options) -> Result<(), Status> {
        let mut runs = self.runs();
        if runs.acted.iter().any(|other| other.options == run) {
            return Ok(());
        }
        if runs.acted.len() >= MAX_RUNS {
            return Err(Status::resource_exhausted(format!(
                "policy-check: the build runs frontends with more than {MAX_RUNS} different sets of options"
            )));
        }
        // What was read for the options that were told needn't be read again.
        let told = runs.told.clone().filter(|told| told.options == run);
        let run = told.unwrap_or_else(|| run.begin(&self.guard, &self.policies, &self.session));
        runs.acted.push(run);
        Ok(())
    }

    /// The options of a frontend, if the client may give them.
    fn run(
        &self,
        frontend: &str,
        options: &BTreeMap<String, String>,
        inputs: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Options, Status> {
        for (key, session) in options {
            if key.starts_with("local-sessionid:") {
                self.guard.sessions.may_use(session, &self.client)?;
            }
        }
        if let Some(message) = self.guard.options.cache_imports.denies_frontend(frontend, options) {
            return Err(self.deny(message));
        }
        Options::read(&self.guard, &self.session, options, inputs)
    }

    async fn may_import(&self, imports: Vec<CacheImport>, env: &Env) -> Result<(), Status> {
        for import in imports {
            let judged = self.guard.may_import(&import, &self.policies, env).await;
            if let Err(message) = judged {
                let source = SourceOp::new(format!("cache-import:{}", import.name()));
                let answer = Ok(denial::answer(vec![message.clone()]));
                self.note(Record::refused(source, None, &answer)).await?;
                return Err(self.deny(message));
            }
        }
        Ok(())
    }

    fn deny(&self, message: String) -> Status {
        self.guard.metrics.refused("cache-import");
        self.denied.store(true, Ordering::Relaxed);
        denial::status(&[message])
    }

    /// Whether a policy wants `RUN` to go through the daemon's proxy. Waits for the repo's policy, as this
    /// can't be turned on later.
    pub async fn wants_proxy(&self) -> Result<bool, Status> {
        let wanted = match self.judges().await {
            Ok(judges) => judges.iter().any(|judge| judge.wants_proxy),
            // Says so to whoever asks about a source.
            Err(Refusal::Denied(_)) => false,
            Err(Refusal::Failed(status)) => return Err(status),
        };
        if wanted {
            self.proxy.store(true, Ordering::Relaxed);
        }
        Ok(wanted)
    }

    /// Whether `RUN` goes through the daemon's proxy, as far as it is known.
    pub fn has_proxy(&self) -> bool {
        self.proxy.load(Ordering::Relaxed)
    }

    /// Whose policies are asked: for each frontend that runs, those of the server and of the repo.
    async fn judges(&self) -> Result<Vec<Loaded>, Refusal> {
        let (runs, acted) = {
            let runs = self.runs();
            if runs.acted.is_empty() {
                (runs.told.iter().cloned().collect(), false)
            } else {
                (runs.acted.clone(), true)
            }
        };
        let mut judges = Vec::with_capacity(runs.len().max(1));
        for run in &runs {
            judges.push(run.loaded().await?);
        }
        if judges.is_empty() {
            judges.push(self.guard.without_frontend(Arc::clone(&self.policies)).await?);
        }
        // Clients read the policy of a remote context, and other things, by builds that run no frontend.
        let excused = self.helper.load(Ordering::Relaxed) && !acted;
        if self.guard.options.repo_policies == RepoPolicies::Required
            && !excused
            && judges.iter().any(|judge| !judge.has_repo_policy)
        {
            return Err(Refusal::Denied(
                "this build brings no policy of its own: keep one beside the Dockerfile (Dockerfile.rego)"
                    .to_owned(),
            ));
        }
        Ok(judges)
    }

    async fn decide(
        &self,
        source: &SourceOp,
        request: &CheckPolicyRequest,
    ) -> (Result<Answer, Status>, Option<Record>) {
        for (name, session) in &source.attrs {
            // `local.session` and `oci.session`: whose files they are.
            if name.ends_with(".session")
                && let Err(status) = self.guard.sessions.may_use(session, &self.client)
            {
                return (Err(status), None);
            }
        }
        let judges = match self.judges().await {
            Ok(judges) => judges,
            Err(Refusal::Denied(message)) => return (Ok(denial::answer(vec![message])), None),
            Err(Refusal::Failed(status)) => return (Err(status), None),
        };
        if judges.iter().any(|judge| judge.wants_proxy) && !self.proxy.load(Ordering::Relaxed) {
            let message = "a policy of this build wants the network proxy (`exec.proxy`), which can be turned on \
                           only when the build starts: its policy was read too late for that, or for other options \
                           than the build was started with";
            return (Ok(denial::answer(vec![message.to_owned()])), None);
        }
        let jurisdictions: Vec<_> = judges.into_iter().map(|judge| judge.jurisdiction).collect();
        let (answer, record) = self.verifier.check(&jurisdictions, request.clone()).await;
        (answer.map_err(Status::from), Some(record))
    }

    /// Remembers an answer: in the log, the metrics and the build's progress.
    async fn note(&self, record: Record) -> Result<(), Status> {
        if matches!(record.verdict, Verdict::Deny | Verdict::Error) {
            self.denied.store(true, Ordering::Relaxed);
        }
        self.steps.checked(&record);
        self.guard.note(&self.info, &Arc::new(record)).await
    }
}

impl Verify for Build {
    async fn check_policy(
        self: Arc<Self>,
        request: CheckPolicyRequest,
    ) -> Result<CheckPolicyResponse, Status> {
        let started = Instant::now();
        let (source, platform) = (asked_source(&request), asked_platform(&request));
        self.steps.started(&source, platform.as_ref());
        let (mut answer, record) = self.decide(&source, &request).await;
        let mut record = record.unwrap_or_else(|| Record::refused(source, platform, &answer));
        if let (Some(session), Ok(ours)) = (&self.client_policy, &answer) {
            let both = combine(ours, &self.guard.sessions, session, &request, &self.verifier).await;
            if both.as_ref().ok() != Some(ours) {
                record.decided_by_client(&both);
            }
            answer = both;
        }
        record.elapsed = started.elapsed();
        self.note(record).await?;
        Ok(CheckPolicyResponse { result: Some(answer?) })
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        self.steps.close();
    }
}

/// Whether a build leaves something behind beside what is kept in the daemon.
fn has_output(view: &SolveView) -> bool {
    let exports_cache = view
        .cache
        .as_ref()
        .is_some_and(|cache| !cache.exports.is_empty() || !cache.export_ref_deprecated.is_empty());
    !view.exporters.is_empty()
        || !view.exporter_deprecated.is_empty()
        || view.enable_session_exporter
        || exports_cache
}

fn only_files(definition: Option<&DefinitionView>) -> bool {
    definition.is_none_or(|definition| llb::only_files(definition.def.iter().map(AsRef::as_ref)))
}
