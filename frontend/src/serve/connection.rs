//! One connection of a client: every call is passed on, and a few are looked at first.

use std::sync::Arc;
use std::time::Duration;

use h2::RecvStream;
use h2::server::SendResponse;
use http::Request;
use tonic::Status;

use super::guard::{Asked, Guard};
use super::uplink::Uplink;
use super::{bridge, health, sessions, solve, status};
use crate::buildkit::endpoint::{Io, Peer};
use crate::buildkit::forward::Call;
use crate::buildkit::proto::policysession::CHECK_POLICY;
use crate::buildkit::{grpc, limits, service};
use crate::serve::policy_session::PolicyVerifier;

/// How long a client may take to say that it speaks HTTP/2, as at buildkitd.
const GREETS_WITHIN: Duration = Duration::from_mins(2);

/// A client's connection, and the one to buildkitd that belongs to it.
pub struct Connection {
    /// What all connections share.
    pub guard: Arc<Guard>,
    /// Who calls.
    pub peer: Peer,
    /// Where calls go.
    pub uplink: Uplink,
    /// For messages that are looked at before they go on.
    pub room: grpc::Room,
}

impl Connection {
    /// Serves the client until it goes, or `stop` says so and its calls have ended.
    pub async fn serve(self: Arc<Self>, io: Io, stop: &mut tokio::sync::watch::Receiver<bool>) {
        let handshake = tokio::time::timeout(GREETS_WITHIN, limits::server().handshake(limits::buffered(io)));
        let Ok(Ok(mut connection)) = handshake.await else { return };
        let mut calls = tokio::task::JoinSet::new();
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                accepted = connection.accept() => {
                    let Some(Ok((request, respond))) = accepted else { break };
                    calls.spawn(Arc::clone(&self).call(request, respond));
                }
                stopped = stop.wait_for(|stop| *stop), if !stopping => {
                    drop(stopped);
                    stopping = true;
                    // No new calls; those that run go on, and end the connection.
                    connection.graceful_shutdown();
                }
                Some(_ended) = calls.join_next() => {}
            }
        }
    }

    async fn call(self: Arc<Self>, request: Request<RecvStream>, respond: SendResponse<bytes::Bytes>) {
        let mut call = Call::new(request, respond);
        let path = call.head.uri.path().to_owned();
        if !is_method(&call.head.uri) {
            let status = Status::unimplemented("malformed method name");
            return grpc::refuse(&mut call.respond, &status);
        }
        match path.as_str() {
            "/moby.buildkit.v1.Control/Solve" => solve::solve(&self, call).await,
            "/moby.buildkit.v1.Control/Session" => sessions::session(&self, call).await,
            "/moby.buildkit.v1.Control/Status" => status::status(&self, call).await,
            CHECK_POLICY => {
                let asked = Asked { guard: Arc::clone(&self.guard), client: self.peer.clone() };
                service::answer(PolicyVerifier(Arc::new(asked)), call).await;
            }
            "/grpc.health.v1.Health/Check" => health::check(&self, call).await,
            path if path.starts_with("/moby.buildkit.v1.frontend.LLBBridge/") => {
                bridge::call(&self, call).await;
            }
            _ => self.forward(call).await,
        }
    }

    /// Passes a call on as it is.
    pub async fn forward(&self, mut call: Call) {
        match self.uplink.sender().await {
            Ok(upstream) => call.forward(upstream).await,
            Err(status) => grpc::refuse(&mut call.respond, &status),
        }
    }
}

/// `/service/Method` and nothing else: no path that buildkitd could read in another way than it is read here.
fn is_method(uri: &http::Uri) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let path = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
    path.strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .is_some_and(|(service, method)| is_name(service) && is_name(method))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_plain_method_names() {
        let is = |path: &str| is_method(&format!("http://localhost{path}").parse().unwrap());
        assert!(is("/moby.buildkit.v1.Control/Solve"));
        for path in [
            "/",
            "/moby.buildkit.v1.Control/Solve/",
            "//moby.buildkit.v1.Control/Solve",
            "/moby.buildkit.v1.Control/Solve?x",
            "/moby.buildkit.v1.Control/%53olve",
            "/moby.buildkit.v1.Control",
        ] {
            assert!(!is(path), "{path}");
        }
    }
}
