//! From what was decided to what is shown. Nothing secret gets past here.

use policy_engine::check::{Position, Print};
use policy_engine::policy::PolicySet;
use policy_engine::source::SourceOp;
use policy_engine::verify::Failure;

use super::{CheckedSource, Dockerfile, Pin, Place, PolicyInForce, PolicyPosition, Printed, Problem};
use crate::decide::{DecideError, Verdict};
use crate::dockerfile;
use crate::redact;
use crate::report::human::{printable, printable_name};
use crate::report::{Conclusion, error_code, error_help, error_position};

impl Dockerfile {
    /// The Dockerfile that is called `name` and has this text.
    pub fn new(name: &str, path: Option<String>, text: &str) -> Self {
        let lines = text.lines().map(shown).collect();
        Self { name: shown_name(name), path, lines }
    }
}

impl CheckedSource {
    /// What became of a source.
    pub fn new(
        used: &dockerfile::UsedSource,
        result: Result<&Verdict, &DecideError>,
        policies: &PolicySet,
    ) -> Self {
        let position = |position: &Position| PolicyPosition::new(position, policies);
        let mut checked = Self {
            source: shown(&redact::source(&used.source)),
            platform: used.platform.as_ref().map(ToString::to_string),
            digest: used.digest.clone(),
            places: used.places.iter().map(Place::from).collect(),
            verdict: Conclusion::Undecided,
            messages: Vec::new(),
            pin: None,
            position: None,
            error: None,
            prints: Vec::new(),
            verification: Vec::new(),
            rounds: Vec::new(),
        };
        match result {
            Ok(verdict) => {
                let decision = &verdict.decision;
                checked.verdict = if verdict.allowed() { Conclusion::Allowed } else { Conclusion::Denied };
                checked.messages = decision.messages.iter().map(|message| shown(message)).collect();
                checked.pin = verdict.pin.as_ref().map(Pin::from);
                checked.position = decision.position.as_ref().map(position);
                checked.verification = decision.failures.iter().map(shown_failure).collect();
                checked.prints = decision.prints.iter().map(|print| Printed::new(print, policies)).collect();
            }
            Err(error) => {
                if let DecideError::Unloadable { pin: Some(pin), .. } = error {
                    checked.pin = Some(Pin::from(&**pin));
                }
                checked.position = error_position(error).map(position);
                checked.error = Some(Problem::new(error_code(error), error, error_help(error)));
            }
        }
        checked
    }
}

impl Problem {
    /// The problem that `error` tells of.
    pub fn new(code: &str, error: &dyn std::error::Error, help: Option<&str>) -> Self {
        Self { code: code.to_owned(), message: shown(&error.to_string()), help: help.map(shown), place: None }
    }
}

impl PolicyInForce {
    /// All of a set.
    pub fn all(policies: &PolicySet) -> Vec<Self> {
        let shown = |policy: &std::sync::Arc<policy_engine::policy::Policy>| Self {
            name: shown_name(policy.name()),
            digest: policy.digest().to_owned(),
        };
        policies.policies.iter().map(shown).collect()
    }
}

impl PolicyPosition {
    fn new(position: &Position, policies: &PolicySet) -> Self {
        let Position { file, line, column } = position;
        let text = policies.policies.iter().find_map(|policy| policy.text(file));
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let text = text.and_then(|text| text.lines().nth(index)).map(shown);
        Self { file: shown_name(file), line: *line, column: *column, text }
    }
}

impl Printed {
    fn new(print: &Print, policies: &PolicySet) -> Self {
        Self { position: PolicyPosition::new(&print.position, policies), text: shown(&print.text) }
    }
}

impl From<&SourceOp> for Pin {
    fn from(source: &SourceOp) -> Self {
        let attrs = source.attrs.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
        Self { identifier: shown(&redact::source(source)), attrs }
    }
}

impl From<&dockerfile::Place> for Place {
    fn from(place: &dockerfile::Place) -> Self {
        let dockerfile::Place { file, line, end_line, instruction } = place;
        Self { file: shown_name(file), line: *line, end_line: *end_line, instruction: shown(instruction) }
    }
}

/// A signature that doesn't count: its parts come from whoever made it.
fn shown_failure(failure: &Failure) -> Failure {
    Failure {
        format: shown(&failure.format),
        digest: shown(&failure.digest),
        message: shown(&failure.message),
        ..failure.clone()
    }
}

/// A name of a file, without credentials.
fn shown_name(name: &str) -> String {
    printable_name(&redact::url(name))
}

/// Without credentials, and without what would steer a terminal.
fn shown(text: &str) -> String {
    printable(&redact::url(text))
}
