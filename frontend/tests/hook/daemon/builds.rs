//! Builds that run: jobs, their results, and who waits for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use policy_check::buildkit::proto::{control, gateway, google};
use tokio::sync::watch;

use super::failure::Failure;
use super::load::Ref;

/// One `Control.Solve` that runs.
pub(crate) struct Build {
    /// Its `Ref`.
    pub(crate) id: String,
    /// The request, decoded: of a scalar that is there twice, the last value.
    pub(crate) request: control::SolveRequest,
    /// Asked about each source; none if empty.
    pub(crate) policy_session: String,
    /// Whether `LLBBridge` calls may join it.
    pub(crate) is_bridged: bool,
    /// Results of `LLBBridge.Solve`.
    pub(crate) refs: Mutex<HashMap<String, Arc<Ref>>>,
    /// What `LLBBridge.Return` said.
    pub(crate) returned: watch::Sender<Option<Returned>>,
    /// Progress so far.
    pub(crate) status: watch::Sender<Vec<control::StatusResponse>>,
}

/// How a client ended its build.
#[derive(Clone)]
pub(crate) enum Returned {
    Result(gateway::Result),
    Error(google::rpc::Status),
}

/// All builds.
pub(crate) struct Builds {
    running: Mutex<HashMap<String, Arc<Build>>>,
    ended: Mutex<Vec<Arc<Build>>>,
    changed: watch::Sender<()>,
}

impl Default for Builds {
    fn default() -> Self {
        Self { running: Mutex::default(), ended: Mutex::default(), changed: watch::channel(()).0 }
    }
}

/// Ends its build when dropped, which is also how a client that hangs up ends it.
pub(crate) struct Job<'a> {
    builds: &'a Builds,
    pub(crate) build: Arc<Build>,
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        self.builds.running.lock().expect("no test panics here").remove(&self.build.id);
        if !self.build.request.internal {
            self.builds.ended.lock().expect("no test panics here").push(self.build.clone());
        }
        self.builds.changed.send_replace(());
    }
}

impl Builds {
    /// Begins a build.
    pub(crate) fn begin(
        &self,
        request: control::SolveRequest,
        status: Vec<control::StatusResponse>,
    ) -> Result<Job<'_>, Failure> {
        let id = request.r#ref.clone();
        let mut running = self.running.lock().expect("no test panics here");
        if running.contains_key(&id) {
            return Err(Failure::new(format!("job ID {id} exists")));
        }
        let build = Arc::new(Build {
            id: id.clone(),
            policy_session: request.source_policy_session.clone(),
            is_bridged: request.definition.is_none() && request.frontend.is_empty(),
            request,
            refs: Mutex::default(),
            returned: watch::channel(None).0,
            status: watch::channel(status).0,
        });
        running.insert(id, build.clone());
        self.changed.send_replace(());
        Ok(Job { builds: self, build })
    }

    /// Ids of builds that run.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.running.lock().expect("no test panics here").keys().cloned().collect()
    }

    /// Ids of builds that run and are not internal.
    pub(crate) fn listed(&self) -> Vec<String> {
        let running = self.running.lock().expect("no test panics here");
        running.values().filter(|build| !build.request.internal).map(|build| build.id.clone()).collect()
    }

    /// Whether a build still runs.
    pub(crate) fn is_running(&self, id: &str) -> bool {
        self.running.lock().expect("no test panics here").contains_key(id)
    }

    /// Completes when `id` does not run any longer.
    pub(crate) async fn ended(&self, id: &str) {
        let mut changes = self.changed.subscribe();
        while self.is_running(id) && changes.changed().await.is_ok() {}
    }

    /// A build that runs, or a recorded one that ended; waits for it for `window`.
    pub(crate) async fn known(&self, id: &str, window: Duration) -> Result<Arc<Build>, Failure> {
        let recorded = || {
            let ended = self.ended.lock().expect("no test panics here");
            ended.iter().rev().find(|build| build.id == id).cloned()
        };
        if let Some(build) = recorded() {
            return Ok(build);
        }
        self.wait(id, window, |_| true).await
    }

    /// The build that an `LLBBridge` call names; waits for it for `window`.
    pub(crate) async fn bridged(&self, id: &str, window: Duration) -> Result<Arc<Build>, Failure> {
        self.wait(id, window, |build| build.is_bridged).await
    }

    async fn wait(
        &self,
        id: &str,
        window: Duration,
        wanted: fn(&Build) -> bool,
    ) -> Result<Arc<Build>, Failure> {
        let mut changes = self.changed.subscribe();
        let deadline = tokio::time::Instant::now() + window;
        loop {
            let found = self.running.lock().expect("no test panics here").get(id).cloned();
            if let Some(build) = found.filter(|build| wanted(build)) {
                return Ok(build);
            }
            if !matches!(tokio::time::timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
                return Err(Failure::coded(tonic::Code::NotFound, format!("no such job {id}")));
            }
        }
    }
}

impl Build {
    /// Keeps a result; gives its id.
    pub(crate) fn keep(&self, result: Ref) -> String {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let id = format!("ref{}", NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.refs.lock().expect("no test panics here").insert(id.clone(), Arc::new(result));
        id
    }

    /// A result that was kept.
    pub(crate) fn result(&self, id: &str) -> Result<Arc<Ref>, Failure> {
        let refs = self.refs.lock().expect("no test panics here");
        refs.get(id).cloned().ok_or_else(|| Failure::new(format!("no such ref: {id}")))
    }

    /// Tells the build's watchers.
    pub(crate) fn progress(&self, vertex: control::Vertex) {
        let status = control::StatusResponse { vertexes: vec![vertex], ..Default::default() };
        self.status.send_modify(|all| all.push(status));
    }
}
