//! A client that writes what no honest one would.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use bollard_buildkit_proto::moby::buildkit::v1 as control;
use bollard_buildkit_proto::moby::buildkit::v1::frontend;
use bollard_buildkit_proto::pb;
use control::control_client::ControlClient;
use frontend::llb_bridge_client::LlbBridgeClient;
use prost::Message;
use sha2::{Digest, Sha256};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// A connection to the control socket.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) control: ControlClient<Channel>,
    pub(crate) bridge: LlbBridgeClient<Channel>,
}

impl Raw {
    pub(crate) async fn connect(address: &str) -> Self {
        let endpoint = Endpoint::from_shared(address.to_owned()).expect("an address");
        let channel = endpoint.connect().await.expect("somebody who listens");
        Self { control: ControlClient::new(channel.clone()), bridge: LlbBridgeClient::new(channel) }
    }

    /// A gateway build: `Control/Solve` and `LLBBridge/Solve`, each with options of its own.
    pub(crate) async fn gateway(
        &mut self,
        build: control::SolveRequest,
        solve: frontend::SolveRequest,
    ) -> Result<(), Status> {
        let id = build.r#ref.clone();
        let mut control = self.control.clone();
        let outer = tokio::spawn(async move { control.solve(build).await });
        let inner = self.bridge.solve(of_build(solve, &id)).await.map(drop);
        let error = inner.as_ref().err().map(status_of);
        let end = frontend::ReturnRequest { result: Some(frontend::Result::default()), error };
        // Whoever refused the build has nothing to return to.
        drop(self.bridge.r#return(of_build(end, &id)).await);
        outer.await.expect("no panic").map(drop).and(inner)
    }

    /// Asks for a build as its frontend would.
    pub(crate) async fn ping(&mut self, id: &str) -> Result<(), Status> {
        self.bridge.ping(of_build(frontend::PingRequest {}, id)).await.map(drop)
    }

    /// Opens a session, and keeps it while the sender is kept. The session is refused where this fails, or
    /// where the answer ends: see [`Session::is_refused`].
    pub(crate) async fn session(&mut self, id: &str) -> Result<Session, Status> {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        let mut request = Request::new(stream);
        for (key, value) in [
            ("x-docker-expose-session-uuid", id),
            ("x-docker-expose-session-sharedkey", ""),
            ("x-docker-expose-session-grpc-method", "/grpc.health.v1.Health/Check"),
        ] {
            request.metadata_mut().insert(key, value.parse().expect("a header's value"));
        }
        let answer = self.control.session(request).await?.into_inner();
        Ok(Session { answer, _sender: sender })
    }
}

/// An open session.
pub(crate) struct Session {
    answer: tonic::Streaming<control::BytesMessage>,
    _sender: tokio::sync::mpsc::Sender<control::BytesMessage>,
}

impl Session {
    /// Whether the other side ends the session, or speaks HTTP/2 on it.
    pub(crate) async fn is_refused(&mut self) -> bool {
        !matches!(self.answer.message().await, Ok(Some(_)))
    }
}

/// A solve by `Control/Solve` with a new ref.
pub(crate) fn new_build() -> control::SolveRequest {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    control::SolveRequest { r#ref: format!("forged-{}-{count}", std::process::id()), ..Default::default() }
}

/// A definition of nothing but this source.
pub(crate) fn definition(identifier: &str) -> pb::Definition {
    let source = pb::SourceOp { identifier: identifier.to_owned(), ..Default::default() };
    let platform = pb::Platform { os: "linux".into(), architecture: "amd64".into(), ..Default::default() };
    let op = pb::Op { op: Some(pb::op::Op::Source(source)), platform: Some(platform), ..Default::default() };
    let op = op.encode_to_vec();
    let digest: String = Sha256::digest(&op).iter().map(|byte| format!("{byte:02x}")).collect();
    let input = pb::Input { digest: format!("sha256:{digest}"), index: 0 };
    let end = pb::Op { inputs: vec![input], ..Default::default() };
    pb::Definition { def: vec![op, end.encode_to_vec()], ..Default::default() }
}

/// Options.
pub(crate) fn options(of: &[(&str, &str)]) -> HashMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn of_build<T>(message: T, id: &str) -> Request<T> {
    let mut request = Request::new(message);
    let id = id.parse().expect("a header's value");
    request.metadata_mut().insert("buildkit-controlapi-buildid", id);
    request
}

fn status_of(status: &Status) -> bollard_buildkit_proto::google::rpc::Status {
    bollard_buildkit_proto::google::rpc::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    }
}
