//! Tests of policies: rules `test_…` in files of their own, loaded together with the policy they test.
//!
//! `documents` is what tests bring along below `data`; `run` runs a test, and `decision` is what the policy says of
//! its input; `host` answers the built-ins that work on a source; `missing` says what an input lacks; `coverage`
//! counts what was reached.

mod coverage;
mod decision;
mod documents;
mod host;
mod missing;
mod run;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use regorus::Value;

use coverage::Points;
pub use coverage::{Coverage, FileCoverage, RuleCoverage};
pub use decision::ShownDecision;
pub use documents::{DocumentError, Documents};
pub use run::{CaseRun, RunOptions, TestRun, TestVerdict};

use super::load::{self, Loaded};
use super::{Diagnostic, LoadError, LoadOptions, Policy, PolicyFile};
use crate::check::Position;
use crate::rego::ast::{Module, Name, Node, Rule};
use crate::rego::compile::InputRef;
use crate::rego::ir::{RuleId, RuleKind};

/// What tests are called.
const PREFIX: &str = "test_";
/// What tests are called that are not run, as OPA has it.
const SKIPPED: &str = "todo_test_";

/// A policy with its tests. Runs share it: nothing in it changes.
pub struct Suite {
    policy: Policy,
    modules: Vec<Module>,
    /// Files of tests, by their index.
    test_files: HashSet<u32>,
    input_refs: Vec<InputRef>,
    documents: Documents,
    /// The documents by paths beside all rules.
    data: Vec<(Vec<Name>, Value)>,
    tests: Vec<Test>,
    points: Points,
}

/// A test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// `test_allows_alpine`
    pub name: String,
    /// `data.docker`
    pub package: String,
    /// Its first definition.
    pub position: Position,
    /// Its name begins with `todo_`, so it is not to be run.
    pub skipped: bool,
    /// It has cases, each with a name of its own.
    pub has_cases: bool,
    rule: RuleId,
    package_path: Vec<Name>,
}

impl Suite {
    /// Loads a policy (it may have no files) with its tests.
    pub fn load(
        options: &LoadOptions,
        tests: &[PolicyFile],
        documents: Documents,
    ) -> Result<Self, LoadError> {
        let Loaded { policy, modules, tests, input_refs } = load::load_with(options, tests, &documents)?;
        let data = documents.beside(&policy.program).map_err(|problem| {
            let position = policy.position(problem.loc);
            let problem = Diagnostic {
                code: problem.code,
                message: problem.message,
                help: Some("rename one of them: a test would see both in one place".to_owned()),
                line: policy.line(&position).map(str::to_owned),
                position,
            };
            LoadError { problems: vec![problem] }
        })?;
        let test_files = tests.iter().map(|module| modules[*module].package_loc.file).collect();
        let mut suite = Self {
            policy,
            modules,
            test_files,
            input_refs,
            documents,
            data,
            tests: Vec::new(),
            points: Points::default(),
        };
        suite.find_tests();
        suite.find_points();
        Ok(suite)
    }

    /// The tests, by name and package.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// The policy and its tests as one.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Names of all its files, imports included, in the order in which they were loaded.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.policy.files.iter().map(super::SourceFile::name).filter(|name| *name != load::HELPERS_NAME)
    }

    fn find_tests(&mut self) {
        let mut found: BTreeMap<RuleId, &[Name]> = BTreeMap::new();
        let program = &self.policy.program;
        for module in self.modules.iter().filter(|m| self.test_files.contains(&m.package_loc.file)) {
            // An object or a string called `test_image` is what tests share.
            let mut is_shared: BTreeMap<&Name, bool> = BTreeMap::new();
            for rule in module.rules.iter().filter(|rule| is_named_as_test(rule)) {
                *is_shared.entry(&rule.name).or_insert(true) &= is_fixture(rule);
            }
            for (name, _) in is_shared.into_iter().filter(|(_, is_shared)| !is_shared) {
                let path: Vec<&str> = module.package.iter().chain([name]).map(|n| &**n).collect();
                let Some(node) = program.node(&path) else { continue };
                found
                    .extend(rules_below(program, node).into_iter().map(|id| (id, module.package.as_slice())));
            }
        }
        let tests = found.into_iter().filter_map(|(id, package)| {
            let rule = &program.rules[id];
            let (name, cases) = rule.path.get(package.len()..)?.split_first()?;
            if matches!(rule.kind, RuleKind::Function(_)) {
                return None;
            }
            Some(Test {
                name: cases.iter().fold(name.to_string(), |name, case| format!("{name}[{case}]")),
                package: format!("data.{}", package.join(".")),
                position: self.policy.position(rule.loc),
                skipped: name.starts_with(SKIPPED),
                has_cases: rule.kind == RuleKind::Object,
                rule: id,
                package_path: package.to_vec(),
            })
        });
        let mut tests: Vec<_> = tests.collect();
        tests.sort_by(|a, b| (&a.name, &a.package).cmp(&(&b.name, &b.package)));
        self.tests = tests;
    }
}

fn is_named_as_test(rule: &Rule) -> bool {
    rule.args.is_none() && (rule.name.starts_with(PREFIX) || rule.name.starts_with(SKIPPED))
}

/// Whether a rule's value is written out, and is no boolean.
fn is_fixture(rule: &Rule) -> bool {
    let values = rule.alternatives.iter().map(|alternative| alternative.value.as_ref());
    let is_data = |value: Option<&crate::rego::ast::Term>| match value.map(|value| &value.node) {
        Some(Node::Scalar(value)) => !matches!(value, Value::Bool(_)),
        Some(node) => matches!(
            node,
            Node::Array(_)
                | Node::Set(_)
                | Node::Object(_)
                | Node::ArrayCompr(..)
                | Node::SetCompr(..)
                | Node::ObjectCompr(..)
        ),
        None => false,
    };
    rule.element.is_none() && rule.keys.is_empty() && values.into_iter().all(is_data)
}

/// The rule at a node, or those below it: `test_x` may be given case by case.
fn rules_below(program: &crate::rego::ir::Program, node: usize) -> Vec<RuleId> {
    let mut rules = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        rules.extend(program.tree[node].rule);
        open.extend(program.tree[node].children.values());
    }
    rules
}

/// The name of a package's module as a user writes it.
pub fn package_of(text: &str) -> Option<Vec<String>> {
    let module = crate::rego::parser::parse(text, 0).ok()?;
    Some(module.package.iter().map(ToString::to_string).collect())
}

/// The packages and rules that a file imports, each as a path below `data`; nothing for a file that can't be parsed.
pub fn imports_of(text: &str) -> Vec<Vec<String>> {
    let Ok(module) = crate::rego::parser::parse(text, 0) else { return Vec::new() };
    let imports = module.imports.iter().filter(|import| &*import.path[0] == "data");
    imports.map(|import| import.path[1..].iter().map(ToString::to_string).collect()).collect()
}
