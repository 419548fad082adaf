//! Where a body failed, and what the statement that failed had read: for a user who asks why.
//!
//! Bodies backtrack: `some x in xs; f(x)` fails once for each element, and in the end for want of elements. What a user
//! wants to know is how far the body got, so the failure that counts is that of the statement reached last, not the
//! failure that came last.

use regorus::Value;

use super::super::ast::{Loc, Name};
use super::super::ir::{Comprehension, Expr, Pattern, Replacement, RuleId, Stmt, StmtKind, TemplatePart};
use super::super::unknown;
use super::{Evaluation, Event};

/// Values that are remembered of one statement.
const MAX_READ: usize = 20;

/// Something that a statement names: a property, a variable, a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    /// `input.image.host`, `sig.kind`, `hosts`.
    pub(crate) name: String,
    /// `None` where it has no value.
    pub(crate) value: Option<Value>,
    /// The first step on the way to it that leads nowhere, where it is not the last: `input.image`.
    pub(crate) missing: Option<String>,
}

/// How far the body got that is being tried.
#[derive(Debug, Default)]
pub(super) struct Attempt<'p> {
    /// Statements of the body in the order in which they were reached.
    reached: Vec<Loc>,
    /// The statement that failed, of those reached the last.
    pub(super) at: Loc,
    /// How often it did.
    pub(super) tries: usize,
    /// What it read the last time.
    pub(super) read: Vec<Read>,
    /// Bodies inside of a statement that are being tried: their failures are not those of this body.
    pub(super) inner: usize,
    /// Names of the clause's variables, by slot, and the rule that it is one of.
    pub(super) names: &'p [Name],
    pub(super) rule: RuleId,
}

impl<'p> Attempt<'p> {
    /// One that begins. `at` is where it failed if no statement is to blame.
    pub(super) fn new(at: Loc, names: &'p [Name], rule: RuleId) -> Self {
        Self { at, names, rule, ..Self::default() }
    }

    /// Takes over where another attempt failed.
    pub(super) fn copy_failure(&mut self, other: Self) {
        (self.at, self.tries, self.read) = (other.at, other.tries, other.read);
    }
}

impl<'p> Evaluation<'p> {
    /// Notes that a statement is tried.
    pub(super) fn tried(&mut self, stmt: &Stmt) {
        let attempt = &mut self.attempt;
        if self.events.is_some() && attempt.inner == 0 && !attempt.reached.contains(&stmt.loc) {
            attempt.reached.push(stmt.loc);
        }
    }

    /// Notes that a statement had no solution.
    pub(super) fn failed(&mut self, stmt: &'p Stmt) {
        if self.events.is_none() || self.attempt.inner > 0 {
            return;
        }
        let place = |loc: Loc| self.attempt.reached.iter().position(|reached| *reached == loc);
        if place(stmt.loc) < place(self.attempt.at) {
            return;
        }
        let tries = if self.attempt.at == stmt.loc { self.attempt.tries + 1 } else { 1 };
        let read = self.read_by(stmt);
        self.attempt.tries = tries;
        self.attempt.at = stmt.loc;
        self.attempt.read = read;
    }

    /// Notes a clause that the index has ruled out: `stmt` is a comparison that fails.
    pub(super) fn ruled_out(&mut self, rule: RuleId, loc: Loc, stmt: &'p Stmt) {
        let read = self.read_by(stmt);
        self.note(|| Event::Failed { rule, loc, at: stmt.loc, tries: 1, read });
    }

    fn read_by(&self, stmt: &'p Stmt) -> Vec<Read> {
        let mut read = Vec::new();
        self.of_statement(stmt, true, &mut read);
        read
    }

    /// `own` is whether variables have the values that the statement saw: not those inside of a closure.
    fn of_statement(&self, stmt: &'p Stmt, own: bool, read: &mut Vec<Read>) {
        match &stmt.kind {
            StmtKind::Test(expr) => self.of(expr, own, read),
            StmtKind::Match(pattern, expr) => {
                self.of_pattern(pattern, own, read);
                self.of(expr, own, read);
            }
            StmtKind::Scan { domain, .. } => self.of(domain, own, read),
            StmtKind::Not(body) => body.iter().for_each(|stmt| self.of_statement(stmt, own, read)),
            StmtKind::Every { domain, key, value, body } => {
                for pattern in [key, value] {
                    if let Pattern::Bind(slot) = pattern {
                        self.of(&Expr::Local(*slot), own, read);
                    }
                }
                self.of(domain, own, read);
                body.iter().for_each(|stmt| self.of_statement(stmt, own, read));
            }
            StmtKind::With { replacements, body } => {
                for replacement in replacements {
                    if let Replacement::Input { value, .. } | Replacement::Data { value, .. } = replacement {
                        self.of(value, own, read);
                    }
                }
                body.iter().for_each(|stmt| self.of_statement(stmt, own, read));
            }
            StmtKind::Print(_) | StmtKind::Case(_) => {}
        }
    }

    fn of_pattern(&self, pattern: &Pattern, own: bool, read: &mut Vec<Read>) {
        match pattern {
            Pattern::Bind(_) | Pattern::Any => {}
            Pattern::Equal(expr) => self.of(expr, own, read),
            Pattern::Array(items) => items.iter().for_each(|item| self.of_pattern(item, own, read)),
            Pattern::Object(fields) => fields.iter().for_each(|(_, value)| self.of_pattern(value, own, read)),
        }
    }

    /// Adds what `expr` names, outer things first.
    fn of(&self, expr: &Expr, own: bool, read: &mut Vec<Read>) {
        if read.len() >= MAX_READ {
            return;
        }
        match expr {
            Expr::Const(_) | Expr::Data(_) | Expr::Tree(_) => {}
            Expr::Input(..) | Expr::Local(_) | Expr::Rule(_) | Expr::Get(..) => {
                match self.reference(expr, own) {
                    Some(found) => {
                        if found.name != "input" && !read.contains(&found) {
                            read.push(found);
                        }
                    }
                    None => {
                        if let Expr::Get(_, base, keys) = expr {
                            self.of(base, own, read);
                            keys.iter().for_each(|key| self.of(key, own, read));
                        }
                    }
                }
            }
            Expr::Call(_, _, args) => args.iter().for_each(|arg| self.of(arg, own, read)),
            Expr::Equal { left, right, .. } | Expr::Order(_, left, right) => {
                self.of(left, own, read);
                self.of(right, own, read);
            }
            Expr::Member { key, value, domain } => {
                key.iter().chain([value, domain]).for_each(|part| self.of(part, own, read));
            }
            Expr::Array(items) | Expr::Set(items) => items.iter().for_each(|item| self.of(item, own, read)),
            Expr::Object(_, fields) => fields.iter().for_each(|(key, value)| {
                self.of(key, own, read);
                self.of(value, own, read);
            }),
            Expr::Comprehension(_, comprehension) => {
                let Comprehension { body, .. } = &**comprehension;
                body.iter().for_each(|stmt| self.of_closure(stmt, read));
            }
            Expr::Template(parts) => {
                for part in parts {
                    if let TemplatePart::Expr(expr) = part {
                        self.of(expr, own, read);
                    }
                }
            }
        }
    }

    /// What a statement of a closure names and does not bind: domains alone.
    fn of_closure(&self, stmt: &Stmt, read: &mut Vec<Read>) {
        if let StmtKind::Scan { domain, .. } = &stmt.kind {
            self.of(domain, false, read);
        }
    }

    /// A reference with constant keys, and its value; `None` where that is not known or not known any more.
    fn reference(&self, expr: &Expr, own: bool) -> Option<Read> {
        let (head, value, keys) = self.head(expr, own)?;
        let (mut name, mut value, mut missing) = (head, value, None);
        for (index, key) in keys.iter().enumerate() {
            let next = value.as_ref().and_then(|value| super::data::descend(value, [key.clone()]).cloned());
            push_key(&mut name, key);
            if next.is_none() && value.is_some() && index + 1 < keys.len() {
                missing = Some(name.clone());
            }
            value = next;
        }
        let value = value.filter(|value| *value != Value::Undefined);
        // What nobody has looked up is told by `Asked`.
        if value.as_ref().is_some_and(|value| unknown::inside(value).is_some()) {
            return None;
        }
        Some(Read { name, value, missing })
    }

    /// Where a reference begins, the value there, and the keys that follow.
    fn head(&self, expr: &Expr, own: bool) -> Option<(String, Option<Value>, Vec<Value>)> {
        match expr {
            Expr::Input(..) if self.context.input == Value::Undefined => None,
            Expr::Input(_, path) => {
                Some(("input".to_owned(), Some(self.context.input.clone()), path.clone()))
            }
            Expr::Local(slot) if own => {
                let name = self.attempt.names.get(*slot)?;
                let name = if name.starts_with('\0') { "[_]" } else { &**name };
                let value = self.stack.get(self.base + slot).filter(|value| **value != Value::Undefined)?;
                (name != "_").then(|| (name.to_owned(), Some(value.clone()), Vec::new()))
            }
            Expr::Rule(rule) => {
                let value = self.context.memo.get(*rule)?.as_ref()?.value.clone();
                Some((
                    self.rule_name(*rule),
                    Some(value).filter(|value| *value != Value::Undefined),
                    Vec::new(),
                ))
            }
            Expr::Get(_, base, keys) => {
                let (name, value, mut path) = self.head(base, own)?;
                for key in keys {
                    path.push(match key {
                        Expr::Const(key) => key.clone(),
                        Expr::Local(slot) if own => {
                            self.stack.get(self.base + slot).filter(|key| **key != Value::Undefined)?.clone()
                        }
                        _ => return None,
                    });
                }
                Some((name, value, path))
            }
            _ => None,
        }
    }

    /// As the rule that is being tried may call it: without the package that both are in.
    fn rule_name(&self, rule: RuleId) -> String {
        let package = |rule: RuleId| {
            let path = &self.program.rules[rule].path;
            path.split_last().map_or(&[][..], |(_, package)| package)
        };
        let rules = &self.program.rules;
        match rules[rule].path.last() {
            Some(name) if package(rule) == package(self.attempt.rule) => name.to_string(),
            _ => rules[rule].name(),
        }
    }
}

/// `.host`, or `["a.b"]`, or `[0]`.
fn push_key(name: &mut String, key: &Value) {
    match key {
        Value::String(key) if is_name(key) => {
            name.push('.');
            name.push_str(key);
        }
        Value::String(key) => *name = format!("{name}[{key:?}]"),
        key => *name = format!("{name}[{key}]"),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
