//! A small daemon for tests: `Control.Solve`, and what of `LLBBridge` a build of the hook calls.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use prost::Message;
use tokio::sync::Notify;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::internal_build::{BUILD_ID, endpoint};
use super::proto::{control, fsutil, gateway, pb};

/// Files by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What the daemon serves, and what was asked of it.
#[derive(Default)]
pub(crate) struct Daemon {
    /// By source identifier; directories of clients as `session/local://name`.
    trees: Mutex<HashMap<String, Files>>,
    /// Answers to `Control.Solve`, instead of running a build.
    refusal: Mutex<Option<Status>>,
    /// Running builds and what ends them.
    builds: Mutex<HashMap<String, Arc<Notify>>>,
    results: Mutex<Vec<Files>>,
    log: Mutex<Vec<String>>,
    changed: Notify,
}

impl Daemon {
    /// Serves `trees` on a port of its own.
    pub(crate) async fn start(trees: &[(&str, &[(&str, &str)])]) -> (Arc<Self>, Channel) {
        let files = |of: &[(&str, &str)]| {
            of.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
        };
        let daemon = Arc::new(Self {
            trees: Mutex::new(trees.iter().map(|(name, of)| ((*name).to_owned(), files(of))).collect()),
            ..Self::default()
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let server = Server::builder()
            .add_service(ControlService(Arc::clone(&daemon)))
            .add_service(BridgeService(Arc::clone(&daemon)));
        tokio::spawn(server.serve(address));
        let endpoint = endpoint(Endpoint::try_from(format!("http://{address}")).unwrap());
        loop {
            // Until the server listens.
            if let Ok(channel) = endpoint.connect().await {
                return (daemon, channel);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Lets every `Control.Solve` fail.
    pub(crate) fn refuse(&self, status: Status) {
        *lock(&self.refusal) = Some(status);
    }

    /// What was asked so far, one line for each call.
    pub(crate) fn log(&self) -> Vec<String> {
        lock(&self.log).clone()
    }

    /// Waits until `line` was logged.
    pub(crate) async fn until(&self, line: &str) {
        loop {
            let changed = self.changed.notified();
            if lock(&self.log).iter().any(|logged| logged == line) {
                return;
            }
            changed.await;
        }
    }

    fn note(&self, line: String) {
        lock(&self.log).push(line);
        self.changed.notify_waiters();
    }

    async fn control_solve(
        self: Arc<Self>,
        request: Request<control::SolveRequest>,
    ) -> Result<control::SolveResponse, Status> {
        let request = request.into_inner();
        if let Some(status) = lock(&self.refusal).clone() {
            return Err(status);
        }
        assert!(request.internal && request.cache.is_some() && request.source_policy_session.is_empty());
        let end = Arc::new(Notify::new());
        lock(&self.builds).insert(request.r#ref, Arc::clone(&end));
        self.note(format!("start {}", request.session));
        let mut cancelled = Cancelled(Arc::clone(&self), true);
        end.notified().await;
        cancelled.1 = false;
        self.note("end".into());
        Ok(control::SolveResponse::default())
    }

    /// The build that a call belongs to. It may be on its way.
    async fn build<T>(&self, request: &Request<T>) -> Result<Arc<Notify>, Status> {
        let id = request.metadata().get(BUILD_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        for _ in 0..100 {
            if let Some(end) = lock(&self.builds).get(id) {
                return Ok(Arc::clone(end));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(Status::not_found("no such job"))
    }

    async fn solve(
        self: Arc<Self>,
        request: Request<gateway::SolveRequest>,
    ) -> Result<gateway::SolveResponse, Status> {
        self.build(&request).await?;
        let definition = request.into_inner().definition.unwrap_or_default();
        let op = pb::Op::decode(definition.def[0].as_slice()).unwrap();
        let Some(pb::op::Op::Source(source)) = op.op else { panic!("a source comes first") };
        let key = match source.attrs.get("local.session") {
            Some(session) => format!("{session}/{}", source.identifier),
            None => source.identifier.clone(),
        };
        let wanted: Option<Vec<String>> =
            source.attrs.get("local.followpaths").map(|paths| serde_json::from_str(paths).unwrap());
        self.note(format!("solve {key} {}", wanted.clone().unwrap_or_default().join(",")));
        let tree = lock(&self.trees).get(&key).cloned();
        let Some(mut files) = tree else {
            let name = source.identifier.trim_start_matches("local://");
            return Err(Status::not_found(format!("rpc error: no access allowed to dir \"{name}\"")));
        };
        files.retain(|path, _| wanted.as_ref().is_none_or(|wanted| wanted.contains(path)));
        let mut results = lock(&self.results);
        results.push(files);
        let id = (results.len() - 1).to_string();
        let result = gateway::result::Result::Ref(gateway::Ref { id, def: None });
        let result = gateway::Result { result: Some(result), ..gateway::Result::default() };
        Ok(gateway::SolveResponse { r#ref: String::new(), result: Some(result) })
    }

    fn file(&self, of: &str, path: &str, verb: &str) -> Result<Vec<u8>, Status> {
        self.note(format!("{verb} {path}"));
        let results = lock(&self.results);
        let found = of.parse::<usize>().ok().and_then(|of| results.get(of)?.get(path).cloned());
        found.ok_or_else(|| Status::unknown(format!("{verb} {path}: no such file or directory")))
    }

    async fn read(
        self: Arc<Self>,
        request: Request<gateway::ReadFileRequest>,
    ) -> Result<gateway::ReadFileResponse, Status> {
        self.build(&request).await?;
        let request = request.into_inner();
        let mut data = self.file(&request.r#ref, &request.file_path, "open")?;
        let range = request.range.unwrap();
        assert_eq!(range.offset, 0);
        data.truncate(usize::try_from(range.length).unwrap());
        Ok(gateway::ReadFileResponse { data })
    }

    async fn stat(
        self: Arc<Self>,
        request: Request<gateway::StatFileRequest>,
    ) -> Result<gateway::StatFileResponse, Status> {
        self.build(&request).await?;
        let request = request.into_inner();
        let data = self.file(&request.r#ref, &request.path, "lstat")?;
        let size = i64::try_from(data.len()).unwrap();
        let stat = fsutil::Stat { path: request.path, size, ..fsutil::Stat::default() };
        Ok(gateway::StatFileResponse { stat: Some(stat) })
    }

    async fn end(
        self: Arc<Self>,
        request: Request<gateway::ReturnRequest>,
    ) -> Result<gateway::ReturnResponse, Status> {
        self.build(&request).await?.notify_one();
        Ok(gateway::ReturnResponse {})
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// Notes that a solve was dropped before its end.
struct Cancelled(Arc<Daemon>, bool);

impl Drop for Cancelled {
    fn drop(&mut self) {
        if self.1 {
            self.0.note("cancel".into());
        }
    }
}

#[derive(Clone)]
struct ControlService(Arc<Daemon>);

#[derive(Clone)]
struct BridgeService(Arc<Daemon>);

impl NamedService for ControlService {
    const NAME: &'static str = "moby.buildkit.v1.Control";
}

impl NamedService for BridgeService {
    const NAME: &'static str = "moby.buildkit.v1.frontend.LLBBridge";
}

type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl tower_service::Service<http::Request<Body>> for ControlService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let daemon = Arc::clone(&self.0);
        unary(request, move |request| daemon.control_solve(request))
    }
}

impl tower_service::Service<http::Request<Body>> for BridgeService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let daemon = Arc::clone(&self.0);
        match request.uri().path().rsplit('/').next() {
            Some("Solve") => unary(request, move |request| daemon.solve(request)),
            Some("ReadFile") => unary(request, move |request| daemon.read(request)),
            Some("StatFile") => unary(request, move |request| daemon.stat(request)),
            Some("Return") => unary(request, move |request| daemon.end(request)),
            other => panic!("not a method of this daemon: {other:?}"),
        }
    }
}

/// Decodes a request, answers it and encodes the answer.
fn unary<Q, A, F, Fut>(request: http::Request<Body>, answer: F) -> Answer
where
    Q: Message + Default + Send + 'static,
    A: Message + Default + Send + 'static,
    F: FnOnce(Request<Q>) -> Fut + Send + 'static,
    Fut: Future<Output = Result<A, Status>> + Send + 'static,
{
    Box::pin(async move {
        Ok(Grpc::new(ProstCodec::<A, Q>::default()).unary(Handler(Some(answer)), request).await)
    })
}

struct Handler<F>(Option<F>);

impl<Q, A, F, Fut> tower_service::Service<Request<Q>> for Handler<F>
where
    F: FnOnce(Request<Q>) -> Fut,
    Fut: Future<Output = Result<A, Status>> + Send + 'static,
    A: 'static,
{
    type Response = Response<A>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = self.0.take().unwrap()(request);
        Box::pin(async move { answer.await.map(Response::new) })
    }
}
