//! A client like buildx, and one that forges what buildx never would.

mod build;
mod files;
mod session;
mod verifier;

use std::path::Path;

use bytes::Bytes;
use http::uri::PathAndQuery;
use policy_check::buildkit::proto::control::control_client::ControlClient;
use policy_check::buildkit::proto::gateway::llb_bridge_client::LlbBridgeClient;
use tokio::net::UnixStream;
use tokio_stream::Stream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

pub(crate) use build::{Build, Outcome, definition, ref_id, unique};
pub(crate) use files::Folder;
pub(crate) use session::{Exposed, Session};
pub(crate) use verifier::{Verifier, allow, ask, convert, deny, silent, source, verifier};

use crate::wire::{self, BytesCodec, Channel};

/// One connection to a daemon, or to what stands in front of it.
#[derive(Clone)]
pub(crate) struct Client {
    /// The connection.
    pub(crate) channel: Channel,
}

impl Client {
    /// Connects to a unix socket.
    pub(crate) async fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).await.expect("somebody listens on the socket");
        Self { channel: Channel::new(stream).await.expect("it speaks HTTP/2") }
    }

    /// `Control`.
    pub(crate) fn control(&self) -> ControlClient<Channel> {
        ControlClient::new(self.channel.clone()).max_decoding_message_size(wire::MESSAGE)
    }

    /// `LLBBridge` of a build.
    pub(crate) fn bridge(&self, build: &str) -> LlbBridgeClient<Channel> {
        let id = http::HeaderValue::from_str(build).expect("a test's id is a header value");
        let channel = self.channel.with_header("buildkit-controlapi-buildid", id);
        LlbBridgeClient::new(channel).max_decoding_message_size(wire::MESSAGE)
    }

    /// Opens a session.
    pub(crate) async fn session(&self, id: &str, exposed: Exposed) -> Result<Session, Status> {
        Session::open(self.channel.clone(), id, exposed).await
    }

    /// Any unary call.
    pub(crate) async fn unary(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        message: Bytes,
    ) -> Result<Bytes, Status> {
        self.unary_response(path, headers, message).await.map(Response::into_inner)
    }

    /// Any unary call, with the metadata of its answer.
    pub(crate) async fn unary_response(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        message: Bytes,
    ) -> Result<Response<Bytes>, Status> {
        let mut client = tonic::client::Grpc::new(self.channel.clone())
            .max_decoding_message_size(wire::MESSAGE)
            .max_encoding_message_size(wire::MESSAGE);
        ready(&mut client).await?;
        client.unary(with_headers(message, headers), path_of(path), BytesCodec).await
    }

    /// Any call that streams both ways.
    pub(crate) async fn stream<S>(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        messages: S,
    ) -> Result<Response<Streaming<Bytes>>, Status>
    where
        S: Stream<Item = Bytes> + Send + 'static,
    {
        let mut client = tonic::client::Grpc::new(self.channel.clone())
            .max_decoding_message_size(wire::MESSAGE)
            .max_encoding_message_size(wire::MESSAGE);
        ready(&mut client).await?;
        client.streaming(with_headers(messages, headers), path_of(path), BytesCodec).await
    }
}

async fn ready(client: &mut tonic::client::Grpc<Channel>) -> Result<(), Status> {
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))
}

fn path_of(path: &str) -> PathAndQuery {
    path.parse().expect("a test's path is one")
}

fn with_headers<T>(message: T, headers: &[(&str, &str)]) -> Request<T> {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("a test's header has a valid name");
        map.append(name, value.parse().expect("a test's header has a valid value"));
    }
    Request::from_parts(MetadataMap::from_headers(map), tonic::Extensions::default(), message)
}
