//! What a decision looks like to its reader.

pub mod build;
pub mod codes;
pub mod explanation;
pub mod human;
pub mod json;

use policy_engine::check::Position;
use policy_engine::policy::{EVALUATION_CODES, ErrorCode, PolicyError};
use policy_engine::source::{Platform, SourceOp};

use self::codes::SOURCE_CODES;
use self::explanation::Round;
use crate::decide::{DecideError, Verdict};
use crate::lookup::LookupError;

/// How the check of one source came out.
pub struct Report<'a> {
    /// The source that was asked about.
    pub source: &'a SourceOp,
    /// The platform it is wanted for.
    pub platform: Option<&'a Platform>,
    /// The verdict, or why there is none.
    pub result: Result<&'a Verdict, &'a DecideError>,
    /// How it came to that, round by round; empty unless somebody wanted to know.
    pub rounds: &'a [Round],
    /// Policies were switched off, so nothing was evaluated.
    pub disabled: bool,
}

/// The three ways a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// The source may be used.
    Allowed,
    /// It may not.
    Denied,
    /// Nobody could say, so it may not.
    Undecided,
}

impl Conclusion {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Undecided => "undecided",
        }
    }
}

impl Report<'_> {
    /// How it ended.
    pub fn conclusion(&self) -> Conclusion {
        match self.result {
            Ok(verdict) if verdict.allowed() => Conclusion::Allowed,
            Ok(_) => Conclusion::Denied,
            Err(_) => Conclusion::Undecided,
        }
    }
}

/// A stable kebab-case name for why there is no decision: one of [`codes`].
pub fn error_code(error: &DecideError) -> &'static str {
    match error {
        DecideError::Policy(error) => policy_error_code(error),
        DecideError::EmptyConversion => "invalid-decision",
        DecideError::Lookup(_) | DecideError::Unloadable { .. } => "unresolvable-source",
        DecideError::Rounds => "round-limit",
        DecideError::Stuck(_) => "unresolved-again",
    }
}

/// A stable kebab-case name for how a policy failed: one of [`codes`].
pub fn policy_error_code(error: &PolicyError) -> &'static str {
    match error {
        PolicyError::Evaluation { code, .. } => code,
        PolicyError::Undefined { .. } => "undefined-decision",
        PolicyError::InvalidDecision(_) => "invalid-decision",
        PolicyError::Input(_) => "invalid-source",
        _ => "policy-error",
    }
}

/// Where in a policy an error arose, when it is known.
pub fn error_position(error: &DecideError) -> Option<&Position> {
    match error {
        DecideError::Policy(PolicyError::Evaluation { position, .. }) => Some(position),
        _ => None,
    }
}

/// What to do about an error.
pub fn error_help(error: &DecideError) -> Option<&'static str> {
    match error {
        DecideError::Policy(error) => policy_error_help(error),
        DecideError::Lookup(LookupError::Failed { .. }) => Some(
            "the policy reads properties that must be looked up; check the source's name, access to it, and `-v`",
        ),
        DecideError::Lookup(_) => None,
        DecideError::Unloadable { .. } => {
            Some("the policies allow it, but the build must load it; check its name and access to it")
        }
        DecideError::EmptyConversion | DecideError::Rounds | DecideError::Stuck(_) => {
            ErrorCode::help(&SOURCE_CODES, error_code(error))
        }
    }
}

/// What to do about a policy that fails.
pub fn policy_error_help(error: &PolicyError) -> Option<&'static str> {
    match error {
        PolicyError::Evaluation { code, .. } => ErrorCode::help(&EVALUATION_CODES, code),
        error => ErrorCode::help(&SOURCE_CODES, policy_error_code(error)),
    }
}
