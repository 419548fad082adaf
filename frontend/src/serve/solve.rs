//! `Control/Solve`: whatever a client writes there, the build is asked about at a session of ours.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::request;
use tonic::Status;

use super::build::Build;
use super::builds::Registration;
use super::connection::Connection;
use super::metrics::{ActiveBuild, BuildOutcome};
use super::policy_session::{PolicySession, bool_field, string_field};
use crate::buildkit::forward::{self, Call};
use crate::buildkit::grpc;
use crate::buildkit::proto::SolveView;
use crate::buildkit::stream::{self, Broken};

/// How long a solve is held until the repo's policy was read. Clients follow a build as soon as they have sent
/// it, and buildkitd gives up on whoever follows a build that does not come within 6 s.
const HELD_FOR: Duration = Duration::from_secs(3);

/// `SolveRequest.SourcePolicySession`.
const SOURCE_POLICY_SESSION: u32 = 15;
/// `SolveRequest.ProxyNetwork`.
const PROXY_NETWORK: u32 = 17;

/// Passes a solve on with our policy session, and holds on to that until the solve has ended.
pub(super) async fn solve(connection: &Arc<Connection>, call: Call) {
    let Call { head, mut body, mut respond } = call;
    let counted = connection.guard.metrics.build_started();
    let begun = tokio::select! {
        begun = async {
            let (message, _room) = grpc::message(&head.headers, &mut body, &connection.room).await?;
            begin(connection, &head, message).await
        } => begun,
        _hung_up = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let Begun { mut policy_session, response, build, _registration, _open } = match begun {
        Ok(begun) => begun,
        Err(status) => {
            counted.ended(BuildOutcome::Denied);
            return grpc::refuse(&mut respond, &status);
        }
    };
    let answered = tokio::select! {
        biased;
        head = forward::head(response, &mut respond) => head,
        // Without its policy session, buildkitd would wait for ever.
        () = policy_session.ended() => {
            counted.ended(BuildOutcome::Failed);
            let lost = "policy-check: the build's policy session was lost: start the build again";
            return grpc::refuse(&mut respond, &Status::unavailable(lost));
        }
    };
    let Some((head, mut source)) = answered else { return };
    // The end is near: the answer is one small message. How it ended says a header or a trailer.
    let ended = source.is_end_stream();
    let failed = head.headers().get("grpc-status").is_some_and(|status| status != "0");
    let Ok(mut sink) = respond.send_response(head, ended) else { return };
    let failed = failed || !ended && failed_by_trailers(&mut source, &mut sink).await;
    end(counted, &build, failed);
}

/// Copies the rest of an answer, and says whether its trailers tell of an error, or none of success.
async fn failed_by_trailers(source: &mut RecvStream, sink: &mut SendStream<Bytes>) -> bool {
    let copied = async {
        if stream::copy_data(source, sink).await? {
            return Ok(true);
        }
        let trailers = stream::trailers(source).await?;
        let status = trailers.as_ref().and_then(|trailers| trailers.get("grpc-status"));
        let failed = status.is_none_or(|status| status != "0");
        stream::end(sink, trailers).map(|()| failed)
    };
    match copied.await {
        Ok(failed) => failed,
        Err(Broken::Source(reason)) => {
            sink.send_reset(reason);
            true
        }
        Err(Broken::Sink(_)) => true,
    }
}

fn end(counted: ActiveBuild, build: &Build, failed: bool) {
    counted.ended(match (failed, build.was_denied()) {
        (false, _) => BuildOutcome::Succeeded,
        (true, true) => BuildOutcome::Denied,
        (true, false) => BuildOutcome::Failed,
    });
}

/// A solve that was passed on.
struct Begun {
    policy_session: PolicySession,
    response: ResponseFuture,
    build: Arc<Build>,
    // Given up in this order when the solve ends.
    _registration: Registration,
    _open: SendStream<Bytes>,
}

async fn begin(connection: &Arc<Connection>, head: &request::Parts, message: Bytes) -> Result<Begun, Status> {
    let view = SolveView::read(&message).map_err(|error| {
        Status::invalid_argument(format!("policy-check: cannot read the solve request: {error}"))
    })?;
    let guard = &connection.guard;
    let registration = guard.builds.begin(&view.r#ref, &connection.peer)?;
    // Who stops the server first says so, and then looks for builds.
    guard.may_begin()?;
    let build = Build::new(Arc::clone(guard), &connection.peer, &view);
    build.solve(&view).await?;
    let upstream = connection.uplink.sender().await?;
    // The session gets to the daemon while the repo's policy is read.
    let (proxy, capabilities, policy_session) = tokio::try_join!(
        wants_proxy(&build),
        guard.daemon.holds_builds_to_policy(upstream.clone()),
        PolicySession::open(upstream.clone(), Arc::clone(&build)),
    )?;
    if proxy {
        capabilities.include_proxy()?;
    }
    let ours = string_field(SOURCE_POLICY_SESSION, policy_session.id());
    let proxy = if proxy { bool_field(PROXY_NETWORK, true) } else { Bytes::new() };
    let frame = grpc::frame(&[&message, &ours, &proxy]);
    let (response, open) =
        forward::call_with(head, upstream, frame).await.map_err(|error| forward::broken(&error))?;
    registration.ready(Arc::clone(&build));
    Ok(Begun { policy_session, response, build, _registration: registration, _open: open })
}

/// Whether `RUN` is to use the daemon's proxy. The solve isn't held for that longer than clients can bear.
async fn wants_proxy(build: &Build) -> Result<bool, Status> {
    match tokio::time::timeout(HELD_FOR, build.wants_proxy()).await {
        Ok(proxy) => proxy,
        // The policy still holds for every source. Only what it asks of the whole build comes too late.
        Err(_) => Ok(build.has_proxy()),
    }
}
