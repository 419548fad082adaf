//! Where an answer given now differs from the recorded one.

use std::time::SystemTime;

use policy_engine::check::{Check, Facts};
use policy_engine::policy::{LoadError, PolicySet};

use super::Difference;
use super::answer::Answer;
use super::recording::{Body, Known, Recording, Step};

/// Compares step by step, and tells of the first step that differs. A policy that doesn't load fails at
/// every step.
pub(super) fn steps(
    recording: &Recording,
    policies: Result<&PolicySet, &LoadError>,
    now: SystemTime,
) -> Option<Difference> {
    let ask = |known: &Known| match policies {
        Ok(policies) => answer(recording, policies, known, now),
        Err(error) => Answer::Fails(error.to_string()),
    };
    match &recording.body {
        Body::Conversation(steps) => {
            let last = steps.len().checked_sub(1)?;
            (0..).zip(steps).find_map(|(at, Step { known, answer: recorded })| {
                let recorded = recording.ours.as_ref().filter(|_| at == last).unwrap_or(recorded);
                let given = ask(known);
                let agrees = agrees(recorded, &given, recording.end());
                (!agrees).then(|| difference(recording, Some(at + 1), shown(recorded), &given))
            })
        }
        Body::Completed(known) => {
            let given = ask(&known.unresolved());
            if !matches!(given, Answer::Asks(_)) {
                return Some(difference(recording, Some(1), "asks".into(), &given));
            }
            let given = ask(known);
            let agrees = given.end() == recording.end();
            (!agrees).then(|| difference(recording, Some(2), recording.end().into(), &given))
        }
    }
}

/// Compares the end only: with everything known that the recording knows, how would these policies end?
pub(super) fn end(recording: &Recording, policies: &PolicySet, now: SystemTime) -> Option<Difference> {
    let known = match &recording.body {
        Body::Conversation(steps) => &steps.last()?.known,
        Body::Completed(known) => known,
    };
    let given = answer(recording, policies, known, now);
    let agrees = given.end() == recording.end();
    (!agrees).then(|| difference(recording, None, recording.end().into(), &given))
}

/// Where the peer decides, the decision must be the same. Where it asks, asking for less, or deciding
/// already as it does in the end, is as good.
fn agrees(recorded: &Answer, given: &Answer, end: &str) -> bool {
    match (recorded, given) {
        (Answer::Asks(recorded), Answer::Asks(given)) => given.is_subset(recorded),
        (Answer::Asks(_), given) => given.end() == end,
        (Answer::Decides(recorded), Answer::Decides(given)) => recorded.agrees(given),
        (Answer::Fails(_), Answer::Fails(_)) => true,
        _ => false,
    }
}

fn answer(recording: &Recording, policies: &PolicySet, known: &Known, now: SystemTime) -> Answer {
    let mut facts = Facts::default();
    for Known { source, platform, metadata } in recording.materials.iter().chain([known]) {
        if let Some(metadata) = metadata {
            facts.insert(source.clone(), platform.clone(), metadata.clone());
        }
    }
    let Known { source, platform, .. } = known;
    let platform = platform.as_ref();
    let check = |env| Answer::given(policies.check(&Check { source, platform, facts: &facts, env, now }));
    let mut answers = recording.envs.iter().map(check);
    // All must allow; the first that doesn't is the answer.
    let first = answers.next().unwrap_or_else(|| Answer::Fails("no build is recorded".into()));
    if first.end() == "ALLOW" {
        answers.find(|answer| answer.end() != "ALLOW").unwrap_or(first)
    } else {
        first
    }
}

/// Of an error only that it is one is compared, so its wording is left out.
fn shown(recorded: &Answer) -> String {
    match recorded {
        Answer::Fails(_) => "error".into(),
        recorded => recorded.to_string(),
    }
}

fn difference(recording: &Recording, step: Option<usize>, recorded: String, given: &Answer) -> Difference {
    Difference { case: recording.name.clone(), step, recorded, answered: given.to_string() }
}
