//! Why a policy decided as it did.

use super::Policy;
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
        let rule_name = |rule: usize| policy.program.rules[rule].name();
        self.events.extend(events.into_iter().map(|event| match event {
            Event::Held { rule, loc } => {
                ExplanationEvent::Held { rule: rule_name(rule), position: policy.position(loc) }
            }
            Event::Failed { rule, loc, at } => ExplanationEvent::Failed {
                rule: rule_name(rule),
                position: policy.position(loc),
                at: policy.position(at),
            },
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
