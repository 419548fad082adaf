//! The client's own policy beside ours: both must allow, and a pin by one is checked again by the other, as
//! BuildKit asks anew about what a source was pinned to.

use std::time::Duration;

use tonic::Status;

use super::policy_session::ask;
use super::sessions::Sessions;
use super::verify::Verifier;
use crate::buildkit::proto::gateway::{ResolveSourceImageRequest, ResolveSourceMetaRequest};
use crate::buildkit::proto::policysession::{Answer, CheckPolicyRequest};
use crate::buildkit::proto::sourcepolicy::PolicyAction;

/// How long the client's policy may think about one question.
const ANSWERS_WITHIN: Duration = Duration::from_mins(2);

/// Asks the policy in the client's `session` about `request`, and makes one answer of both. Whoever denies ends
/// it; whoever pins is heard before the other is asked about the pin.
pub async fn combine(
    ours: &Answer,
    sessions: &Sessions,
    session: &str,
    request: &CheckPolicyRequest,
    verifier: &Verifier,
) -> Result<Answer, Status> {
    if let Answer::Decision(decision) = ours
        && decision.action != PolicyAction::Allow as i32
    {
        return Ok(ours.clone());
    }
    let channel = sessions.channel(session).await?;
    let theirs = tokio::time::timeout(ANSWERS_WITHIN, ask(channel, request.clone()))
        .await
        .map_err(|_| Status::deadline_exceeded("policy-check: the client's own policy does not answer"))??;
    let theirs = theirs.result.ok_or_else(|| {
        Status::failed_precondition("policy-check: the client's own policy gives no answer")
    })?;
    match (ours, theirs) {
        (_, Answer::Decision(decision)) if decision.action == PolicyAction::Deny as i32 => {
            Ok(Answer::Decision(decision))
        }
        (Answer::Request(_), Answer::Decision(_)) => Ok(ours.clone()),
        (Answer::Decision(_), Answer::Decision(decision)) => match PolicyAction::try_from(decision.action) {
            Ok(PolicyAction::Convert) if decision.update.is_none() => Err(Status::failed_precondition(
                "policy-check: the client's own policy converts the source without naming another",
            )),
            Ok(_) => Ok(Answer::Decision(decision)),
            Err(_) => Err(Status::failed_precondition(format!(
                "policy-check: the client's own policy answers with the unknown action {}",
                decision.action
            ))),
        },
        (ours, Answer::Request(theirs)) => {
            let asked = safe(theirs, request, verifier).await?;
            Ok(Answer::Request(match ours {
                Answer::Request(ours) => union(ours.clone(), asked),
                Answer::Decision(_) => asked,
            }))
        }
    }
}

/// A client's question in a form that does buildkitd no harm: about the source that was asked about, and for
/// attestations only where they can be had.
async fn safe(
    mut theirs: ResolveSourceMetaRequest,
    request: &CheckPolicyRequest,
    verifier: &Verifier,
) -> Result<ResolveSourceMetaRequest, Status> {
    let source = request.source.as_ref().and_then(|meta| meta.source.clone());
    if theirs.source.is_some() && theirs.source != source {
        return Err(Status::failed_precondition(
            "policy-check: the client's own policy asks about another source than it was asked about",
        ));
    }
    theirs.source = source;
    theirs.source_policies.clear();
    let wants_chain = theirs
        .image
        .as_ref()
        .is_some_and(|image| image.attestation_chain || !image.resolve_attestations.is_empty());
    if wants_chain {
        match verifier.has_index(request).await? {
            Some(true) => {}
            // The digest comes first. The policy asks again.
            None => theirs.image = Some(ResolveSourceImageRequest::default()),
            Some(false) => {
                return Err(Status::failed_precondition(
                    "policy-check: the client's own policy asks for attestations of an image without an index: BuildKit cannot answer that",
                ));
            }
        }
    }
    Ok(theirs)
}

/// What both want to know. Of two digests over a suffix only one can be asked for: the other's turn comes.
fn union(mut ours: ResolveSourceMetaRequest, theirs: ResolveSourceMetaRequest) -> ResolveSourceMetaRequest {
    if let Some(theirs) = theirs.image {
        let image = ours.image.get_or_insert_default();
        image.no_config &= theirs.no_config;
        image.attestation_chain |= theirs.attestation_chain;
        for kind in theirs.resolve_attestations {
            if !image.resolve_attestations.contains(&kind) {
                image.resolve_attestations.push(kind);
            }
        }
    }
    if let Some(theirs) = theirs.git {
        ours.git.get_or_insert_default().return_object |= theirs.return_object;
    }
    if let Some(theirs) = theirs.http {
        let http = ours.http.get_or_insert_default();
        http.checksum_request = http.checksum_request.take().or(theirs.checksum_request);
    }
    ours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildkit::proto::gateway::ResolveSourceGitRequest;

    #[test]
    fn a_union_asks_for_both() {
        let image = |no_config, attestation_chain| ResolveSourceMetaRequest {
            image: Some(ResolveSourceImageRequest {
                no_config,
                attestation_chain,
                ..ResolveSourceImageRequest::default()
            }),
            ..ResolveSourceMetaRequest::default()
        };
        let both = union(image(true, false), image(false, true)).image.unwrap_or_default();
        assert!(!both.no_config && both.attestation_chain);
        let git = ResolveSourceMetaRequest {
            git: Some(ResolveSourceGitRequest { return_object: true }),
            ..ResolveSourceMetaRequest::default()
        };
        assert!(union(ResolveSourceMetaRequest::default(), git).git.is_some_and(|git| git.return_object));
    }
}
