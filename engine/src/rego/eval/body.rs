//! Bodies: going through solutions.

use regorus::Value;

use super::super::ir::{Expr, Pattern, Stmt, StmtKind};
use super::super::unknown;
use super::pattern::Fit;
use super::{Evaluation, Flow, Printed, RED_ZONE, Result, STACK_SEGMENT};

/// Called for each solution of a body; with what is unknown about it, if anything is.
pub(super) type Then<'k, 'p> = &'k mut dyn FnMut(&mut Evaluation<'p>, Option<Value>) -> Result<Flow>;

/// What a statement comes to.
enum Outcome {
    Holds,
    Fails,
    Unknown(Value),
}

impl<'p> Evaluation<'p> {
    /// Calls `then` for each solution of `stmts`.
    pub(super) fn solve(
        &mut self,
        stmts: &'p [Stmt],
        unknown: Option<Value>,
        then: Then<'_, 'p>,
    ) -> Result<Flow> {
        let mut pending = unknown;
        for (index, stmt) in stmts.iter().enumerate() {
            self.step(stmt.loc)?;
            if let Some(record) = &mut self.record {
                record.reached.insert(stmt.loc);
            }
            self.tried(stmt);
            let rest = &stmts[index + 1..];
            let outcome = match &stmt.kind {
                StmtKind::Test(expr) => truth(self.eval(expr)?),
                StmtKind::Match(pattern, expr) => self.fits(pattern, expr)?,
                StmtKind::Not(body) => self.negation(body)?,
                StmtKind::Every { domain, key, value, body } => self.every(domain, key, value, body)?,
                StmtKind::Print(args) => {
                    let (text, unresolved) = self.printed(args)?;
                    if let Some(why) = unresolved {
                        self.meet_uncertain(&why, stmt.traits.may_fail);
                    }
                    // Behind what is unresolved nobody knows whether it comes to this.
                    if pending.is_none() {
                        self.prints.push(Printed { loc: stmt.loc, text });
                    }
                    Outcome::Holds
                }
                StmtKind::With { .. } => return self.with(stmt, rest, pending, then),
                StmtKind::Case(keys) => return self.case(stmt.loc, keys, rest, pending, then),
                StmtKind::Scan { domain, key, value } => {
                    let domain = self.eval(domain)?;
                    match self.unknown_elements(&domain) {
                        Some(unknown) => Outcome::Unknown(unknown),
                        None => return self.scan(stmt, &domain, (key, value), rest, pending.as_ref(), then),
                    }
                }
            };
            match outcome {
                Outcome::Holds => {}
                Outcome::Fails => {
                    self.failed(stmt);
                    return Ok(Flow::Continue);
                }
                Outcome::Unknown(value) => {
                    self.meet_uncertain(&value, stmt.traits.may_fail);
                    unknown::add(&mut pending, &value);
                    let affected = if stmt.traits.may_fail { &stmts[index..] } else { &stmts[index..=index] };
                    for slot in affected.iter().flat_map(|stmt| &stmt.binds) {
                        self.set(*slot, value.clone());
                    }
                    if stmt.traits.may_fail {
                        break;
                    }
                }
            }
        }
        then(self, pending)
    }

    /// Whether `stmts` have a solution: `Holds` at the first.
    fn any_solution(&mut self, stmts: &'p [Stmt]) -> Result<Outcome> {
        let mut found = false;
        let mut unknown = None;
        let pins = self.open_pins.len();
        self.attempt.inner += 1;
        self.solve(stmts, None, &mut |_, pending| {
            match pending {
                None => {
                    found = true;
                    return Ok(Flow::Stop);
                }
                Some(value) => unknown::add(&mut unknown, &value),
            }
            Ok(Flow::Continue)
        })?;
        self.attempt.inner -= 1;
        if !found {
            self.open_pins.truncate(pins);
        }
        Ok(match unknown {
            _ if found => Outcome::Holds,
            None => Outcome::Fails,
            Some(value) => Outcome::Unknown(value),
        })
    }

    fn negation(&mut self, body: &'p [Stmt]) -> Result<Outcome> {
        Ok(match self.any_solution(body)? {
            Outcome::Holds => Outcome::Fails,
            Outcome::Fails => Outcome::Holds,
            unknown @ Outcome::Unknown(_) => unknown,
        })
    }

    fn every(
        &mut self,
        domain: &'p Expr,
        key: &'p Pattern,
        value: &'p Pattern,
        body: &'p [Stmt],
    ) -> Result<Outcome> {
        let domain = self.eval(domain)?;
        if let Some(unknown) = self.unknown_elements(&domain) {
            return Ok(Outcome::Unknown(unknown));
        }
        if !matches!(domain, Value::Array(_) | Value::Object(_) | Value::Set(_)) {
            return Ok(Outcome::Fails);
        }
        let may_fail = body.iter().any(|stmt| stmt.traits.may_fail);
        let mut unknown = None;
        for (k, v) in elements(&domain) {
            self.bind_variable(key, k);
            self.bind_variable(value, v);
            match self.any_solution(body)? {
                Outcome::Holds => {}
                Outcome::Fails => return Ok(Outcome::Fails),
                Outcome::Unknown(value) => {
                    unknown::add(&mut unknown, &value);
                    if may_fail {
                        break;
                    }
                }
            }
        }
        Ok(unknown.map_or(Outcome::Holds, Outcome::Unknown))
    }

    /// Binds one of `every`'s variables. An unknown element is a value like any other here.
    fn bind_variable(&mut self, pattern: &Pattern, value: Value) {
        if let Pattern::Bind(slot) = pattern {
            self.set(*slot, value);
        }
    }

    fn scan(
        &mut self,
        stmt: &'p Stmt,
        domain: &Value,
        (key, value): (&'p Pattern, &'p Pattern),
        rest: &'p [Stmt],
        pending: Option<&Value>,
        then: Then<'_, 'p>,
    ) -> Result<Flow> {
        let (loc, may_fail) = (stmt.loc, stmt.traits.may_fail);
        let pins = self.open_pins.len();
        for (k, v) in elements(domain) {
            self.step(loc)?;
            let mut unknown = pending.cloned();
            let mut fits = true;
            for (pattern, part) in [(key, &k), (value, &v)] {
                match self.fit(pattern, part)? {
                    Fit::Yes => {}
                    Fit::No => fits = false,
                    Fit::Unknown(why) => {
                        self.meet_uncertain(&why, may_fail);
                        unknown::add(&mut unknown, &why);
                    }
                }
            }
            if fits {
                let flow =
                    stacker::maybe_grow(RED_ZONE, STACK_SEGMENT, || self.solve(rest, unknown, &mut *then))?;
                if flow == Flow::Stop {
                    return Ok(flow);
                }
            }
            self.open_pins.truncate(pins);
        }
        self.failed(stmt);
        Ok(Flow::Continue)
    }

    fn with(
        &mut self,
        stmt: &'p Stmt,
        rest: &'p [Stmt],
        pending: Option<Value>,
        then: Then<'_, 'p>,
    ) -> Result<Flow> {
        let StmtKind::With { replacements, body } = &stmt.kind else { return Ok(Flow::Continue) };
        let mut inner = self.replaced()?;
        let mut pending = pending;
        for replacement in replacements {
            match self.replace(&mut inner, replacement)? {
                None => {}
                Some(Value::Undefined) => {
                    self.failed(stmt);
                    return Ok(Flow::Continue);
                }
                Some(unknown) => {
                    self.meet_uncertain(&unknown, stmt.traits.may_fail);
                    unknown::add(&mut pending, &unknown);
                    let affected = if stmt.traits.may_fail { rest } else { &[] };
                    for slot in stmt.binds.iter().chain(affected.iter().flat_map(|stmt| &stmt.binds)) {
                        self.set(*slot, unknown.clone());
                    }
                    return if stmt.traits.may_fail {
                        then(self, pending)
                    } else {
                        self.solve(rest, pending, then)
                    };
                }
            }
        }
        if let Some(record) = &mut self.record {
            record.replaced(stmt.loc, &inner);
        }
        // `other` holds whichever context is not in force.
        let mut other = std::mem::replace(&mut self.context, inner);
        let flow = self.solve(body, pending, &mut |this, pending| {
            std::mem::swap(&mut this.context, &mut other);
            let flow = match pending {
                Some(why) if stmt.traits.may_fail => {
                    this.meet_uncertain(&why, true);
                    for slot in rest.iter().flat_map(|stmt| &stmt.binds) {
                        this.set(*slot, why.clone());
                    }
                    then(this, Some(why))
                }
                pending => this.solve(rest, pending, &mut *then),
            };
            std::mem::swap(&mut this.context, &mut other);
            flow
        });
        self.context = other;
        flow
    }

    fn fits(&mut self, pattern: &'p Pattern, expr: &'p Expr) -> Result<Outcome> {
        let value = self.eval(expr)?;
        if value == Value::Undefined {
            return Ok(Outcome::Fails);
        }
        if unknown::is_unknown(&value) {
            return Ok(Outcome::Unknown(value));
        }
        Ok(match self.fit(pattern, &value)? {
            Fit::Yes => Outcome::Holds,
            Fit::No => Outcome::Fails,
            Fit::Unknown(why) => Outcome::Unknown(why),
        })
    }

    /// Why the elements of a domain are not all known.
    fn unknown_elements(&self, domain: &Value) -> Option<Value> {
        if !self.has_unknown {
            return None;
        }
        if unknown::is_unknown(domain) { Some(domain.clone()) } else { unknown::in_fields(domain) }
    }

    /// What is printed, as far as it is known, and what of it is not.
    fn printed(&mut self, args: &'p [Expr]) -> Result<(String, Option<Value>)> {
        let mut texts = Vec::new();
        let mut unresolved = None;
        for arg in args {
            let values = self.eval(arg)?;
            if unknown::is_unknown(&values) {
                unknown::add(&mut unresolved, &values);
            }
            texts.push(match &values {
                value if unknown::is_unknown(value) => "<unresolved>".to_owned(),
                Value::Array(items) => match items.first() {
                    Some(value) => crate::builtins::term_text(&unknown::without(value)),
                    None => "<undefined>".to_owned(),
                },
                _ => "<undefined>".to_owned(),
            });
        }
        Ok((texts.join(" "), unresolved))
    }
}

fn truth(value: Value) -> Outcome {
    match value {
        Value::Undefined | Value::Bool(false) => Outcome::Fails,
        value if unknown::is_unknown(&value) => Outcome::Unknown(value),
        _ => Outcome::Holds,
    }
}

/// Keys and values of a collection; a set's elements are their own keys. Nothing for anything else.
pub(super) fn elements(domain: &Value) -> Box<dyn Iterator<Item = (Value, Value)> + '_> {
    match domain {
        Value::Array(items) => {
            Box::new(items.iter().enumerate().map(|(i, item)| (Value::from(i), item.clone())))
        }
        Value::Object(fields) => Box::new(fields.iter().map(|(k, v)| (k.clone(), v.clone()))),
        Value::Set(items) => Box::new(items.iter().map(|item| (item.clone(), item.clone()))),
        _ => Box::new(std::iter::empty()),
    }
}
