//! The session of our own that BuildKit asks about every source of one build.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderValue, Method, Request, Response, request};
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::sessions::{METHOD, OWN, UUID};
use crate::buildkit::forward::{self, Call};
use crate::buildkit::limits::MAX_MESSAGE;
use crate::buildkit::proto::health::health_server::{Health, HealthServer};
use crate::buildkit::proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
    health_check_response::ServingStatus,
};
use crate::buildkit::proto::policysession::{CHECK_POLICY, CheckPolicyRequest, CheckPolicyResponse};
use crate::buildkit::service::{self, Received};
use crate::buildkit::tunnel::Tunnel;
use crate::buildkit::{grpc, ids};

/// Answers `CheckPolicy`.
pub trait Verify: Send + Sync + 'static {
    /// A decision, or a question; an error fails the build.
    fn check_policy(
        self: Arc<Self>,
        request: CheckPolicyRequest,
    ) -> impl Future<Output = Result<CheckPolicyResponse, Status>> + Send;
}

const SESSION: &str = "/moby.buildkit.v1.Control/Session";
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// A policy session that is open at the daemon. Closed when dropped.
pub struct PolicySession {
    id: String,
    serving: JoinHandle<()>,
}

impl PolicySession {
    /// Opens one whose questions `verifier` answers. The daemon may not know it yet when this returns; it
    /// waits for a session that a build names.
    pub async fn open<V: Verify>(upstream: SendRequest<Bytes>, verifier: Arc<V>) -> Result<Self, Status> {
        let random =
            ids::random().map_err(|error| Status::internal(format!("no random numbers: {error}")))?;
        let id = format!("{OWN}{random}");
        let opened = forward::open(&head(&id)?, upstream, false).await;
        let (response, sink) = opened.map_err(|error| forward::broken(&error))?;
        let calls = move |call| answer(Arc::clone(&verifier), call);
        let serving = tokio::spawn(service::serve(Tunnel::called(response, sink), calls));
        Ok(Self { id, serving })
    }

    /// What the build must name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Waits until the daemon closes it, or the connection breaks.
    pub async fn ended(&mut self) {
        let _how = (&mut self.serving).await;
    }
}

impl Drop for PolicySession {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn head(id: &str) -> Result<request::Parts, Status> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::builder()
        .scheme("http")
        .authority("localhost")
        .path_and_query(SESSION)
        .build()
        .map_err(|error| Status::internal(error.to_string()))?;
    let headers = request.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    let id = HeaderValue::from_str(id).map_err(|error| Status::internal(error.to_string()))?;
    headers.insert(UUID, id);
    headers.insert("x-docker-expose-session-sharedkey", HeaderValue::from_static(""));
    headers.append(METHOD, HeaderValue::from_static(CHECK_POLICY));
    headers.append(METHOD, HeaderValue::from_static(HEALTH_CHECK));
    Ok(request.into_parts().0)
}

async fn answer<V: Verify>(verifier: Arc<V>, mut call: Call) {
    match call.head.uri.path() {
        CHECK_POLICY => service::answer(PolicyVerifier(verifier), call).await,
        HEALTH_CHECK => service::answer(HealthServer::new(Healthy), call).await,
        path => {
            let status = Status::unimplemented(format!("this session has no method {path}"));
            grpc::refuse(&mut call.respond, &status);
            call.respond.send_reset(h2::Reason::NO_ERROR);
        }
    }
}

/// The session lives, and so the daemon is told.
struct Healthy;

#[tonic::async_trait]
impl Health for Healthy {
    async fn check(
        &self,
        _request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<HealthCheckResponse>, Status> {
        Ok(tonic::Response::new(HealthCheckResponse { status: ServingStatus::Serving as i32 }))
    }

    async fn list(
        &self,
        _request: tonic::Request<HealthListRequest>,
    ) -> Result<tonic::Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("only Check"))
    }

    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        _request: tonic::Request<HealthCheckRequest>,
    ) -> Result<tonic::Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only Check"))
    }
}

/// The gRPC service `PolicyVerifier`.
pub struct PolicyVerifier<V>(pub Arc<V>);

impl<V: Verify> Service<Request<Received>> for PolicyVerifier<V> {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Received>) -> Self::Future {
        let method = CheckPolicy(Arc::clone(&self.0));
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::default())
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            Ok(grpc.unary(method, request).await)
        })
    }
}

struct CheckPolicy<V>(Arc<V>);

impl<V: Verify> UnaryService<CheckPolicyRequest> for CheckPolicy<V> {
    type Response = CheckPolicyResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckPolicyResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<CheckPolicyRequest>) -> Self::Future {
        let verifier = Arc::clone(&self.0);
        Box::pin(async move { Ok(tonic::Response::new(verifier.check_policy(request.into_inner()).await?)) })
    }
}

/// Asks a `PolicyVerifier` at the other end of `channel`.
pub async fn ask(
    channel: service::Channel,
    request: CheckPolicyRequest,
) -> Result<CheckPolicyResponse, Status> {
    let origin = http::Uri::from_static(service::ORIGIN);
    let mut grpc = tonic::client::Grpc::with_origin(channel, origin)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    grpc.ready().await.map_err(|error| forward::broken(&error))?;
    let path = http::uri::PathAndQuery::from_static(CHECK_POLICY);
    let codec: ProstCodec<CheckPolicyRequest, CheckPolicyResponse> = ProstCodec::default();
    Ok(grpc.unary(tonic::Request::new(request), path, codec).await?.into_inner())
}

/// Bytes that append a string field to an encoded message; the last value of a field wins.
pub fn string_field(number: u32, value: &str) -> Bytes {
    let mut field = Vec::with_capacity(value.len() + 8);
    prost::encoding::string::encode(number, &value.to_owned(), &mut field);
    field.into()
}

/// The same for a boolean.
pub fn bool_field(number: u32, value: bool) -> Bytes {
    let mut field = Vec::with_capacity(4);
    prost::encoding::bool::encode(number, &value, &mut field);
    field.into()
}
