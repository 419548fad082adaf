//! A denial of our own, in the form in which buildkitd tells of one: clients show its messages.

use prost::Message;
use tonic::{Code, Status};

use crate::buildkit::proto::google;
use crate::buildkit::proto::policysession::{Answer, DecisionResponse, DenyMessage};
use crate::buildkit::proto::sourcepolicy::PolicyAction;

/// How a `DecisionResponse` is named among the details of an error. Its value is JSON.
const DECISION: &str = "github.com/moby/buildkit/policysession.DecisionResponse+json";

/// An error that carries `messages`.
pub fn status(messages: &[String]) -> Status {
    let text = format!("denied by policy: {}", messages.join("; "));
    let messages: Vec<_> = messages.iter().map(|text| serde_json::json!({ "message": text })).collect();
    let decision = serde_json::json!({ "action": 1, "denyMessages": messages });
    let detail =
        google::protobuf::Any { type_url: DECISION.to_owned(), value: decision.to_string().into_bytes() };
    let details = google::rpc::Status {
        code: Code::PermissionDenied as i32,
        message: text.clone(),
        details: vec![detail],
    };
    Status::with_details(Code::PermissionDenied, text, details.encode_to_vec().into())
}

/// The answer to BuildKit that denies with `messages`.
pub fn answer(messages: Vec<String>) -> Answer {
    Answer::Decision(DecisionResponse {
        action: PolicyAction::Deny as i32,
        deny_messages: messages.into_iter().map(|message| DenyMessage { message }).collect(),
        update: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn carries_its_messages() {
        let status = status(&["no".into()]);
        assert_eq!(status.code(), Code::PermissionDenied);
        let details = google::rpc::Status::decode(status.details()).unwrap();
        assert_eq!(details.message, "denied by policy: no");
        let value: serde_json::Value = serde_json::from_slice(&details.details[0].value).unwrap();
        assert_eq!(value, serde_json::json!({"action": 1, "denyMessages": [{"message": "no"}]}));
    }
}
