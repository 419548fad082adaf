//! Why a source is not allowed, from how the decision came about: what matters of it, and not too much of that.

use std::collections::BTreeSet;

use super::CheckedSource;
use crate::report::Conclusion;
use crate::report::explanation::{Event, Read, Round};
use crate::report::human::{FAINT, happened, line, step};

/// Steps that are shown of a source. `eval --explain` shows all.
const SHOWN: usize = 12;

/// Appends the steps that decided, to `out`.
pub(super) fn write(out: &mut String, source: &CheckedSource) {
    let Some(Round { events, omitted, .. }) = source.rounds.last() else { return };
    let matters = |event: &&Event| match source.verdict {
        Conclusion::Allowed => false,
        Conclusion::Denied => denies(event),
        Conclusion::Undecided => !matches!(event, Event::Open { .. }),
    };
    let (other, steps): (Vec<&Event>, Vec<&Event>) =
        events.iter().filter(matters).partition(|event| absent_document(event).is_some());
    let steps = steps.iter().enumerate().filter(|(index, event)| !is_known(event, &steps[..*index]));
    let steps = steps.map(|(_, event)| *event);
    // What the package that is asked says, before what its libraries say.
    let (mut steps, further): (Vec<&Event>, Vec<&Event>) = steps.partition(|event| is_own(event));
    steps.extend(further);
    steps.iter().take(SHOWN).for_each(|event| happened(out, event));
    let more = steps.len().saturating_sub(SHOWN) + omitted;
    if more > 0 {
        let hint = format!("`policy-check eval --explain {}` tells all", source.source);
        line(out, format_args!("    {FAINT}… and {more} more steps: {hint}{FAINT:#}"));
    }
    about_others(out, &other);
}

/// Whether a step says no more than those before: a function that is called again, the same properties.
fn is_known(event: &Event, before: &[&Event]) -> bool {
    before.iter().any(|earlier| match (earlier, event) {
        (Event::Asked { properties: a, .. }, Event::Asked { properties: b, .. }) => a == b,
        (earlier, event) => *earlier == event,
    })
}

/// Whether a step may be a reason to deny: a condition that failed, or a message that was given.
fn denies(event: &Event) -> bool {
    match event {
        Event::Held { collects, .. } => *collects,
        Event::Failed { collects, .. } => !collects,
        Event::Undefined { .. } => true,
        Event::Open { .. } | Event::Asked { .. } => false,
    }
}

/// What of the input a definition is about that this kind of source has not: `input.git`.
fn absent_document(event: &Event) -> Option<&str> {
    let Event::Failed { read, .. } = event else { return None };
    let absent = |read: &'_ Read| read.value.is_none();
    read.iter().filter(|read| absent(read)).find_map(|read| {
        let absent = read.missing.as_deref().unwrap_or(&read.property);
        ["input.image", "input.git", "input.http", "input.local", "input.ociLayout"]
            .contains(&absent)
            .then_some(absent)
    })
}

/// A line for all definitions that are about other kinds of sources.
fn about_others(out: &mut String, events: &[&Event]) {
    if events.is_empty() {
        return;
    }
    let absent: BTreeSet<&str> = events.iter().filter_map(|event| absent_document(event)).collect();
    let (count, noun) = (events.len(), if events.len() == 1 { "definition" } else { "definitions" });
    let absent = absent.into_iter().collect::<Vec<_>>().join(", ");
    step(out, "failed", &format!("{count} {noun} about other sources: there is no {absent}"));
}

fn is_own(event: &Event) -> bool {
    match event {
        Event::Held { rule, .. } | Event::Failed { rule, .. } | Event::Open { rule, .. } => {
            rule.strip_prefix("data.docker.").is_some_and(|name| !name.contains('.'))
        }
        Event::Asked { .. } | Event::Undefined { .. } => false,
    }
}
