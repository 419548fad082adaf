//! Which lines and rules of a policy its tests reach.

use std::collections::{BTreeMap, HashMap};

use super::super::load::HELPERS_NAME;
use super::{Suite, TestRun};
use crate::rego::ast::Loc;
use crate::rego::ir::{Alternative, Expr, Replacement, Stmt, StmtKind, TemplatePart};

/// How often lines and rules were reached, by file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By the file's name.
    pub files: BTreeMap<String, FileCoverage>,
}

/// How often a file's lines and rules were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// For each line on which a rule or a statement begins: how many tests tried that, or saw the rule hold.
    pub lines: BTreeMap<u32, u64>,
    /// For each definition of a rule (an `else` is one of its own), by line and column.
    pub rules: BTreeMap<(u32, u32), RuleCoverage>,
}

/// How often a definition of a rule held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCoverage {
    /// `data.docker.allow`
    pub name: String,
    /// How many tests saw it hold.
    pub held: u64,
}

/// What in a policy can be reached.
#[derive(Debug, Default)]
pub(super) struct Points {
    statements: HashMap<Loc, (u32, u32)>,
    rules: HashMap<Loc, (u32, u32, u32)>,
    empty: Coverage,
    /// File names by index.
    names: Vec<String>,
}

impl Coverage {
    /// Adds what was counted elsewhere, of the same files or others.
    pub fn add(&mut self, other: Self) {
        for (name, file) in other.files {
            let into = self.files.entry(name).or_default();
            for (line, hits) in file.lines {
                *into.lines.entry(line).or_default() += hits;
            }
            for (at, rule) in file.rules {
                let held = rule.held;
                into.rules.entry(at).or_insert(RuleCoverage { held: 0, ..rule }).held += held;
            }
        }
    }
}

impl Suite {
    /// What can be reached, and nothing was yet.
    pub fn coverage(&self) -> Coverage {
        self.points.empty.clone()
    }

    /// Counts what a test reached.
    pub fn count(&self, run: &TestRun, coverage: &mut Coverage) {
        let points = &self.points;
        let mut lines: Vec<(u32, u32)> = Vec::new();
        lines.extend(run.reached.iter().filter_map(|loc| points.statements.get(loc)));
        for (file, line, column) in run.held.iter().filter_map(|loc| points.rules.get(loc)) {
            lines.push((*file, *line));
            let file = points.names.get(*file as usize).and_then(|name| coverage.files.get_mut(name));
            if let Some(rule) = file.and_then(|file| file.rules.get_mut(&(*line, *column))) {
                rule.held += 1;
            }
        }
        lines.sort_unstable();
        lines.dedup();
        for (file, line) in lines {
            let file = points.names.get(file as usize).and_then(|name| coverage.files.get_mut(name));
            if let Some(hits) = file.and_then(|file| file.lines.get_mut(&line)) {
                *hits += 1;
            }
        }
    }

    pub(super) fn find_points(&mut self) {
        let names = self.policy.files.iter().map(|file| file.name().to_owned()).collect();
        let mut points = Points { names, ..Points::default() };
        let rules = &self.policy.program.rules;
        for rule in rules {
            for alternative in rule.clauses.iter().chain(&rule.default).flat_map(|c| &c.alternatives) {
                let file = alternative.loc.file;
                let is_ours = points.names.get(file as usize).is_some_and(|name| name == HELPERS_NAME);
                if is_ours || self.test_files.contains(&file) {
                    continue;
                }
                let position = self.policy.position(alternative.loc);
                let covered = points.empty.files.entry(position.file).or_default();
                let held = RuleCoverage { name: rule.name(), held: 0 };
                covered.rules.insert((position.line, position.column), held);
                covered.lines.insert(position.line, 0);
                points.rules.insert(alternative.loc, (file, position.line, position.column));
                let mut statements = Vec::new();
                of_alternative(alternative, &mut statements);
                for loc in statements {
                    let line = self.policy.position(loc).line;
                    covered.lines.insert(line, 0);
                    points.statements.insert(loc, (file, line));
                }
            }
        }
        self.points = points;
    }
}

fn of_alternative(alternative: &Alternative, found: &mut Vec<Loc>) {
    of_body(&alternative.body, found);
    alternative.keys.iter().chain([&alternative.value]).for_each(|expr| of_expr(expr, found));
}

fn of_body(body: &[Stmt], found: &mut Vec<Loc>) {
    stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || {
        for stmt in body {
            found.push(stmt.loc);
            match &stmt.kind {
                StmtKind::Test(expr) | StmtKind::Match(_, expr) | StmtKind::Scan { domain: expr, .. } => {
                    of_expr(expr, found);
                }
                StmtKind::Not(body) => of_body(body, found),
                StmtKind::Every { domain, body, .. } => {
                    of_expr(domain, found);
                    of_body(body, found);
                }
                StmtKind::With { replacements, body } => {
                    for replacement in replacements {
                        match replacement {
                            Replacement::Input { value, .. }
                            | Replacement::Data { value, .. }
                            | Replacement::FunctionByValue { value, .. } => of_expr(value, found),
                            Replacement::FunctionByFunction { .. } => {}
                        }
                    }
                    of_body(body, found);
                }
                StmtKind::Print(exprs) | StmtKind::Case(exprs) => {
                    exprs.iter().for_each(|expr| of_expr(expr, found));
                }
            }
        }
    });
}

/// Statements inside of comprehensions.
fn of_expr(expr: &Expr, found: &mut Vec<Loc>) {
    stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || match expr {
        Expr::Const(_) | Expr::Local(_) | Expr::Input(..) | Expr::Rule(_) | Expr::Tree(_) | Expr::Data(_) => {
        }
        Expr::Get(_, base, keys) => {
            of_expr(base, found);
            keys.iter().for_each(|key| of_expr(key, found));
        }
        Expr::Call(_, _, exprs) | Expr::Array(exprs) | Expr::Set(exprs) => {
            exprs.iter().for_each(|expr| of_expr(expr, found));
        }
        Expr::Equal { left, right, .. } | Expr::Order(_, left, right) => {
            of_expr(left, found);
            of_expr(right, found);
        }
        Expr::Member { key, value, domain } => {
            key.iter().chain([value, domain]).for_each(|expr| of_expr(expr, found));
        }
        Expr::Object(_, fields) => fields.iter().for_each(|(key, value)| {
            of_expr(key, found);
            of_expr(value, found);
        }),
        Expr::Comprehension(_, comprehension) => {
            of_body(&comprehension.body, found);
            comprehension.key.iter().chain([&comprehension.value]).for_each(|expr| of_expr(expr, found));
        }
        Expr::Template(parts) => parts.iter().for_each(|part| {
            if let TemplatePart::Expr(expr) = part {
                of_expr(expr, found);
            }
        }),
    });
}
