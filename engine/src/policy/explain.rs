//! Why a policy decided as it did.

use regorus::Value;

use super::{Policy, statement};
use crate::builtins;
use crate::check::Position;
use crate::rego::eval::{Event, Read};
use crate::rego::ir::RuleKind;

/// Characters of a value that are kept.
const VALUE_LIMIT: usize = 10_000;
/// Bytes of values that are written out for one explanation.
const TEXT_BUDGET: usize = 16 << 20;

/// What happened in one evaluation, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Rules tried and properties asked for: the first 10,000.
    pub events: Vec<ExplanationEvent>,
    /// How many events there were beyond these.
    pub omitted: usize,
}

/// Something that a statement names: a property of the input, a variable, a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadValue {
    /// `input.image.host`, `sig.kind`, `allowed_hosts`.
    pub property: String,
    /// Its value as a term of Rego, cut off after 10,000 characters: `"docker.io"`. Without one it was absent, or the rule
    /// undefined.
    pub value: Option<String>,
    /// What was absent on the way to it: `input.image`, for `input.image.host` of a git source.
    pub missing: Option<String>,
}

/// A step of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExplanationEvent {
    /// A rule held.
    Held {
        /// `data.docker.allow`
        rule: String,
        /// The definition that held.
        position: Position,
        /// Whether the rule collects values (`contains`), of which this is one.
        collects: bool,
    },
    /// A definition of a rule did not hold.
    Failed {
        /// `data.docker.allow`
        rule: String,
        /// The definition.
        position: Position,
        /// Whether the rule collects values (`contains`): then nothing is wrong where a definition fails.
        collects: bool,
        /// The statement that had no solution: of those that were reached, the last.
        at: Position,
        /// That statement, on one line.
        statement: String,
        /// How often it was tried: once for each element of what the statements before it go through.
        tries: usize,
        /// What it names, as far as that is known, and the values of the last try.
        read: Vec<ReadValue>,
    },
    /// Whether a definition holds depends on what has to be resolved first.
    Undecided {
        /// `data.docker.allow`
        rule: String,
        /// The definition.
        position: Position,
    },
    /// A property was read that has to be resolved first.
    Asked {
        /// `input.image.labels`
        properties: Vec<String>,
        /// Where it was read.
        position: Position,
    },
    /// A built-in function had an error, which makes its expression undefined.
    Undefined {
        /// What it said.
        message: String,
        /// Where it was called.
        position: Position,
    },
}

impl Explanation {
    /// `properties` names the properties behind a demand's number.
    pub(super) fn add(
        &mut self,
        policy: &Policy,
        events: Vec<Event>,
        properties: &dyn Fn(u32) -> Vec<String>,
    ) {
        let mut budget = TEXT_BUDGET;
        let rule_name = |rule: usize| policy.program.rules[rule].name();
        let collects =
            |rule: usize| matches!(policy.program.rules[rule].kind, RuleKind::Set | RuleKind::Object);
        self.events.extend(events.into_iter().map(|event| match event {
            Event::Held { rule, loc } => {
                let position = policy.position(loc);
                ExplanationEvent::Held { rule: rule_name(rule), position, collects: collects(rule) }
            }
            Event::Failed { rule, loc, at, tries, read } => {
                let text = policy.files.get(at.file as usize).map_or("", |file| file.text());
                ExplanationEvent::Failed {
                    rule: rule_name(rule),
                    position: policy.position(loc),
                    collects: collects(rule),
                    at: policy.position(at),
                    statement: statement::text(text, at.offset as usize),
                    tries,
                    read: read.into_iter().map(|read| ReadValue::new(read, &mut budget)).collect(),
                }
            }
            Event::Unknown { rule, loc } => {
                ExplanationEvent::Undecided { rule: rule_name(rule), position: policy.position(loc) }
            }
            Event::Asked { loc, demands } => ExplanationEvent::Asked {
                properties: demands.into_iter().flat_map(properties).collect(),
                position: policy.position(loc),
            },
            Event::Undefined { loc, message } => {
                ExplanationEvent::Undefined { message, position: policy.position(loc) }
            }
        }));
    }
}

impl ReadValue {
    /// `budget` is how much text may still be written.
    fn new(read: Read, budget: &mut usize) -> Self {
        let value = read.value.map(|value| {
            if *budget == 0 {
                return "…".to_owned();
            }
            let text = match &value {
                Value::String(text) => format!("{text:?}"),
                other => builtins::term_text(other),
            };
            *budget = budget.saturating_sub(text.len());
            match text.char_indices().nth(VALUE_LIMIT) {
                Some((at, _)) => format!("{}…", &text[..at]),
                None => text,
            }
        });
        Self { property: read.name, value, missing: read.missing }
    }
}

#[cfg(test)]
mod tests;
