//! Calls of a gateway client for its build: `moby.buildkit.v1.frontend.LLBBridge`.

use std::future::poll_fn;

use http::{HeaderMap, HeaderValue};
use tonic::Status;

use super::connection::Connection;
use crate::buildkit::forward::{self, Call};
use crate::buildkit::grpc;
use crate::buildkit::internal_build::BUILD_ID;
use crate::buildkit::proto::BridgeSolveView;

/// Passes a call on to a build that came through here. The daemon would take it for any build.
pub(super) async fn call(connection: &Connection, mut call: Call) {
    let found = {
        let build = async {
            let reference = build_id(&call.head.headers)?;
            let build = connection.guard.builds.find(reference, &connection.peer).await?;
            Ok::<_, Status>(build)
        };
        tokio::select! {
            found = build => found,
            _hung_up = poll_fn(|context| call.respond.poll_reset(context)) => return,
        }
    };
    let build = match found {
        Ok(build) => build,
        Err(status) => {
            connection.guard.metrics.refused("unknown-build");
            return grpc::refuse(&mut call.respond, &status);
        }
    };
    if call.head.uri.path().ends_with("/NewContainer") {
        build.runs_commands();
    }
    if !call.head.uri.path().ends_with("/Solve") {
        return connection.forward(call).await;
    }
    let Call { head, mut body, mut respond } = call;
    let ready = async {
        let (message, room) = grpc::message(&head.headers, &mut body, &connection.room).await?;
        let view = BridgeSolveView::read(&message).map_err(|error| {
            Status::invalid_argument(format!("policy-check: cannot read the solve request: {error}"))
        })?;
        build.bridge_solve(&view).await?;
        Ok::<_, Status>((connection.uplink.sender().await?, message, room))
    };
    let ready = tokio::select! {
        ready = ready => ready,
        _hung_up = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let (upstream, message, _room) = match ready {
        Ok(ready) => ready,
        Err(status) => return grpc::refuse(&mut respond, &status),
    };
    forward::message(&head, &message, upstream, &mut respond).await;
}

fn build_id(headers: &HeaderMap) -> Result<&str, Status> {
    let mut values = headers.get_all(BUILD_ID).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (Some(Ok(id)), None) => Ok(id),
        _ => Err(Status::invalid_argument(format!("policy-check: exactly one {BUILD_ID} is needed"))),
    }
}
