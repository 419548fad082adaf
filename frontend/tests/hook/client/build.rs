//! `buildx build`, as it looks on the wire.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use policy_check::buildkit::proto::gateway::result::Result as Kind;
use policy_check::buildkit::proto::{control, gateway, google, pb};
use prost::Message;
use tonic::Status;

use super::{Client, Exposed, Session};

/// One build that is to run. Everything can be forged before.
#[derive(Clone)]
pub(crate) struct Build {
    /// `Control.Solve`.
    pub(crate) solve: control::SolveRequest,
    /// Put behind the encoded `Control.Solve`: fields that no message of ours has, or again a field it has.
    pub(crate) appended: Vec<u8>,
    /// `LLBBridge.Solve`; none for a build that `Control.Solve` runs alone.
    pub(crate) bridge: Option<gateway::SolveRequest>,
    /// What the client's session exposes.
    pub(crate) exposed: Exposed,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `Control.Solve`'s answer: what `docker buildx build` reports.
    pub(crate) solve: Result<control::SolveResponse, Status>,
    /// Why `LLBBridge.Solve` failed, if it did.
    pub(crate) bridge: Option<Status>,
    /// The progress that was shown.
    pub(crate) statuses: Vec<control::StatusResponse>,
    /// How the progress ended.
    pub(crate) status_end: Result<(), Status>,
    /// From first to last.
    pub(crate) elapsed: Duration,
}

/// An id that no other build or session of this process has.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Build {
    /// `docker buildx build .` with a Dockerfile.
    pub(crate) fn dockerfile() -> Self {
        let exposed = Exposed::default().folder("dockerfile", &[("Dockerfile", "FROM alpine\n")]);
        Self::of(exposed.folder("context", &[("hello.txt", "hello")]))
    }

    /// A Dockerfile build by a client that exposes this.
    pub(crate) fn of(exposed: Exposed) -> Self {
        let solve = control::SolveRequest {
            r#ref: unique("build"),
            session: unique("session"),
            ..Default::default()
        };
        let bridge = gateway::SolveRequest {
            frontend: "dockerfile.v0".to_owned(),
            allow_result_return: true,
            allow_result_array_ref: true,
            ..Default::default()
        };
        Self { solve, appended: Vec::new(), bridge: Some(bridge), exposed }.option("filename", "Dockerfile")
    }

    /// `buildctl build` of a definition: `Control.Solve` alone.
    pub(crate) fn definition(sources: &[pb::SourceOp]) -> Self {
        let mut build = Self::of(Exposed::default());
        build.bridge = None;
        build.solve.frontend_attrs.clear();
        build.solve.definition = Some(definition(sources));
        build
    }

    /// An option in both places where it belongs.
    pub(crate) fn option(mut self, key: &str, value: &str) -> Self {
        self.solve.frontend_attrs.insert(key.to_owned(), value.to_owned());
        self.bridge_option(key, value)
    }

    /// An option that only `LLBBridge.Solve` has, which BuildKit acts on.
    pub(crate) fn bridge_option(mut self, key: &str, value: &str) -> Self {
        if let Some(bridge) = &mut self.bridge {
            bridge.frontend_opt.insert(key.to_owned(), value.to_owned());
        }
        self
    }

    /// With a policy of the client's own, in its own session.
    pub(crate) fn policy(mut self, verifier: super::Verifier) -> Self {
        self.exposed.verifier = Some(verifier);
        self.solve.source_policy_session = self.solve.session.clone();
        self
    }

    /// `Control.Solve` as it is sent.
    pub(crate) fn encoded(&self) -> Bytes {
        let mut encoded = self.solve.encode_to_vec();
        encoded.extend_from_slice(&self.appended);
        encoded.into()
    }
}

/// A definition that loads these sources.
pub(crate) fn definition(sources: &[pb::SourceOp]) -> pb::Definition {
    let op =
        |source: &pb::SourceOp| pb::Op { op: Some(pb::op::Op::Source(source.clone())), ..Default::default() };
    pb::Definition {
        def: sources.iter().map(|source| op(source).encode_to_vec()).collect(),
        ..Default::default()
    }
}

impl Client {
    /// Runs a build as buildx does: Solve, Status, Session and Ping at once, then the frontend.
    pub(crate) async fn build(&self, build: Build) -> Outcome {
        let started = Instant::now();
        let id = build.solve.r#ref.clone();
        let (session, solve, (statuses, status_end), bridge) = tokio::join!(
            self.session(&build.solve.session, build.exposed.clone()),
            self.solve(build.encoded()),
            self.watch(&id),
            self.drive(&id, build.bridge.clone()),
        );
        let solve = match session {
            Ok(session) => {
                drop::<Session>(session);
                solve
            }
            Err(status) => solve.and(Err(status)),
        };
        Outcome { solve, bridge, statuses, status_end, elapsed: started.elapsed() }
    }

    /// `Control.Solve` of these bytes.
    pub(crate) async fn solve(&self, encoded: Bytes) -> Result<control::SolveResponse, Status> {
        let answer = self.unary(crate::daemon::SOLVE, &[], encoded).await?;
        let decoded = control::SolveResponse::decode(answer);
        decoded.map_err(|error| Status::internal(format!("no SolveResponse: {error}")))
    }

    /// `Control.Status` to its end.
    pub(crate) async fn watch(&self, id: &str) -> (Vec<control::StatusResponse>, Result<(), Status>) {
        let mut all = Vec::new();
        let stream = self.control().status(control::StatusRequest { r#ref: id.to_owned() }).await;
        let mut stream = match stream {
            Ok(stream) => stream.into_inner(),
            Err(status) => return (all, Err(status)),
        };
        loop {
            match stream.message().await {
                Ok(Some(status)) => all.push(status),
                Ok(None) => return (all, Ok(())),
                Err(status) => return (all, Err(status)),
            }
        }
    }

    /// The gateway's part. Returns the error it reports to the daemon, if any.
    async fn drive(&self, id: &str, solve: Option<gateway::SolveRequest>) -> Option<Status> {
        let solve = solve?;
        let mut bridge = self.bridge(id);
        if let Err(status) = bridge.ping(gateway::PingRequest {}).await {
            return Some(status);
        }
        let (returned, failure) = match bridge.solve(solve).await {
            Ok(answer) => {
                let result = answer.into_inner().result;
                (gateway::ReturnRequest { result, error: None }, None)
            }
            Err(status) => {
                let error = Some(rpc_status(&status));
                (gateway::ReturnRequest { result: None, error }, Some(status))
            }
        };
        // A build that was ended meanwhile takes no result; its Solve tells why.
        let _ = bridge.r#return(returned).await;
        failure
    }
}

impl Outcome {
    /// The build's error.
    pub(crate) fn error(&self) -> &Status {
        self.solve.as_ref().expect_err("the build should have failed")
    }

    /// Deny messages of the error's details.
    pub(crate) fn deny_messages(&self) -> Vec<String> {
        let details = rpc_status(self.error()).details;
        let decisions = details.iter().filter(|detail| detail.type_url == crate::daemon::DECISION);
        let decisions = decisions.map(|detail| serde_json::from_slice::<serde_json::Value>(&detail.value));
        let mut messages = Vec::new();
        for decision in decisions {
            let decision = decision.expect("details are JSON");
            let denials = decision["denyMessages"].as_array().cloned().unwrap_or_default();
            messages.extend(denials.iter().filter_map(|deny| deny["message"].as_str().map(str::to_owned)));
        }
        messages
    }

    /// Names of the steps that were shown.
    pub(crate) fn steps(&self) -> Vec<String> {
        let vertexes = self.statuses.iter().flat_map(|status| &status.vertexes);
        vertexes.map(|vertex| vertex.name.clone()).collect()
    }
}

/// A status in the form that `Return` and details have.
pub(crate) fn rpc_status(status: &Status) -> google::rpc::Status {
    google::rpc::Status::decode(status.details()).ok().filter(|status| status.code != 0).unwrap_or_else(
        || google::rpc::Status {
            code: status.code().into(),
            message: status.message().to_owned(),
            details: Vec::new(),
        },
    )
}

/// The one result of a solve.
pub(crate) fn ref_id(answer: &gateway::SolveResponse) -> String {
    match answer.result.as_ref().and_then(|result| result.result.as_ref()) {
        Some(Kind::Ref(one)) => one.id.clone(),
        Some(Kind::RefDeprecated(id)) => id.clone(),
        _ => answer.r#ref.clone(),
    }
}
