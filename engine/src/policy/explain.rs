//! Why a policy decided as it did.

use regorus::Value;

use super::Policy;
use super::statement::{self, ReadValue};
use crate::check::Position;
use crate::rego::eval::Event;

/// What happened in one evaluation, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Rules tried and properties asked for.
    pub events: Vec<ExplanationEvent>,
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
    },
    /// A definition of a rule did not hold.
    Failed {
        /// `data.docker.allow`
        rule: String,
        /// The definition.
        position: Position,
        /// The statement that had no solution.
        at: Position,
        /// That statement, on one line.
        statement: String,
        /// What it names of the input, as far as that is known.
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
    /// `properties` names the properties behind a demand's number; `input` is what the policy was asked about.
    pub(super) fn add(
        &mut self,
        policy: &Policy,
        events: Vec<Event>,
        properties: &dyn Fn(u32) -> Vec<String>,
        input: &Value,
    ) {
        let rule_name = |rule: usize| policy.program.rules[rule].name();
        self.events.extend(events.into_iter().map(|event| match event {
            Event::Held { rule, loc } => {
                ExplanationEvent::Held { rule: rule_name(rule), position: policy.position(loc) }
            }
            Event::Failed { rule, loc, at } => {
                let text = policy.files.get(at.file as usize).map_or("", |file| file.text());
                let (statement, read) = statement::read(text, at.offset as usize, input);
                ExplanationEvent::Failed {
                    rule: rule_name(rule),
                    position: policy.position(loc),
                    at: policy.position(at),
                    statement,
                    read,
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
