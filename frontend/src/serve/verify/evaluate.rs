//! Asking the policies, away from the threads that talk to BuildKit.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;
use std::time::SystemTime;

use policy_engine::check::{Action, Check, Decision, Facts, Outcome};
use policy_engine::metadata::Request;
use policy_engine::policy::PolicyError;

use tokio::sync::Semaphore;

use super::question::Question;
use super::{Jurisdiction, VerifyError};

/// Evaluations that may run at a time, for each processor. They need a moment of processor and sometimes a
/// file of the server's; with more, a thousand checks would only be hundreds of threads that wait.
const TURNS_PER_PROCESSOR: usize = 4;

static TURNS: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(TURNS_PER_PROCESSOR * available_parallelism().map_or(1, std::num::NonZero::get))
});

/// What all policies say together.
pub(super) struct Judgement {
    pub(super) outcome: Outcome,
    /// Whose decision it is, when one denies or converts.
    pub(super) by: Option<Arc<Jurisdiction>>,
}

/// Evaluates on a thread where policies may take their time and read files. Facts go there and come back.
pub(super) async fn evaluate(
    jurisdictions: &[Arc<Jurisdiction>],
    question: &Arc<Question>,
    facts: Facts,
    now: SystemTime,
) -> Result<(Facts, Judgement), VerifyError> {
    let source_shown = || question.shown();
    if jurisdictions.iter().all(|jurisdiction| jurisdiction.policies.policies.is_empty()) {
        // Nothing to evaluate: no other thread is needed for that.
        let judgement = judge(jurisdictions, question, &facts, now);
        let judgement =
            judgement.map_err(|cause| VerifyError::Policy { source_shown: source_shown(), cause })?;
        return Ok((facts, judgement));
    }
    // Whoever waits for a client must not keep others waiting.
    let turn = if jurisdictions.iter().any(|jurisdiction| jurisdiction.reads_from_client) {
        None
    } else {
        // Never closed.
        TURNS.acquire().await.ok()
    };
    let (jurisdictions, shared) = (jurisdictions.to_vec(), Arc::clone(question));
    let evaluation = tokio::task::spawn_blocking(move || {
        let judgement = judge(&jurisdictions, &shared, &facts, now);
        // Also when nobody waits for the answer any more, the turn ends only here.
        drop(turn);
        (facts, judgement)
    });
    let (facts, judgement) =
        evaluation.await.map_err(|_| VerifyError::Evaluation { source_shown: source_shown() })?;
    let judgement = judgement.map_err(|cause| VerifyError::Policy { source_shown: source_shown(), cause })?;
    Ok((facts, judgement))
}

/// All must allow. The first that denies or converts ends it; what any of them needs is needed.
fn judge(
    jurisdictions: &[Arc<Jurisdiction>],
    question: &Question,
    facts: &Facts,
    now: SystemTime,
) -> Result<Judgement, PolicyError> {
    let mut needs: Vec<Request> = Vec::new();
    let mut allowed = Decision::allow();
    for jurisdiction in jurisdictions {
        let Jurisdiction { policies, env, .. } = &**jurisdiction;
        let platform = question.platform.as_ref();
        match policies.check(&Check { source: &question.source, platform, facts, env, now })? {
            Outcome::Needs(requests) => requests.into_iter().for_each(|request| add(&mut needs, request)),
            Outcome::Decided(decision) if decision.action == Action::Allow => {
                allowed.messages.extend(decision.messages);
                allowed.prints.extend(decision.prints);
                allowed.warnings.extend(decision.warnings);
                allowed.failures.extend(decision.failures);
                allowed.position = allowed.position.or(decision.position);
            }
            decided @ Outcome::Decided(_) => {
                return Ok(Judgement { outcome: decided, by: Some(Arc::clone(jurisdiction)) });
            }
        }
    }
    let outcome = if needs.is_empty() { Outcome::Decided(allowed) } else { Outcome::Needs(needs) };
    Ok(Judgement { outcome, by: None })
}

fn add(needs: &mut Vec<Request>, request: Request) {
    let same = |other: &&mut Request| other.source == request.source && other.platform == request.platform;
    match needs.iter_mut().find(same) {
        Some(known) => known.wanted.add(request.wanted),
        None => needs.push(request),
    }
}
