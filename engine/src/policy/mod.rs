//! Policies: loaded and compiled once, asked often.
//!
//! `load` reads the files and what they import and compiles them; `lint` remarks on what may be meant
//! otherwise; `decide` answers a check; `host` has the built-ins that work on the source being checked,
//! `attestation`, `verify_git` and `verify_http` those that verify signatures. `suite` runs the tests of a policy.

mod advice;
mod attestation;
mod codes;
mod decide;
mod explain;
mod files;
mod host;
pub mod lint;
mod load;
mod statement;
pub mod suite;
mod verify_git;
mod verify_http;
mod verify_image;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

pub use codes::{EVALUATION_CODES, ErrorCode, LOAD_CODES};
pub use explain::{Explanation, ExplanationEvent, ReadValue};
use files::SourceFile;
pub(crate) use load::helpers;

use crate::check::{Action, Check, Outcome, Position};
use crate::input::Env;
use crate::rego::ir::Program;
use crate::verify::Trust;

/// Names of the functions that only build policies have.
pub fn own_functions() -> impl Iterator<Item = &'static str> {
    crate::rego::compile::own_functions()
}

/// A policy file's name (as messages show it) and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// E.g. `Dockerfile.rego`.
    pub name: String,
    /// Rego v1.
    pub text: String,
}

/// The names of the package that a Rego file declares; `None` where it declares none that can be read.
pub fn declared_package(text: &str) -> Option<Vec<String>> {
    let package = crate::rego::parser::package(text).ok()?;
    Some(package.iter().map(ToString::to_string).collect())
}

/// Where a policy's imports and the files it reads lie. Implementations keep every path inside
/// their root: no `..`, no absolute path, no symlink that leads out.
pub trait PolicyRoot: Send + Sync {
    /// Reads the file `path` (relative, `/`-separated) whole, or fails when it is larger than `limit` bytes.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FileError>;

    /// The files that belong to the package `path` (`a/b` for `data.a.b`) beside the file `a/b.rego`, where the root
    /// knows files by the package that they declare. Their names are as messages show them.
    fn package(&self, _path: &str) -> Result<Vec<PolicyFile>, FileError> {
        Ok(Vec::new())
    }

    /// What messages call the file `path`.
    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }
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
    /// The line at the position, if there is one.
    pub line: Option<String>,
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
    #[error("the policy `{policy}` has no decision: `data.docker.decision` is undefined")]
    Undefined {
        /// Name of the policy's first file.
        policy: String,
    },
    /// The decision is not what a decision must be.
    #[error("{0}")]
    InvalidDecision(String),
    /// The source itself cannot be shown to a policy.
    #[error("{0}")]
    Input(#[from] crate::input::InputError),
}

/// A compiled policy. Checks share it: nothing in it changes.
pub struct Policy {
    files: Vec<SourceFile>,
    program: Program,
    warnings: Vec<Diagnostic>,
    root: Option<Arc<dyn PolicyRoot>>,
    /// JSON files that were read once, by path.
    json: Mutex<HashMap<String, regorus::Value>>,
    /// Other files that were read once, by path.
    files_read: Mutex<HashMap<String, bytes::Bytes>>,
    digest: String,
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Policy {
    /// Parses, checks and compiles the files and what they import.
    pub fn load(options: &LoadOptions) -> Result<Self, LoadError> {
        load::load(options)
    }

    /// Name of its first file, as messages show it; empty for a policy without files.
    pub fn name(&self) -> &str {
        self.files.first().map_or("", SourceFile::name)
    }

    /// `sha256:…` over the names and texts of all its files, imports and built-in helpers included. What
    /// `load_json` reads while it decides is not part of it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Which capabilities it asks of a build (`caps`, e.g. `exec.proxy`), before any source is known:
    /// the decision for an input that has only `env`, with `capsRequest`. A capability that isn't known is an
    /// error.
    pub fn caps(&self, env: &Env, now: SystemTime) -> Result<BTreeMap<String, bool>, PolicyError> {
        decide::caps(self, env, now)
    }

    /// What was found when loading that does not refuse the policy.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Decides, or says what it needs to know. Signatures are verified against `trust`.
    pub fn check(&self, check: &Check<'_>, trust: &Trust) -> Result<Outcome, PolicyError> {
        decide::check(self, check, trust, None)
    }

    /// As [`Policy::check`], and tells what happened on the way.
    pub fn explain(&self, check: &Check<'_>, trust: &Trust) -> (Result<Outcome, PolicyError>, Explanation) {
        let mut explanation = Explanation::default();
        let outcome = decide::check(self, check, trust, Some(&mut explanation));
        (outcome, explanation)
    }

    /// A file of the policy as it was loaded, for excerpts: its text by its name.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.files.iter().find(|f| f.name() == file).map(SourceFile::text)
    }

    /// The line at a position in one of its files.
    pub fn line(&self, position: &Position) -> Option<&str> {
        files::line(&self.files, position)
    }

    fn position(&self, loc: crate::rego::ast::Loc) -> Position {
        files::position(&self.files, loc)
    }
}

/// Several policies in force at once: all must allow, and the first pin is checked again by all.
#[derive(Debug, Clone, Default)]
pub struct PolicySet {
    /// In the order they are asked.
    pub policies: Vec<Arc<Policy>>,
    /// Whom signatures are trusted to.
    pub trust: Arc<Trust>,
}

impl PolicySet {
    /// Decides, or says what the first undecided policy needs to know. The first policy that denies or
    /// converts decides; without any policy everything is allowed.
    pub fn check(&self, check: &Check<'_>) -> Result<Outcome, PolicyError> {
        self.ask(|policy| policy.check(check, &self.trust))
    }

    /// What any of the policies asks of a build; see [`Policy::caps`].
    pub fn caps(&self, env: &Env, now: SystemTime) -> Result<BTreeMap<String, bool>, PolicyError> {
        let mut union = BTreeMap::new();
        for policy in &self.policies {
            add_caps(&mut union, policy.caps(env, now)?);
        }
        Ok(union)
    }

    /// As [`PolicySet::check`], and tells what happened in each policy that was asked.
    pub fn explain(&self, check: &Check<'_>) -> (Result<Outcome, PolicyError>, Vec<Explanation>) {
        let mut explanations = Vec::new();
        let outcome = self.ask(|policy| {
            let (outcome, explanation) = policy.explain(check, &self.trust);
            explanations.push(explanation);
            outcome
        });
        (outcome, explanations)
    }

    fn ask(
        &self,
        mut check: impl FnMut(&Policy) -> Result<Outcome, PolicyError>,
    ) -> Result<Outcome, PolicyError> {
        let mut allowed: Option<crate::check::Decision> = None;
        for policy in &self.policies {
            let decision = match check(policy)? {
                Outcome::Decided(decision) if decision.action == Action::Allow => decision,
                other => return Ok(other),
            };
            allowed = Some(match allowed {
                None => decision,
                Some(mut before) => {
                    before.messages.extend(decision.messages);
                    before.prints.extend(decision.prints);
                    before.warnings.extend(decision.warnings);
                    for failure in decision.failures {
                        if !before.failures.contains(&failure) {
                            before.failures.push(failure);
                        }
                    }
                    add_caps(&mut before.caps, decision.caps);
                    before
                }
            });
        }
        Ok(Outcome::Decided(allowed.unwrap_or_else(crate::check::Decision::allow)))
    }
}

fn add_caps(union: &mut BTreeMap<String, bool>, caps: BTreeMap<String, bool>) {
    for (cap, wanted) in caps {
        *union.entry(cap).or_default() |= wanted;
    }
}
