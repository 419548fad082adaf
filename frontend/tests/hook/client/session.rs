//! A session: services that the daemon calls, inside a stream that the client opened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use policy_check::buildkit::proto::control::control_client::ControlClient;
use policy_check::buildkit::proto::filesync::v1::auth_server::{Auth, AuthServer};
use policy_check::buildkit::proto::filesync::v1::file_sync_server::FileSyncServer;
use policy_check::buildkit::proto::filesync::v1::*;
use policy_check::buildkit::proto::health::health_server::HealthServer;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::metadata::MetadataValue;
use tower_service::Service as _;

use super::files::{Folder, FolderSync};
use super::verifier::{self, Verifier};
use crate::daemon::Serving;
use crate::wire::{Channel, Handler, RecvBody, serve, tunnel};

/// What a session exposes.
#[derive(Clone, Default)]
pub(crate) struct Exposed {
    /// `dir-name`s of `FileSync`.
    pub(crate) folders: BTreeMap<String, Folder>,
    /// Registry logins by host: user and password.
    pub(crate) logins: BTreeMap<String, (String, String)>,
    /// The client's own policy.
    pub(crate) verifier: Option<Verifier>,
    /// Do not announce the verifier in the session's headers: BuildKit does not look.
    pub(crate) hides_verifier: bool,
    /// Waits this long before it sends files.
    pub(crate) slow: std::time::Duration,
    /// Paths of the calls that arrived, with their headers.
    pub(crate) calls: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

/// An open session. Dropping it ends it.
pub(crate) struct Session {
    /// Its uuid.
    pub(crate) id: String,
    ended: watch::Receiver<Option<Result<(), Status>>>,
    stop: CancellationToken,
}

impl Exposed {
    /// A client with these files beside its Dockerfile.
    pub(crate) fn folder(mut self, dir: &str, files: &[(&str, &str)]) -> Self {
        self.folders.insert(dir.to_owned(), Folder::new(files));
        self
    }

    /// A client with a policy of its own.
    pub(crate) fn policy(mut self, verifier: Verifier) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Paths of the calls that arrived.
    pub(crate) fn called(&self) -> Vec<String> {
        self.calls.lock().expect("no test panics here").iter().map(|(path, _)| path.clone()).collect()
    }

    fn methods(&self) -> Vec<&'static str> {
        let mut methods = vec!["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];
        if !self.folders.is_empty() {
            methods.extend(["/moby.filesync.v1.FileSync/DiffCopy", "/moby.filesync.v1.FileSync/TarStream"]);
        }
        methods.extend(["/moby.filesync.v1.Auth/Credentials", "/moby.filesync.v1.Auth/FetchToken"]);
        if self.verifier.is_some() && !self.hides_verifier {
            methods.push(verifier::PATH);
        }
        methods
    }
}

impl Session {
    /// Opens a session and waits until it is accepted.
    pub(crate) async fn open(channel: Channel, id: &str, exposed: Exposed) -> Result<Self, Status> {
        let (outgoing, receiver) = mpsc::channel(16);
        let mut request = tonic::Request::new(ReceiverStream::new(receiver));
        let metadata = request.metadata_mut();
        let uuid = MetadataValue::try_from(id).expect("a test's uuid is a header value");
        metadata.insert("x-docker-expose-session-uuid", uuid);
        metadata.insert("x-docker-expose-session-sharedkey", MetadataValue::from_static(""));
        for method in exposed.methods() {
            metadata.append("x-docker-expose-session-grpc-method", MetadataValue::from_static(method));
        }
        let (incoming, receiver) = mpsc::channel(16);
        let (ended_sender, ended) = watch::channel(None);
        let io = tunnel(ReceiverStream::new(receiver), outgoing, |_| {});
        let stop = CancellationToken::new();
        // The client speaks first, before the daemon has answered.
        tokio::spawn(serve(io, exposed, stop.clone()));
        let mut messages = ControlClient::new(channel).session(request).await?.into_inner();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let outcome = loop {
                let message = tokio::select! {
                    message = messages.message() => message,
                    () = stopped.cancelled() => break Ok(()),
                };
                match message {
                    Ok(Some(message)) => {
                        if incoming.send(Ok(message)).await.is_err() {
                            break Ok(());
                        }
                    }
                    Ok(None) => break Ok(()),
                    Err(status) => break Err(status),
                }
            };
            ended_sender.send_replace(Some(outcome));
        });
        Ok(Self { id: id.to_owned(), ended, stop })
    }

    /// How the session ended, once it has: by the daemon's status if it was not the client's wish.
    pub(crate) async fn ended(&self) -> Result<(), Status> {
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await;
        outcome.map_or(Ok(()), |outcome| outcome.clone().unwrap_or(Ok(())))
    }

    /// Whether it still lives.
    pub(crate) fn is_open(&self) -> bool {
        self.ended.borrow().is_none()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Handler for Exposed {
    async fn call(&self, request: Request<RecvBody>) -> Response<tonic::body::Body> {
        let path = request.uri().path().to_owned();
        self.calls.lock().expect("no test panics here").push((path.clone(), request.headers().clone()));
        let mut response = match (path.as_str(), &self.verifier) {
            (verifier::PATH, Some(verifier)) => verifier::answer(verifier.clone(), request).await,
            _ if path.starts_with("/moby.filesync.v1.FileSync/") && !self.folders.is_empty() => {
                tokio::time::sleep(self.slow).await;
                let mut service = FileSyncServer::new(FolderSync(self.folders.clone()));
                service.call(request).await.unwrap_or_else(|never| match never {})
            }
            _ if path.starts_with("/moby.filesync.v1.Auth/") => {
                let mut service = AuthServer::new(self.clone());
                service.call(request).await.unwrap_or_else(|never| match never {})
            }
            _ if path.starts_with("/grpc.health.v1.Health/") => {
                let mut service = HealthServer::new(Serving);
                service.call(request).await.unwrap_or_else(|never| match never {})
            }
            _ => Status::unimplemented(format!("unknown service of {path}")).into_http(),
        };
        // As Go's net/http announces them.
        let trailers = http::HeaderValue::from_static("Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin");
        response.headers_mut().insert("trailer", trailers);
        response
    }
}

#[tonic::async_trait]
impl Auth for Exposed {
    async fn credentials(
        &self,
        request: tonic::Request<CredentialsRequest>,
    ) -> Result<tonic::Response<CredentialsResponse>, Status> {
        let (username, secret) = self.logins.get(&request.into_inner().host).cloned().unwrap_or_default();
        Ok(tonic::Response::new(CredentialsResponse { username, secret }))
    }

    async fn fetch_token(
        &self,
        _: tonic::Request<FetchTokenRequest>,
    ) -> Result<tonic::Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("no tokens here"))
    }

    async fn get_token_authority(
        &self,
        _: tonic::Request<GetTokenAuthorityRequest>,
    ) -> Result<tonic::Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unavailable("no authority here"))
    }

    async fn verify_token_authority(
        &self,
        _: tonic::Request<VerifyTokenAuthorityRequest>,
    ) -> Result<tonic::Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("no authority here"))
    }
}
