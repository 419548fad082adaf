//! `grpc.health.v1`: of the hook by the name `policy-check`; by any other name, of buildkitd behind it.

use prost::Message;

use super::connection::Connection;
use crate::buildkit::forward::{self, Call};
use crate::buildkit::grpc;
use crate::buildkit::proto::health::health_check_response::ServingStatus;
use crate::buildkit::proto::health::{HealthCheckRequest, HealthCheckResponse};

/// The name of the hook itself.
const SERVICE: &str = "policy-check";

/// Answers for the hook, and passes on what is asked of others.
pub(super) async fn check(connection: &Connection, call: Call) {
    let Call { head, mut body, mut respond } = call;
    let (message, _room) = match grpc::message(&head.headers, &mut body, &connection.room).await {
        Ok(message) => message,
        Err(status) => return grpc::refuse(&mut respond, &status),
    };
    let about_us = HealthCheckRequest::decode(message.clone()).is_ok_and(|asked| asked.service == SERVICE);
    if about_us {
        let status = match connection.guard.health() {
            Ok(()) => ServingStatus::Serving,
            Err(_) => ServingStatus::NotServing,
        };
        return answer(&mut respond, HealthCheckResponse { status: status as i32 });
    }
    let upstream = match connection.uplink.sender().await {
        Ok(upstream) => upstream,
        Err(status) => return grpc::refuse(&mut respond, &status),
    };
    forward::message(&head, &message, upstream, &mut respond).await;
}

fn answer(respond: &mut h2::server::SendResponse<bytes::Bytes>, message: HealthCheckResponse) {
    let Ok(mut sink) = respond.send_response(grpc::head(), false) else { return };
    // A message of a few bytes needs no waiting for a window. Fails only when the caller has gone.
    let _gone = sink
        .send_data(grpc::frame(&[&message.encode_to_vec()]), false)
        .and_then(|()| sink.send_trailers(grpc::trailers(&tonic::Status::ok(""))));
}
