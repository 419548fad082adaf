//! How tests went: a model without credentials, and its forms.

pub mod coverage;
pub mod human;
pub mod json;
pub mod junit;
mod mocks;
mod order;

use policy_engine::check::Position as EnginePosition;
use policy_engine::policy::suite::{CaseRun, Coverage, ShownDecision, Suite, TestRun, TestVerdict};
use policy_engine::policy::{Diagnostic, ExplanationEvent, PolicyError};
use schemars::JsonSchema;
use serde::Serialize;

pub use self::coverage::CoverageReport;
use super::{LoadedSuite, Outcome};
use crate::redact;
use crate::report::explanation::Event;

/// How the tests of one run went: version 1. Fields are only ever added; whatever else changes gets a new version.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename = "PolicyTestReport", rename_all = "camelCase")]
pub struct Report {
    /// 1.
    pub version: u32,
    /// How many there are.
    pub summary: Summary,
    /// Policies with their tests, by folder and policy.
    pub suites: Vec<SuiteReport>,
    /// What the tests reached, where that was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<CoverageReport>,
}

/// Counts of tests; each case of a parametrized one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All that were run.
    pub tests: usize,
    /// Those that are true.
    pub passed: usize,
    /// Those that are not.
    pub failed: usize,
    /// Those that could not be evaluated.
    pub errors: usize,
    /// Those that are put off (`todo_test_…`).
    pub skipped: usize,
    /// Policies that don't load, so that their tests were not run.
    pub not_loaded: usize,
}

/// A policy with its tests.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuiteReport {
    /// The policy's file, and the folder of the tests where that is another.
    pub name: String,
    /// The policy's file, unless the tests import all that they test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The files of the tests.
    pub files: Vec<String>,
    /// Why it doesn't load; then no test was run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Tests and cases, by name.
    pub tests: Vec<TestReport>,
    /// Names of tests that are put off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// Stable, kebab-case.
    pub code: String,
    /// In words.
    pub message: String,
    /// Where.
    pub position: Position,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Position {
    /// As it was loaded.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The line itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is true.
    Passed,
    /// It is not.
    Failed,
    /// It could not be evaluated.
    Error,
}

/// A test, or a case of one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestReport {
    /// `test_hosts`, `test_hosts[docker.io]`
    pub name: String,
    /// `data.docker`
    pub package: String,
    /// How it ended.
    pub verdict: Verdict,
    /// The test.
    pub position: Position,
    /// Why it failed, beyond what `failedAt` says; or the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A stable name for the kind of error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The statements that had no solution, or where the error is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_at: Vec<Position>,
    /// What the policy decides about the test's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The input that the test put in force last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
    /// Properties that the policy reads somewhere and the input has not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_input: Vec<String>,
    /// Of which documents something would be looked up for a build.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metadata_resolve: Vec<String>,
    /// What `print` said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prints: Vec<String>,
    /// What may be the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
    /// What is odd about it, passed or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What happened, for `--explain`.
    #[serde(skip)]
    pub events: Vec<Event>,
}

/// A decision as far as it can be shown.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Decision {
    /// `allow`, when it is a boolean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// The messages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_msg: Vec<String>,
    /// The capabilities.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub caps: std::collections::BTreeMap<String, bool>,
}

impl Report {
    /// Of what was run. `coverage` is what the tests reached, where that was wanted.
    pub fn new(suites: &[LoadedSuite], outcomes: &[Outcome], coverage: Option<Coverage>) -> Self {
        let suites: Vec<_> =
            suites.iter().zip(outcomes).map(|(suite, runs)| SuiteReport::new(suite, runs)).collect();
        let mut summary = Summary::default();
        for suite in &suites {
            summary.not_loaded += usize::from(!suite.problems.is_empty());
            summary.skipped += suite.skipped.len();
            for test in &suite.tests {
                summary.tests += 1;
                match test.verdict {
                    Verdict::Passed => summary.passed += 1,
                    Verdict::Failed => summary.failed += 1,
                    Verdict::Error => summary.errors += 1,
                }
            }
        }
        Self { version: 1, summary, suites, coverage: coverage.map(CoverageReport::from) }
    }
}

impl SuiteReport {
    fn new(loaded: &LoadedSuite, runs: &Outcome) -> Self {
        let mut tests = Vec::new();
        let mut problems = Vec::new();
        match &loaded.suite {
            Ok(suite) => {
                for (test, run) in loaded.tests().zip(runs) {
                    let position = position(suite, &test.position);
                    let cases = run.cases.iter();
                    tests.extend(
                        cases.map(|case| TestReport::new(suite, &test.package, &position, run, case)),
                    );
                }
            }
            Err(error) => problems.extend(error.problems.iter().map(Problem::from)),
        }
        Self {
            name: loaded.name.clone(),
            policy: loaded.policy.clone(),
            files: loaded.files.clone(),
            problems,
            tests,
            skipped: loaded.skipped().map(|test| test.name.clone()).collect(),
        }
    }
}

impl TestReport {
    fn new(suite: &Suite, package: &str, at: &Position, run: &TestRun, case: &CaseRun) -> Self {
        let mut failed_at: Vec<Position> = case.failed_at.iter().map(|at| position(suite, at)).collect();
        let (verdict, message, code) = match &case.verdict {
            TestVerdict::Passed => (Verdict::Passed, None, None),
            TestVerdict::Failed(reason) => (Verdict::Failed, reason.clone(), None),
            TestVerdict::Error(error) => {
                let (at, code, message) = parts(error);
                failed_at.extend(at.map(|at| position(suite, at)));
                (Verdict::Error, Some(message), Some(code.to_owned()))
            }
        };
        let failed = verdict != Verdict::Passed;
        let mocks = run.unverified.iter().map(|name| {
            format!("`{name}` verifies nothing in a mocked input: mock it with `with {name} as …`")
        });
        let undefined = case.explanation.events.iter().filter_map(|event| match event {
            ExplanationEvent::Undefined { message, position } => {
                Some(redact::url(&format!("undefined at {position}: {message}")))
            }
            _ => None,
        });
        let unmocked = case.failed_unmocked.then(|| {
            "no input is in force there: `with input as …` holds for its own statement alone".to_owned()
        });
        let captured = (code.as_deref() == Some("unresolved"))
            .then(|| "capture the snapshot again with a policy that reads it".to_owned());
        let mocks = unmocked.into_iter().chain(captured).chain(mocks);
        let mut hints: Vec<String> = if failed { mocks.chain(undefined).collect() } else { Vec::new() };
        hints.dedup();
        Self {
            name: redact::url(&case.name),
            package: package.to_owned(),
            verdict,
            position: at.clone(),
            message: message.map(|message| redact::url(&message)),
            code,
            failed_at,
            decision: case.decision.as_ref().map(Decision::from),
            input: case.input.clone().map(order::as_in_schema).map(redacted),
            missing_input: case.missing_input.clone(),
            metadata_resolve: case.metadata_resolve.clone(),
            prints: case.prints.iter().map(|p| redact::url(&format!("{}: {}", p.position, p.text))).collect(),
            hints,
            warnings: case.input.as_ref().map(mocks::impossible).unwrap_or_default(),
            events: case.explanation.events.iter().filter_map(Event::new).collect(),
        }
    }
}

fn parts(error: &PolicyError) -> (Option<&EnginePosition>, &str, String) {
    match error {
        PolicyError::Evaluation { position, code, message } => (Some(position), code, message.clone()),
        error => (None, "policy-error", error.to_string()),
    }
}

fn position(suite: &Suite, at: &EnginePosition) -> Position {
    let text = suite.policy().line(at).map(redact::url);
    Position { file: at.file.clone(), line: at.line, column: at.column, text }
}

impl From<&Diagnostic> for Problem {
    fn from(problem: &Diagnostic) -> Self {
        let EnginePosition { file, line, column } = problem.position.clone();
        let text = problem.line.as_deref().map(redact::url);
        let position = Position { file, line, column, text };
        Self { code: problem.code.to_owned(), message: problem.message.clone(), position }
    }
}

impl From<&ShownDecision> for Decision {
    fn from(decision: &ShownDecision) -> Self {
        Self {
            allow: decision.allow,
            deny_msg: decision.deny_msg.iter().map(|message| redact::url(message)).collect(),
            caps: decision.caps.clone(),
        }
    }
}

fn redacted(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(redact::url(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(redacted).collect()),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, redacted(value))).collect())
        }
        other => other,
    }
}
