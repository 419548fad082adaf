//! Errors as BuildKit sends them: a `google.rpc.Status` with JSON details.

use policy_check::buildkit::proto::google;
use policy_check::buildkit::proto::policysession::DecisionResponse;
use prost::Message;
use tonic::{Code, Status};

/// Type of the detail that names the deny messages.
pub(crate) const DECISION: &str = "github.com/moby/buildkit/policysession.DecisionResponse+json";
const STACK: &str = "github.com/moby/buildkit/stack.Stack+json";

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    status: google::rpc::Status,
    /// A status that some peer sent keeps its message: BuildKit tells only that one.
    remote: bool,
}

impl Failure {
    /// An error of the daemon's own, with the stack that it always attaches.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::coded(Code::Unknown, message)
    }

    /// One with a code.
    pub(crate) fn coded(code: Code, message: impl Into<String>) -> Self {
        let stack = r#"{"frames":[{"Name":"main.main","File":"double.go","Line":1}],"version":"v0.32.2"}"#;
        let details = vec![any(STACK, stack.to_owned())];
        let status = google::rpc::Status { code: code.into(), message: message.into(), details };
        Self { status, remote: false }
    }

    /// A denial, with its messages if there are any.
    pub(crate) fn denial(message: String, decision: &DecisionResponse) -> Self {
        let mut failure = Self::new(message);
        if !decision.deny_messages.is_empty() {
            let messages: Vec<_> = decision
                .deny_messages
                .iter()
                .map(|deny| serde_json::json!({"message": deny.message}))
                .collect();
            let value = serde_json::json!({"action": 1, "denyMessages": messages});
            failure.status.details.push(any(DECISION, value.to_string()));
        }
        failure
    }

    /// What a peer answered.
    pub(crate) fn remote(status: &Status) -> Self {
        let details =
            google::rpc::Status::decode(status.details()).map_or_else(|_| Vec::new(), |all| all.details);
        let status =
            google::rpc::Status { code: status.code().into(), message: status.message().to_owned(), details };
        Self { status, remote: true }
    }

    /// What a client returned as its build's error.
    pub(crate) fn returned(status: google::rpc::Status) -> Self {
        Self { status, remote: true }
    }

    /// Says what failed.
    pub(crate) fn wrap(mut self, prefix: &str) -> Self {
        if !self.remote {
            self.status.message = format!("{prefix}: {}", self.status.message);
        }
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.status.message
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let status = failure.status;
        let details = status.encode_to_vec().into();
        Self::with_details(Code::from_i32(status.code), status.message, details)
    }
}

fn any(type_url: &str, json: String) -> google::protobuf::Any {
    google::protobuf::Any { type_url: type_url.to_owned(), value: json.into_bytes() }
}
