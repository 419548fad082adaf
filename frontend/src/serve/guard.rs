//! What all connections share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use policy_engine::input::Env;
use policy_engine::policy::{Policy, PolicySet};
use policy_engine::source::SourceOp;
use tonic::Status;

use super::builds::Builds;
use super::cache_imports::{self, CacheImport};
use super::daemon::Daemon;
use super::decision_log::{BuildInfo, DecisionLog};
use super::metrics::Metrics;
use super::policy_session::Verify;
use super::policy_store::PolicyStore;
use super::progress::Steps;
use super::record::Record;
use super::repo_policy::{Location, RepoPolicyError, RepoPolicyLoader};
use super::run::{Loaded, wants_proxy};
use super::sessions::Sessions;
use super::verify::{Jurisdiction, Verifier, VerifierOptions, reasons};
use crate::buildkit::endpoint::Peer;
use crate::buildkit::proto::policysession::{CheckPolicyRequest, CheckPolicyResponse};
use crate::decide::{Question, decide};
use crate::distribution::{Fetcher, ListedPlace};
use crate::lookup::block_on;
use crate::redact;
use crate::resolve::Resolver;
use crate::resolve::image::default_platform;
use crate::resolve::transport::TransportOptions;

/// What the server was told to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the policy beside a build's Dockerfile is worth.
    pub repo_policies: RepoPolicies,
    /// Whether warnings refuse a repo's policy.
    pub strict: bool,
    /// Which caches may be imported.
    pub cache_imports: cache_imports::Rule,
    /// Whether the credentials of clients are used to look up what buildkitd can't tell.
    pub client_credentials: bool,
    /// Where libraries of the builds' own policies may come from.
    pub libraries_from: Vec<ListedPlace>,
    /// Gets these libraries.
    pub fetcher: Fetcher,
    /// How registries and servers are reached.
    pub transport: TransportOptions,
}

/// What the policy beside a build's Dockerfile is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RepoPolicies {
    /// It isn't even read.
    Ignored,
    /// It is in force where there is one.
    #[default]
    Read,
    /// A build without one is denied.
    Required,
}

/// The server's state. Nothing in it outlives the process.
pub struct Guard {
    /// What it was told.
    pub options: Options,
    /// The builds that are being solved.
    pub builds: Arc<Builds>,
    /// The clients' sessions, and our own.
    pub sessions: Arc<Sessions>,
    /// The server's policies.
    pub policies: Arc<PolicyStore>,
    /// The builds' progress.
    pub steps: AllSteps,
    /// What is counted.
    pub metrics: Metrics,
    /// Where decisions are written.
    pub log: Option<DecisionLog>,
    /// The buildkitd behind us.
    pub daemon: Daemon,
    stopping: AtomicBool,
    /// What held when somebody last asked without a frontend.
    server: Mutex<Option<Loaded>>,
}

impl Guard {
    /// Of a server that has not begun.
    pub fn new(
        options: Options,
        policies: Arc<PolicyStore>,
        metrics: Metrics,
        log: Option<DecisionLog>,
        daemon: Daemon,
    ) -> Self {
        Self {
            options,
            builds: Arc::default(),
            sessions: Arc::default(),
            policies,
            steps: AllSteps::default(),
            metrics,
            log,
            daemon,
            stopping: AtomicBool::new(false),
            server: Mutex::default(),
        }
    }

    /// From now on no build begins.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Fails while no build may begin: clients may try another server.
    pub fn may_begin(&self) -> Result<(), Status> {
        let unavailable =
            |reason| Status::unavailable(format!("policy-check: {reason}: build again in a moment"));
        self.health().map_err(unavailable)
    }

    /// Whether builds may begin, or why not.
    pub fn health(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        if self.log.as_ref().is_some_and(|log| !log.healthy()) {
            return Err("the decision log cannot be written".to_owned());
        }
        Ok(())
    }

    /// Answers the questions about one build's sources. `session` is the client's.
    pub fn verifier(&self, session: &str) -> Verifier {
        let resolver = Resolver::new(self.options.transport.clone(), None);
        let credentials = self
            .options
            .client_credentials
            .then(|| super::client_auth::ClientAuth::new(Arc::clone(&self.sessions), session.to_owned()));
        let resolver = match credentials {
            Some(credentials) => resolver.with_client_credentials(Arc::new(credentials)),
            None => resolver,
        };
        let options = VerifierOptions { record_cases: self.log.is_some(), ..VerifierOptions::default() };
        Verifier::new(Arc::new(resolver), options)
    }

    /// Reads the policy of a build's repo. What the hook fetches for that must be allowed by the server's
    /// `policies`, which see the build as `env`.
    pub async fn repo_policy(
        &self,
        location: &Location,
        session: &str,
        policies: &Arc<PolicySet>,
        env: &Env,
    ) -> Result<Option<Arc<Policy>>, RepoPolicyError> {
        let allowed = |source| judge(policies, env, self.options.transport.clone(), source);
        let fetcher = Fetcher { trust: Arc::clone(&policies.trust), ..self.options.fetcher.clone() };
        RepoPolicyLoader::new(self.daemon.channel().clone(), self.options.strict)
            .with_libraries(&self.options.libraries_from, fetcher)
            .load(location, session, allowed)
            .await
    }

    /// Whether a build may import a cache; if not, what its user is told.
    pub async fn may_import(
        &self,
        import: &CacheImport,
        policies: &Arc<PolicySet>,
        env: &Env,
    ) -> Result<(), String> {
        match self.options.cache_imports.judge(import) {
            cache_imports::Verdict::Allowed => Ok(()),
            cache_imports::Verdict::Denied(message) => Err(message),
            cache_imports::Verdict::AskPolicy(source) => {
                let shown = redact::source(&source);
                let judged = judge(policies, env, self.options.transport.clone(), source.clone()).await;
                let pinned = "a policy pins it, and a cache can't be pinned".to_owned();
                let judged = judged.and_then(|allowed| if allowed == source { Ok(()) } else { Err(pinned) });
                judged.map_err(|reason| format!("the cache {shown} may not be imported: {reason}"))
            }
        }
    }

    /// What holds where no frontend runs: the server's `policies` alone. They are asked for their capabilities
    /// once, and not at every check.
    pub async fn without_frontend(&self, policies: Arc<PolicySet>) -> Result<Loaded, Status> {
        let known = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known
            && Arc::ptr_eq(&known.jurisdiction.policies, &policies)
        {
            return Ok(known);
        }
        let server = Jurisdiction { policies, env: Env::default(), reads_from_client: false };
        let (jurisdiction, wants_proxy) = wants_proxy(server).await?;
        let server = Loaded { jurisdiction, has_repo_policy: false, wants_proxy };
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.clone());
        Ok(server)
    }

    /// Writes a decision down. While the log cannot be written, nothing is decided.
    pub async fn note(&self, build: &Arc<BuildInfo>, record: &Arc<Record>) -> Result<(), Status> {
        self.metrics.checked(record.verdict, record.elapsed);
        let Some(log) = &self.log else { return Ok(()) };
        if !log.healthy() {
            let text = "policy-check: the decision log cannot be written, so nothing is decided: see the server's own log";
            return Err(Status::unavailable(text));
        }
        log.write(build, record).await;
        Ok(())
    }
}

/// Asks the server's policies about a source that is about to be fetched for a build without BuildKit asking:
/// what it is pinned to, or why it may not be fetched.
async fn judge(
    policies: &Arc<PolicySet>,
    env: &Env,
    transport: TransportOptions,
    source: SourceOp,
) -> Result<SourceOp, String> {
    let (policies, env) = (Arc::clone(policies), env.clone());
    let judged = tokio::task::spawn_blocking(move || {
        let now = SystemTime::now();
        let platform = default_platform();
        let judge = crate::resolve::Judge {
            policies: Arc::clone(&policies),
            source: source.clone(),
            platform: Some(platform.clone()),
            env: env.clone(),
            now,
        };
        let resolver = Arc::new(Resolver::new(transport, Some(judge)));
        let question =
            Question { policies: &policies, source: &source, platform: Some(&platform), env: &env, now };
        let verdict =
            block_on(decide(question, &resolver, &mut Unheard)).map_err(|error| error.to_string())?;
        let verdict = verdict.map_err(|error| error.to_string())?;
        if verdict.allowed() {
            Ok(verdict.pin.unwrap_or(source))
        } else {
            Err(reasons(&verdict.decision).join("; "))
        }
    });
    judged.await.unwrap_or_else(|error| Err(format!("a policy broke down: {error}")))
}

struct Unheard;

impl crate::decide::Observer for Unheard {
    fn asked(&mut self, _round: usize, _requests: &[policy_engine::metadata::Request]) {}
    fn slow(&mut self, _requests: &[policy_engine::metadata::Request]) {}
}

/// A client asks for a decision by the server's policies, without a build: any may.
pub struct Asked {
    /// Whose policies.
    pub guard: Arc<Guard>,
    /// Who asks.
    pub client: Peer,
}

impl Verify for Asked {
    async fn check_policy(
        self: Arc<Self>,
        request: CheckPolicyRequest,
    ) -> Result<CheckPolicyResponse, Status> {
        let Self { guard, client } = &*self;
        let Loaded { jurisdiction, .. } = guard.without_frontend(guard.policies.current()).await?;
        let verifier = guard.verifier("");
        let (answer, record) = verifier.check(&[jurisdiction], request).await;
        let nobodys = BuildInfo { reference: String::new(), client: client.to_string() };
        guard.note(&Arc::new(nobodys), &Arc::new(record)).await?;
        Ok(CheckPolicyResponse { result: Some(answer?) })
    }
}

/// The progress of builds, by their ids: whoever follows a build may come before it, or after.
#[derive(Default)]
pub struct AllSteps {
    known: Mutex<HashMap<String, Weak<Steps>>>,
}

impl AllSteps {
    /// The steps of a build, for as long as somebody holds them.
    pub fn of(&self, reference: &str) -> Arc<Steps> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(steps) = known.get(reference).and_then(Weak::upgrade) {
            return steps;
        }
        known.retain(|_, steps| steps.strong_count() > 0);
        let steps = Arc::new(Steps::new());
        known.insert(reference.to_owned(), Arc::downgrade(&steps));
        steps
    }
}
