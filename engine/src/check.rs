//! One check: what goes in, and what comes out.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::input::Env;
use crate::metadata::{Metadata, Request};
use crate::source::{Platform, SourceOp};
use crate::verify::Failure;

/// All that is known so far about the source being checked and the materials of its provenance.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// A source is wanted for few platforms, mostly for one.
    known: BTreeMap<SourceOp, Vec<(Option<Platform>, Metadata)>>,
}

impl Facts {
    /// Remembers what was resolved for `source`, in place of what was known before. Only digests over a body and a
    /// suffix stay, as long as the body is the same: they may come one at a time.
    pub fn insert(&mut self, source: SourceOp, platform: Option<Platform>, mut metadata: Metadata) {
        let known = self.known.entry(source).or_default();
        if let Some((_, before)) = known.iter().find(|(other, _)| *other == platform)
            && let (Some(http), Some(before)) = (&mut metadata.http, &before.http)
        {
            http.keep(before);
        }
        known.retain(|(other, _)| *other != platform);
        known.push((platform, metadata));
    }

    /// What is known about `source`.
    pub fn get(&self, source: &SourceOp, platform: Option<&Platform>) -> Option<&Metadata> {
        let known = self.known.get(source)?;
        known.iter().find(|(other, _)| other.as_ref() == platform).map(|(_, metadata)| metadata)
    }
}

/// A question to a policy.
#[derive(Debug, Clone, Copy)]
pub struct Check<'a> {
    /// The source that a build wants to load.
    pub source: &'a SourceOp,
    /// The platform it is wanted for; images need one.
    pub platform: Option<&'a Platform>,
    /// What is known about it.
    pub facts: &'a Facts,
    /// The build, as `input.env` shows it.
    pub env: &'a Env,
    /// What `time.now_ns()` answers.
    pub now: SystemTime,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The policy decided.
    Decided(Decision),
    /// The policy read properties that nobody has looked up yet. Resolve all of these, add them to the
    /// facts, and check again.
    Needs(Vec<Request>),
}

/// What may happen to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It may be used as it is.
    Allow,
    /// It may not be used.
    Deny,
    /// It may be used as [`Decision::update`] names it.
    Convert,
}

/// A policy's decision about one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Allow, deny or convert.
    pub action: Action,
    /// `deny_msg`, sorted. May be there on an allow too, as the policy wrote it.
    pub messages: Vec<String>,
    /// The source to use instead, when the action is [`Action::Convert`].
    pub update: Option<SourceOp>,
    /// Which rule of which file decided: the `decision` rule, or the rule that made it what it is.
    pub position: Option<Position>,
    /// Capabilities that the policy asks of the build (`caps`, e.g. `exec.proxy`).
    pub caps: BTreeMap<String, bool>,
    /// What `print` said, a line each, with its position.
    pub prints: Vec<Print>,
    /// What was passed over in the input, e.g. provenance materials of kinds that have no source.
    pub warnings: Vec<String>,
    /// Signatures that were looked at and don't count, each with the step that failed.
    pub failures: Vec<Failure>,
}

impl Decision {
    /// Allowed, without a word.
    pub fn allow() -> Self {
        Self {
            action: Action::Allow,
            messages: Vec::new(),
            update: None,
            position: None,
            caps: BTreeMap::new(),
            prints: Vec::new(),
            warnings: Vec::new(),
            failures: Vec::new(),
        }
    }
}

/// A place in a policy file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The file, as it was loaded.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A `print` that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// Where the `print` stands.
    pub position: Position,
    /// Its arguments, joined by blanks.
    pub text: String,
}
