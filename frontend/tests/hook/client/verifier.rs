//! A client's own policy.

use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
pub(crate) use policy_check::buildkit::proto::policysession::CHECK_POLICY as PATH;
use policy_check::buildkit::proto::policysession::{
    Answer, CheckPolicyRequest, CheckPolicyResponse, DecisionResponse, DenyMessage,
};
use policy_check::buildkit::proto::sourcepolicy::PolicyAction;
use policy_check::buildkit::proto::{gateway, pb};
use tonic::Status;
use tonic::server::UnaryService;
use tonic_prost::ProstCodec;

use crate::wire::RecvBody;

type Answered = Pin<Box<dyn Future<Output = Result<CheckPolicyResponse, Status>> + Send>>;

/// Answers `CheckPolicy`.
pub(crate) type Verifier = Arc<dyn Fn(CheckPolicyRequest) -> Answered + Send + Sync>;

/// One that answers at once.
pub(crate) fn verifier(
    answer: impl Fn(CheckPolicyRequest) -> Result<CheckPolicyResponse, Status> + Send + Sync + 'static,
) -> Verifier {
    Arc::new(move |request| {
        let answer = answer(request);
        Box::pin(async { answer })
    })
}

/// One that never answers.
pub(crate) fn silent() -> Verifier {
    Arc::new(|_| Box::pin(std::future::pending()))
}

/// Allows.
pub(crate) fn allow() -> CheckPolicyResponse {
    decision(DecisionResponse::default())
}

/// Denies for these reasons.
pub(crate) fn deny(messages: &[&str]) -> CheckPolicyResponse {
    let deny_messages =
        messages.iter().map(|message| DenyMessage { message: (*message).to_owned() }).collect();
    decision(DecisionResponse { action: PolicyAction::Deny.into(), deny_messages, update: None })
}

/// Replaces the source.
pub(crate) fn convert(update: pb::SourceOp) -> CheckPolicyResponse {
    decision(DecisionResponse {
        action: PolicyAction::Convert.into(),
        update: Some(update),
        ..Default::default()
    })
}

/// Asks for more.
pub(crate) fn ask(request: gateway::ResolveSourceMetaRequest) -> CheckPolicyResponse {
    CheckPolicyResponse { result: Some(Answer::Request(request)) }
}

/// The source that is asked about.
pub(crate) fn source(request: &CheckPolicyRequest) -> pb::SourceOp {
    request.source.as_ref().and_then(|known| known.source.clone()).unwrap_or_default()
}

fn decision(decision: DecisionResponse) -> CheckPolicyResponse {
    CheckPolicyResponse { result: Some(Answer::Decision(decision)) }
}

struct Unary(Verifier);

impl UnaryService<CheckPolicyRequest> for Unary {
    type Response = CheckPolicyResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckPolicyResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<CheckPolicyRequest>) -> Self::Future {
        let answer = (self.0)(request.into_inner());
        Box::pin(async { Ok(tonic::Response::new(answer.await?)) })
    }
}

/// Serves one call.
pub(crate) async fn answer(verifier: Verifier, request: Request<RecvBody>) -> Response<tonic::body::Body> {
    let codec = ProstCodec::<CheckPolicyResponse, CheckPolicyRequest>::default();
    tonic::server::Grpc::new(codec).unary(Unary(verifier), request).await
}
