//! Policies: loaded and compiled once, asked often.

use std::sync::Arc;

use crate::check::{Check, Outcome, Position};

/// A policy file's name (as messages show it) and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// E.g. `Dockerfile.rego`.
    pub name: String,
    /// Rego v1.
    pub text: String,
}

/// Where a policy's imports and the files it reads lie. Implementations keep every path inside
/// their root: no `..`, no absolute path, no symlink that leads out.
pub trait PolicyRoot: Send + Sync {
    /// Reads the file `path` (relative, `/`-separated) whole, or fails when it is larger than `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError>;
}

/// Why a file of a policy's root could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("no such file in the policy's root")]
    NotFound,
    /// The path leads out of the root.
    #[error("the path leads out of the policy's root")]
    Escapes,
    /// The file is larger than its limit, in bytes.
    #[error("larger than the limit of {0} bytes")]
    TooLarge(u64),
    /// Anything else the operating system said.
    #[error("{0}")]
    Other(String),
}

/// What loading a policy needs.
pub struct LoadOptions {
    /// The files of one policy, compiled together.
    pub files: Vec<PolicyFile>,
    /// Where imports and data files are read from; without one they are errors.
    pub root: Option<Arc<dyn PolicyRoot>>,
    /// Whether warnings (misspelt properties, comparisons that can never hold) refuse the policy.
    pub strict: bool,
}

/// A remark about a policy: found when loading, never about a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable kebab-case code, e.g. `unknown-property`.
    pub code: &'static str,
    /// Where.
    pub position: Position,
    /// What is wrong, without a trailing period.
    pub message: String,
    /// What to write instead, where there is such a thing.
    pub help: Option<String>,
}

/// A policy could not be loaded: every problem that was found, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(|p| format!("{}: {}", p.position, p.message)).collect::<Vec<_>>().join("\n"))]
pub struct LoadError {
    /// At least one.
    pub problems: Vec<Diagnostic>,
}

/// A policy could not decide. The source must not be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A rule or built-in failed.
    #[error("{position}: {message}")]
    Evaluation {
        /// Where.
        position: Position,
        /// A stable kebab-case code, e.g. `builtin-error`, `conflict`, `limit`.
        code: &'static str,
        /// What went wrong.
        message: String,
    },
    /// `data.docker.decision` is undefined.
    #[error("the policy has no decision: `data.docker.decision` is undefined")]
    Undefined,
    /// The decision is not what a decision must be.
    #[error("{0}")]
    InvalidDecision(String),
    /// The source itself cannot be shown to a policy.
    #[error("{0}")]
    Input(String),
}

/// A compiled policy.
pub struct Policy {}

impl Policy {
    /// Parses, checks and compiles.
    pub fn load(_options: &LoadOptions) -> Result<Self, LoadError> {
        Ok(Self {})
    }

    /// What was found when loading that does not refuse the policy.
    pub fn warnings(&self) -> &[Diagnostic] {
        &[]
    }

    /// Decides, or says what it needs to know.
    pub fn check(&self, _check: &Check<'_>) -> Result<Outcome, PolicyError> {
        Err(PolicyError::Undefined)
    }
}

/// Several policies in force at once: all must allow, and the first pin is checked again by all.
#[derive(Default)]
pub struct PolicySet {
    /// In the order they are asked.
    pub policies: Vec<Policy>,
}

impl PolicySet {
    /// Decides, or says what the first undecided policy needs to know.
    pub fn check(&self, _check: &Check<'_>) -> Result<Outcome, PolicyError> {
        Err(PolicyError::Undefined)
    }
}
