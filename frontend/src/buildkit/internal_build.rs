//! Builds that the hook itself runs at the daemon, to read files of a client's session or of a repository.
//!
//! Such a build is a `Control.Solve` without frontend that lasts as long as it is needed, and calls of
//! `LLBBridge` that name it. It carries the client's session, so that the client's directories and
//! credentials serve it, and no policy session: who starts one judges its sources first.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::proto::control::{CacheOptions, SolveRequest, control_client::ControlClient};
use super::proto::gateway::{self, llb_bridge_client::LlbBridgeClient};
use super::proto::{fsutil, pb};
use super::{ids, limits};
use crate::redact;

/// Metadata that names the build which a call of `LLBBridge` belongs to.
pub const BUILD_ID: &str = "buildkit-controlapi-buildid";
/// Largest message that BuildKit sends, in bytes, with room for what surrounds it.
const MAX_MESSAGE: usize = limits::MAX_MESSAGE + (64 << 10);
/// How long a single call may take.
const STEP: Duration = Duration::from_secs(10);
/// How long the daemon may take to end a build that was returned.
const END: Duration = Duration::from_secs(5);

/// Why a build of the hook failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InternalBuildError {
    /// No random id could be made.
    #[error("cannot make a build id: {0}")]
    Random(#[from] getrandom::Error),
    /// The daemon refused a call, or the build it belongs to.
    #[error("{step}: {}", redact::url(.status.message()))]
    Daemon {
        /// What was asked, e.g. `solving`.
        step: &'static str,
        /// Its answer.
        status: Box<Status>,
    },
    /// The daemon ended the build before it was returned.
    #[error("{step}: buildkitd ended the hook's build early")]
    Ended {
        /// What was asked.
        step: &'static str,
    },
    /// The daemon took too long.
    #[error("{step}: buildkitd did not answer within {} s", .after.as_secs())]
    Timeout {
        /// What was asked.
        step: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The answer is not what was asked for.
    #[error("{step}: buildkitd answered without {missing}")]
    Answer {
        /// What was asked.
        step: &'static str,
        /// What the answer lacks.
        missing: &'static str,
    },
    /// The file is larger than its limit, in bytes.
    #[error("larger than the limit of {0} bytes")]
    TooLarge(u64),
}

impl InternalBuildError {
    /// Whether the daemon said that there is no such file. It tells so in words only.
    pub fn is_missing_file(&self) -> bool {
        matches!(self, Self::Daemon { step: READ | STAT, status }
            if status.code() == Code::NotFound || status.message().ends_with("no such file or directory"))
    }

    /// Whether the daemon said that the client shares no such directory, or none at all.
    pub fn is_missing_directory(&self) -> bool {
        let Self::Daemon { step: SOLVE, status } = self else { return false };
        let message = status.message();
        message.contains("no access allowed to dir")
            || message.contains("no local sources enabled")
            || (message.contains("moby.filesync.v1.FileSync")
                && (status.code() == Code::Unimplemented || message.contains("unknown service")))
    }
}

const SOLVE: &str = "solving";
const PING: &str = "asking what it can do";
const READ: &str = "reading a file";
const STAT: &str = "looking for a file";
const RETURN: &str = "ending the build";

/// Settings that a connection to BuildKit needs.
#[must_use]
pub fn endpoint(endpoint: Endpoint) -> Endpoint {
    endpoint.http2_max_header_list_size(limits::MAX_HEADER_LIST)
}

/// A result of a build, by the name that the daemon gave it. Empty when the result holds no files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefId(String);

/// A build of the hook. Dropping it cancels it.
#[derive(Debug)]
pub struct InternalBuild {
    /// No client may learn it.
    id: MetadataValue<Ascii>,
    bridge: LlbBridgeClient<Channel>,
    solve: JoinHandle<()>,
    /// Set once `Control.Solve` has ended.
    ended: watch::Receiver<Option<Result<(), Status>>>,
}

impl InternalBuild {
    /// Starts a build with the session `client_session`. The connection has the settings of [`endpoint`].
    pub fn start(channel: Channel, client_session: &str) -> Result<Self, InternalBuildError> {
        let id = ids::random()?;
        let request = SolveRequest {
            r#ref: id.clone(),
            session: client_session.to_owned(),
            internal: true,
            // The daemon reads it without looking whether it is there.
            cache: Some(CacheOptions::default()),
            ..SolveRequest::default()
        };
        let (end, ended) = watch::channel(None);
        let mut control = ControlClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        let solve = tokio::spawn(async move {
            let result = control.solve(request).await.map(|_| ());
            end.send_replace(Some(result));
        });
        let bridge = LlbBridgeClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        // Hexadecimal digits are valid metadata.
        let id = MetadataValue::try_from(id)
            .map_err(|_| InternalBuildError::Answer { step: SOLVE, missing: "a valid build id" })?;
        Ok(Self { id, bridge, solve, ended })
    }

    /// Loads a definition, within the time that any call may take.
    pub async fn solve(&self, definition: pb::Definition) -> Result<RefId, InternalBuildError> {
        self.solve_within(definition, STEP).await
    }

    /// Loads a definition within a time of its own, as a repository may take long to fetch.
    pub async fn solve_within(
        &self,
        definition: pb::Definition,
        limit: Duration,
    ) -> Result<RefId, InternalBuildError> {
        let request = gateway::SolveRequest {
            definition: Some(definition),
            allow_result_return: true,
            allow_result_array_ref: true,
            evaluate: true,
            ..gateway::SolveRequest::default()
        };
        let mut bridge = self.bridge.clone();
        let response = self.call(SOLVE, limit, bridge.solve(self.request(request))).await?;
        match response.result.and_then(|result| result.result) {
            Some(gateway::result::Result::Ref(reference)) => Ok(RefId(reference.id)),
            // A result without files, and the reference as old daemons give it.
            None => Ok(RefId(response.r#ref)),
            Some(_) => Err(InternalBuildError::Answer { step: SOLVE, missing: "a single result" }),
        }
    }

    /// Reads a file of a result, or fails when it is larger than `limit` bytes.
    pub async fn read_file(&self, of: &RefId, path: &str, limit: u64) -> Result<Vec<u8>, InternalBuildError> {
        // One byte more than may be there tells whether there is more.
        let length = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let request = gateway::ReadFileRequest {
            r#ref: of.0.clone(),
            file_path: path.to_owned(),
            range: Some(gateway::FileRange { offset: 0, length }),
            mount_index: 0,
        };
        let mut bridge = self.bridge.clone();
        let data = self.call(READ, STEP, bridge.read_file(self.request(request))).await?.data;
        if data.len() as u64 > limit { Err(InternalBuildError::TooLarge(limit)) } else { Ok(data) }
    }

    /// What is known of a file of a result. Symlinks are followed.
    pub async fn stat_file(&self, of: &RefId, path: &str) -> Result<fsutil::Stat, InternalBuildError> {
        let request = gateway::StatFileRequest { r#ref: of.0.clone(), path: path.to_owned(), mount_index: 0 };
        let mut bridge = self.bridge.clone();
        let response = self.call(STAT, STEP, bridge.stat_file(self.request(request))).await?;
        response.stat.ok_or(InternalBuildError::Answer { step: STAT, missing: "the file's properties" })
    }

    /// What the daemon can do: the ids of its LLB capabilities.
    pub async fn capabilities(&self) -> Result<BTreeSet<String>, InternalBuildError> {
        let mut bridge = self.bridge.clone();
        let pong = self.call(PING, STEP, bridge.ping(self.request(gateway::PingRequest {}))).await?;
        Ok(pong.llb_caps.into_iter().filter(|cap| cap.enabled).map(|cap| cap.id).collect())
    }

    /// Ends the build and waits until the daemon has ended it.
    pub async fn finish(self) -> Result<(), InternalBuildError> {
        let result = gateway::ReturnRequest { result: Some(gateway::Result::default()), error: None };
        let mut bridge = self.bridge.clone();
        let mut ended = self.ended.clone();
        let step = RETURN;
        // The solve may end before the call is answered; its own result is what counts.
        let end = async {
            let call = bridge.r#return(self.request(result)).await.map(|_| ());
            let end = ended.wait_for(Option::is_some).await;
            end.ok().and_then(|end| end.clone()).unwrap_or(call)
        };
        tokio::time::timeout(END, end)
            .await
            .map_err(|_| InternalBuildError::Timeout { step, after: END })?
            .map_err(|status| InternalBuildError::Daemon { step, status: Box::new(status) })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert(BUILD_ID, self.id.clone());
        request
    }

    /// Waits for an answer, the build's end or the time limit. A build that ended says why; the call itself
    /// would only say that there is no such build.
    async fn call<T>(
        &self,
        step: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, InternalBuildError> {
        let mut ended = self.ended.clone();
        let daemon = |status| InternalBuildError::Daemon { step, status: Box::new(status) };
        tokio::select! {
            answer = call => answer.map(Response::into_inner).map_err(daemon),
            end = ended.wait_for(Option::is_some) => match end.ok().and_then(|end| end.clone()) {
                Some(Err(status)) => Err(daemon(status)),
                _ => Err(InternalBuildError::Ended { step }),
            },
            () = tokio::time::sleep(limit) => Err(InternalBuildError::Timeout { step, after: limit }),
        }
    }
}

impl Drop for InternalBuild {
    fn drop(&mut self) {
        self.solve.abort();
    }
}

#[cfg(test)]
mod tests {
    use policy_engine::source::SourceOp;

    use super::*;
    use crate::buildkit::llb;
    use crate::buildkit::testing::Daemon;

    fn git() -> pb::Definition {
        llb::source(&SourceOp::new("git://example.com/r.git"))
    }

    #[tokio::test]
    async fn files_of_a_result_are_read_until_the_build_is_finished() {
        let (daemon, channel) = Daemon::start(&[("git://example.com/r.git", &[("a", "12345")])]).await;
        let build = InternalBuild::start(channel, "client").unwrap();
        assert_eq!(build.id.as_bytes().len(), 32);
        let result = build.solve(git()).await.unwrap();
        assert_eq!(build.read_file(&result, "a", 5).await.unwrap(), b"12345");
        assert!(matches!(build.read_file(&result, "a", 4).await, Err(InternalBuildError::TooLarge(4))));
        assert!(build.read_file(&result, "b", 4).await.unwrap_err().is_missing_file());
        assert_eq!(build.stat_file(&result, "a").await.unwrap().size, 5);
        assert!(build.stat_file(&result, "b").await.unwrap_err().is_missing_file());
        build.finish().await.unwrap();
        assert_eq!(daemon.log().first().map(String::as_str), Some("start client"));
        assert_eq!(daemon.log().last().map(String::as_str), Some("end"));
    }

    #[tokio::test]
    async fn a_dropped_build_is_cancelled() {
        let (daemon, channel) = Daemon::start(&[("git://example.com/r.git", &[])]).await;
        let build = InternalBuild::start(channel, "client").unwrap();
        build.solve(git()).await.unwrap();
        drop(build);
        daemon.until("cancel").await;
    }

    #[tokio::test]
    async fn a_refused_build_says_why_whatever_is_called() {
        let (daemon, channel) = Daemon::start(&[]).await;
        daemon.refuse(Status::permission_denied("no: https://u:s3cret@example.com"));
        let build = InternalBuild::start(channel, "client").unwrap();
        let error = build.solve(git()).await.unwrap_err();
        assert!(!error.is_missing_directory());
        assert_eq!(error.to_string(), "solving: no: https://***@example.com");
        assert!(build.finish().await.is_err());
    }

    #[tokio::test]
    async fn a_directory_that_nobody_shares_is_told_from_other_failures() {
        let (_daemon, channel) = Daemon::start(&[]).await;
        let build = InternalBuild::start(channel, "client").unwrap();
        let error = build.solve(llb::source(&SourceOp::new("local://dockerfile"))).await.unwrap_err();
        assert!(error.is_missing_directory() && !error.is_missing_file());
        for (status, missing) in [
            (Status::unknown("no local sources enabled"), true),
            (Status::unimplemented("unknown service moby.filesync.v1.FileSync"), true),
            (Status::unavailable("error reading from server: EOF"), false),
            (Status::unknown("no active session for abc: context deadline exceeded"), false),
        ] {
            let error = InternalBuildError::Daemon { step: SOLVE, status: Box::new(status) };
            assert_eq!(error.is_missing_directory(), missing, "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_does_not_answer_is_a_timeout() {
        // Connections are established, and nobody reads from them.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", silent.local_addr().unwrap());
        let channel = Endpoint::try_from(address).unwrap().connect_lazy();
        let build = InternalBuild::start(channel, "client").unwrap();
        let error = build.solve(git()).await.unwrap_err();
        assert!(matches!(error, InternalBuildError::Timeout { step: SOLVE, .. }), "{error}");
        assert!(matches!(build.finish().await, Err(InternalBuildError::Timeout { step: RETURN, .. })));
    }
}
