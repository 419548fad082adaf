//! A double of buildkitd that speaks its real protocol, in this process.
//!
//! It knows the world by a [`Script`] and records what it is asked. Where the real daemon is careless (a second
//! session takes over a uuid, anybody may join a build, some requests crash it), so is the double.

mod bridge;
mod builds;
mod control;
mod dockerfile;
mod failure;
mod files;
mod load;
mod metadata;
mod policy;
pub(crate) mod raw;
mod record;
mod script;
mod sessions;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use policy_check::buildkit::proto::control::control_server::ControlServer;
use policy_check::buildkit::proto::gateway::llb_bridge_server::LlbBridgeServer;
use policy_check::buildkit::proto::health::health_server::{Health, HealthServer};
use policy_check::buildkit::proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use tokio::net::UnixListener;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tower_service::Service as _;

pub(crate) use failure::DECISION;
pub(crate) use record::{Call, Check};
pub(crate) use script::{Metadata, Script, source_op};

use crate::wire::{self, Handler, RecvBody};

/// Path of the call that carries a session.
pub(crate) const SESSION: &str = "/moby.buildkit.v1.Control/Session";
/// Path of the call that is a build.
pub(crate) const SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
/// Path of the call that runs a frontend.
pub(crate) const BRIDGE_SOLVE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";

/// A running daemon. Dropping it ends everything on it.
pub(crate) struct Daemon {
    /// The unix socket it listens on.
    pub(crate) socket: PathBuf,
    state: Arc<State>,
    _folder: tempfile::TempDir,
}

pub(crate) struct State {
    script: Mutex<Script>,
    record: record::Record,
    sessions: sessions::Sessions,
    builds: builds::Builds,
    stop: CancellationToken,
    crashed: OnceLock<String>,
}

/// What connections are served with.
#[derive(Clone)]
struct Service(Arc<State>);

impl Daemon {
    /// Starts one.
    pub(crate) fn start(script: Script) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("buildkitd.sock");
        let state = State::listen(&socket, script);
        Self { socket, state, _folder: folder }
    }

    /// Starts again on the same socket, with a new record and nobody connected.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.state = State::listen(&self.socket, self.state.script());
    }

    /// Ends a session from the daemon's side.
    pub(crate) async fn end_session(&self, id: &str) {
        self.state.sessions.get(id).await.channel.abort();
        self.until("the session is gone", |daemon| !daemon.sessions().iter().any(|open| open == id)).await;
    }

    /// Changes what the daemon knows, for what it does next.
    pub(crate) fn rescript(&self, change: impl FnOnce(Script) -> Script) {
        let mut script = self.state.script.lock().expect("no test panics here");
        *script = change(script.clone());
    }

    /// Ends all connections and listens no longer, as a crash does.
    pub(crate) fn kill(&self) {
        self.state.stop.cancel();
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Calls of one path (all with an empty one), oldest first.
    pub(crate) fn calls(&self, path: &str) -> Vec<Arc<Call>> {
        self.state.record.calls(path)
    }

    /// Every `CheckPolicy` the daemon sent.
    pub(crate) fn checks(&self) -> Vec<Check> {
        self.state.record.checks()
    }

    /// Identifiers that were asked about, in order of asking.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.checks().iter().map(|check| check.identifier().to_owned()).collect()
    }

    /// Caches that builds imported, as `type:ref`.
    pub(crate) fn imports(&self) -> Vec<String> {
        self.state.record.imports()
    }

    /// Uuids of sessions that are open.
    pub(crate) fn sessions(&self) -> Vec<String> {
        self.state.sessions.ids()
    }

    /// Headers of all sessions there ever were.
    pub(crate) fn session_headers(&self) -> Vec<HeaderMap> {
        self.state.sessions.seen()
    }

    /// Refs of builds that run.
    pub(crate) fn builds(&self) -> Vec<String> {
        self.state.builds.ids()
    }

    /// What would have crashed the real daemon, and did crash this one.
    pub(crate) fn crashed(&self) -> Option<&str> {
        self.state.crashed.get().map(String::as_str)
    }

    /// Waits until `condition` holds.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let wait = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), wait).await;
        assert!(waited.is_ok(), "waited in vain until {what}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

impl State {
    fn listen(socket: &Path, script: Script) -> Arc<Self> {
        let state = Arc::new(Self {
            script: Mutex::new(script),
            record: record::Record::default(),
            sessions: sessions::Sessions::default(),
            builds: builds::Builds::default(),
            stop: CancellationToken::new(),
            crashed: OnceLock::new(),
        });
        let listener = UnixListener::bind(socket).expect("a socket to listen on");
        tokio::spawn(listen(listener, state.clone()));
        state
    }

    fn script(&self) -> Script {
        self.script.lock().expect("no test panics here").clone()
    }

    /// Crashes, as the real daemon would here. Nobody is there any longer to return to.
    async fn crash<T>(&self, why: &str) -> T {
        let _ = self.crashed.set(why.to_owned());
        self.stop.cancel();
        std::future::pending().await
    }
}

async fn listen(listener: UnixListener, state: Arc<State>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((connection, _)) = accepted else { return };
                tokio::spawn(wire::serve(connection, Service(state.clone()), state.stop.clone()));
            }
            () = state.stop.cancelled() => return,
        }
    }
}

impl Handler for Service {
    fn begin(&self, request: &http::request::Parts) -> Option<Arc<Call>> {
        Some(self.0.record.begin(request))
    }

    async fn call(&self, request: Request<RecvBody>) -> Response<tonic::body::Body> {
        let path = request.uri().path();
        let answer = if path.starts_with("/moby.buildkit.v1.Control/") {
            let service = ControlServer::new(self.clone());
            service.max_decoding_message_size(wire::MESSAGE).call(request).await
        } else if path.starts_with("/moby.buildkit.v1.frontend.LLBBridge/") {
            let service = LlbBridgeServer::new(self.clone());
            service.max_decoding_message_size(wire::MESSAGE).call(request).await
        } else if path.starts_with("/grpc.health.v1.Health/") {
            HealthServer::new(Serving).call(request).await
        } else if path.starts_with(raw::PREFIX) {
            Ok(raw::answer(request).await)
        } else {
            let service = path.split('/').nth(1).unwrap_or_default();
            Ok(Status::unimplemented(format!("unknown service {service}")).into_http())
        };
        answer.unwrap_or_else(|never| match never {})
    }
}

/// Health of something that is well.
pub(crate) struct Serving;

#[tonic::async_trait]
impl Health for Serving {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        Ok(tonic::Response::new(HealthCheckResponse { status: 1 }))
    }

    async fn list(
        &self,
        _: tonic::Request<HealthListRequest>,
    ) -> Result<tonic::Response<HealthListResponse>, Status> {
        Ok(tonic::Response::new(HealthListResponse::default()))
    }

    async fn watch(
        &self,
        _: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("nobody watches"))
    }
}
