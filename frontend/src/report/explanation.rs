//! How a decision came about, round by round: plain data that is fit to be shown, for all reports that explain.

use policy_engine::check::Position;
use policy_engine::metadata::Request;
use policy_engine::policy::{Explanation, ExplanationEvent, ReadValue};
use schemars::JsonSchema;
use serde::Serialize;

use super::build::PolicyPosition;
use super::human::printable;
use crate::lookup::wanted;
use crate::redact;

/// Characters of a value that are shown.
const VALUE_LIMIT: usize = 200;

/// One time that the policies were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Round {
    /// What happened in them, in order.
    pub events: Vec<Event>,
    /// How many events there were beyond these.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
    /// What was looked up after it.
    pub lookups: Vec<Lookup>,
}

/// A step of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A definition of a rule held.
    Held {
        /// `data.docker.allow`
        rule: String,
        /// The definition.
        position: PolicyPosition,
        /// The rule collects values, as `deny_msg` does.
        #[serde(skip)]
        collects: bool,
    },
    /// A definition of a rule did not hold.
    Failed {
        /// `data.docker.allow`
        rule: String,
        /// The definition.
        position: PolicyPosition,
        /// The rule collects values, as `deny_msg` does.
        #[serde(skip)]
        collects: bool,
        /// The statement that had no solution: of those that were reached, the last.
        because: PolicyPosition,
        /// That statement, on one line.
        statement: String,
        /// How often it was tried: once for each element of what the statements before it go through.
        tries: usize,
        /// What it names, as far as that is known, and the values of the last try.
        read: Vec<Read>,
    },
    /// Whether a definition holds depends on what had to be looked up first.
    Open {
        /// `data.docker.allow`
        rule: String,
        /// The definition.
        position: PolicyPosition,
    },
    /// Properties were read that had to be looked up first.
    Asked {
        /// `input.image.labels`
        properties: Vec<String>,
        /// Where they were read.
        position: PolicyPosition,
    },
    /// A function had an error, which makes its expression undefined.
    Undefined {
        /// What it said.
        message: String,
        /// Where it was called.
        position: PolicyPosition,
    },
}

/// A property of the input, a variable or a rule that a statement names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Read {
    /// `input.image.host`, `sig.kind`, `allowed_hosts`.
    pub property: String,
    /// Its value as a term of Rego, cut off after 200 characters; without one it was absent, or the rule undefined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What was absent on the way to it: `input.image`, for `input.image.host` of a git source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// Something that was looked up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lookup {
    /// The source.
    pub source: String,
    /// For which platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What of it: `image config`.
    pub wanted: Vec<String>,
}

impl Round {
    /// What happened in the policies that were asked.
    pub fn new(explanations: &[Explanation]) -> Self {
        Self {
            events: explanations.iter().flat_map(|e| &e.events).filter_map(Event::new).collect(),
            omitted: explanations.iter().map(|explanation| explanation.omitted).sum(),
            lookups: Vec::new(),
        }
    }

    /// Adds what is looked up after it.
    pub fn looked_up(&mut self, requests: &[Request]) {
        self.lookups.extend(requests.iter().map(|request| Lookup {
            source: shown(&redact::source(&request.source)),
            platform: request.platform.as_ref().map(ToString::to_string),
            wanted: wanted(request),
        }));
    }
}

impl Event {
    /// The event, without credentials.
    pub fn new(event: &ExplanationEvent) -> Option<Self> {
        Some(match event {
            ExplanationEvent::Held { rule, position, collects } => {
                Self::Held { rule: shown(rule), position: place(position), collects: *collects }
            }
            ExplanationEvent::Failed { rule, position, collects, at, statement, tries, read } => {
                Self::Failed {
                    rule: shown(rule),
                    position: place(position),
                    collects: *collects,
                    because: place(at),
                    statement: shown(statement),
                    tries: *tries,
                    read: read.iter().map(Read::from).collect(),
                }
            }
            ExplanationEvent::Undecided { rule, position } => {
                Self::Open { rule: shown(rule), position: place(position) }
            }
            ExplanationEvent::Asked { properties, position } => Self::Asked {
                properties: properties.iter().map(|property| shown(property)).collect(),
                position: place(position),
            },
            ExplanationEvent::Undefined { message, position } => {
                Self::Undefined { message: shown(message), position: place(position) }
            }
            _ => return None,
        })
    }
}

impl From<&ReadValue> for Read {
    fn from(read: &ReadValue) -> Self {
        Self {
            property: shown(&read.property),
            // A URL that is cut off would not be known for one with a password.
            value: read.value.as_deref().map(|value| cut(&shown(value))),
            missing: read.missing.as_deref().map(shown),
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_LIMIT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn place(position: &Position) -> PolicyPosition {
    let Position { file, line, column } = position;
    PolicyPosition { file: shown(file), line: *line, column: *column, text: None }
}

fn shown(text: &str) -> String {
    printable(&redact::url(text))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}
