//! Asking the policy session about a source, as `solver/llbsolver/policy.go` does.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::uri::PathAndQuery;
use policy_check::buildkit::proto::policysession::{
    Answer, CHECK_POLICY, CheckPolicyRequest, CheckPolicyResponse,
};
use policy_check::buildkit::proto::sourcepolicy::PolicyAction;
use policy_check::buildkit::proto::{gateway, pb};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::builds::Build;
use super::failure::Failure;
use super::script::normal_identifier;
use super::sessions::Caller;
use super::{State, metadata};

/// How often a source may be asked about, conversions included.
const ROUNDS: u32 = 10;

/// Whether `build` may use `source`, which a conversion replaces.
pub(crate) async fn evaluate(
    state: &Arc<State>,
    build: &Build,
    source: &mut pb::SourceOp,
    platform: Option<&pb::Platform>,
) -> Result<(), Failure> {
    let mut rounds = ROUNDS;
    loop {
        source.identifier = normal_identifier(&source.identifier);
        if build.policy_session.is_empty() {
            return Ok(());
        }
        let caller = state.sessions.get(&build.policy_session).await;
        let decision = decide(state, build, &caller, source, platform, &mut rounds).await?;
        match PolicyAction::try_from(decision.action) {
            Ok(PolicyAction::Allow) => return Ok(()),
            Ok(PolicyAction::Convert) => {
                let update =
                    decision.update.ok_or_else(|| Failure::new("convert action requires updated source"))?;
                *source = update;
            }
            action => {
                let action = action.map_or_else(|_| decision.action.to_string(), |_| "DENY".to_owned());
                let message =
                    format!("source \"{}\" not allowed by policy: action {action}", source.identifier);
                return Err(Failure::denial(message, &decision));
            }
        }
    }
}

async fn decide(
    state: &Arc<State>,
    build: &Build,
    caller: &Caller,
    source: &pb::SourceOp,
    platform: Option<&pb::Platform>,
    rounds: &mut u32,
) -> Result<policy_check::buildkit::proto::policysession::DecisionResponse, Failure> {
    let known = gateway::ResolveSourceMetaResponse { source: Some(source.clone()), ..Default::default() };
    let mut request =
        CheckPolicyRequest { platform: platform.cloned(), source: Some(known), ..Default::default() };
    loop {
        *rounds = rounds.checked_sub(1).ok_or_else(|| Failure::new("too many policy requests"))?;
        let number = state.record.check_begins(&build.id, &build.policy_session, &request);
        let answer = check(caller, request.clone()).await;
        state.record.check_ends(number, &answer);
        match answer.map_err(|status| Failure::remote(&status))?.result {
            None => return Err(Failure::new("no decision in policy response")),
            Some(Answer::Decision(decision)) => return Ok(decision),
            Some(Answer::Request(question)) => {
                let Some(asked) = &question.source else {
                    return state.crash("a policy's request without a source").await;
                };
                same_source(source, asked)?;
                let known = metadata::resolve(state, source, &question).await;
                request.source =
                    Some(known.map_err(|error| {
                        error.wrap("error resolving source metadata from policy request")
                    })?);
            }
        }
    }
}

async fn check(caller: &Caller, request: CheckPolicyRequest) -> Result<CheckPolicyResponse, Status> {
    let mut client = tonic::client::Grpc::new(caller.channel.clone());
    let codec = ProstCodec::<CheckPolicyRequest, CheckPolicyResponse>::default();
    let unavailable = |error: &h2::Error| Status::unavailable(format!("error reading from server: {error}"));
    client.ready().await.map_err(|error| unavailable(&error))?;
    let answer = client.unary(Request::new(request), PathAndQuery::from_static(CHECK_POLICY), codec).await;
    match answer {
        Ok(answer) => Ok(answer.into_inner()),
        // What grpc-go makes of a transport that is gone, and of a stream that is reset with it.
        Err(_) if caller.channel.is_closed() => Err(Status::unavailable("error reading from server: EOF")),
        Err(status) => Err(status),
    }
}

/// A request must be about the very source that was asked about.
fn same_source(source: &pb::SourceOp, asked: &pb::SourceOp) -> Result<(), Failure> {
    if asked.identifier != source.identifier {
        return Err(Failure::new(format!(
            "policy requested different source identifier: \"{}\" != \"{}\"",
            asked.identifier, source.identifier
        )));
    }
    same_attrs(&source.attrs, &asked.attrs)
        .map_err(|error| Failure::new(format!("policy requested different source attrs: {error}")))
}

fn same_attrs(source: &BTreeMap<String, String>, asked: &BTreeMap<String, String>) -> Result<(), String> {
    if source.len() != asked.len() {
        return Err(format!("map length mismatch: {} != {}", source.len(), asked.len()));
    }
    for (key, value) in source {
        match asked.get(key) {
            None => return Err(format!("key {key} missing from second map")),
            Some(other) if other != value => {
                return Err(format!("value mismatch for key {key}: {value} != {other}"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
