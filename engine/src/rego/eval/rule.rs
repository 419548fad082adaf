//! Rules: their values, once per evaluation.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;

use super::super::ast::Loc;
use super::super::ir::{Alternative, Clause, Rule, RuleId, RuleKind};
use super::super::unknown;
use super::attempt::Attempt;
use super::pattern::Fit;
use super::{Evaluation, Event, Failure, Flow, MAX_RULE_DEPTH, Memo, RED_ZONE, Result, STACK_SEGMENT, size};

/// Called for each value that a body gives; what is unknown goes to the last argument.
type Each<'k, 'p> = &'k mut dyn FnMut(&mut Evaluation<'p>, Value, &mut Option<Value>) -> Result<Flow>;

/// What the clauses of a rule or function came to so far.
#[derive(Default)]
struct Found {
    value: Option<(Value, Loc)>,
    unknown: Option<Value>,
}

/// What an object rule has at some keys.
enum Entry {
    Value(Value),
    /// Of `contains`.
    Elements(BTreeSet<Value>),
    /// More keys follow.
    Fields(BTreeMap<Value, Entry>),
}

impl Entry {
    fn into_value(self) -> Value {
        match self {
            Self::Value(value) => value,
            Self::Elements(elements) => Value::from(elements),
            Self::Fields(fields) => {
                Value::from(fields.into_iter().map(|(k, v)| (k, v.into_value())).collect::<BTreeMap<_, _>>())
            }
        }
    }
}

impl<'p> Evaluation<'p> {
    /// The value of a rule that is no function.
    pub(super) fn rule_value(&mut self, id: RuleId) -> Result<Value> {
        if let Some(memo) = &self.context.memo[id] {
            return Ok(memo.value.clone());
        }
        let rule = &self.program.rules[id];
        let (value, loc) = match self.replaced_rule(rule) {
            Some(value) => (value, rule.loc),
            None => self.deeper(rule.loc, |this| match rule.kind {
                RuleKind::Complete | RuleKind::Function(_) => this.complete(id, rule, &[]),
                RuleKind::Set => this.set_rule(id, rule),
                RuleKind::Object => this.object_rule(id, rule),
            })?,
        };
        if unknown::is_unknown(&value) {
            self.meet_uncertain(&value, rule.traits.may_fail);
        }
        self.context.memo[id] = Some(Memo { value: value.clone(), loc });
        Ok(value)
    }

    /// Calls a function of the policy with known, defined arguments (which may be unresolved inside).
    pub(super) fn call_rule(&mut self, id: RuleId, args: &[Value]) -> Result<Value> {
        let rule = &self.program.rules[id];
        let (value, _) = self.deeper(rule.loc, |this| this.complete(id, rule, args))?;
        if unknown::is_unknown(&value) {
            self.meet_uncertain(&value, rule.traits.may_fail);
        }
        Ok(value)
    }

    fn deeper<T>(&mut self, loc: Loc, run: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_RULE_DEPTH {
            let message = format!("rules refer to each other more than {MAX_RULE_DEPTH} deep");
            return Err(Failure { loc, code: "limit", message });
        }
        self.depth += 1;
        let result = stacker::maybe_grow(RED_ZONE, STACK_SEGMENT, || run(self));
        self.depth -= 1;
        result
    }

    /// The one value of a complete rule or function call.
    fn complete(&mut self, id: RuleId, rule: &'p Rule, args: &[Value]) -> Result<(Value, Loc)> {
        let mut found = Found::default();
        for index in self.candidates(id, rule) {
            let clause = &rule.clauses[index];
            self.in_frame(clause, |this| this.clause(id, rule, clause, args, &mut found))?;
            // Every clause gives the same value, so one that holds settles it.
            if rule.constant.is_some() && found.value.is_some() {
                found.unknown = None;
                break;
            }
        }
        if let Some(unknown) = found.unknown {
            return Ok((unknown, rule.loc));
        }
        if let Some(found) = found.value {
            return Ok(found);
        }
        let Some(default) = &rule.default else { return Ok((Value::Undefined, rule.loc)) };
        let mut found = Found::default();
        self.in_frame(default, |this| this.clause(id, rule, default, args, &mut found))?;
        Ok(match (found.unknown, found.value) {
            (Some(unknown), _) => (unknown, rule.loc),
            (None, Some(found)) => found,
            (None, None) => (Value::Undefined, rule.loc),
        })
    }

    /// The first alternative with a solution.
    fn clause(
        &mut self,
        id: RuleId,
        rule: &'p Rule,
        clause: &'p Clause,
        args: &[Value],
        found: &mut Found,
    ) -> Result<()> {
        let mut parameters_unknown = None;
        for (pattern, arg) in clause.args.iter().zip(args) {
            match self.fit(pattern, arg)? {
                Fit::Yes => {}
                Fit::No => return Ok(()),
                Fit::Unknown(why) => {
                    self.meet(&why);
                    unknown::add(&mut parameters_unknown, &why);
                }
            }
        }
        let mut unknown = parameters_unknown;
        let mut value: Option<Value> = None;
        for alternative in &clause.alternatives {
            if unknown.is_some() {
                break;
            }
            let stop_at_first = rule.constant.is_some();
            self.alternative(id, alternative, &mut unknown, &mut |this, new, unknown| {
                match &value {
                    Some(other) => this.same_value(rule, other, &new, unknown)?,
                    None => value = Some(new),
                }
                Ok(if stop_at_first { Flow::Stop } else { Flow::Continue })
            })?;
            if value.is_some() && stop_at_first {
                unknown = None;
            }
            if let Some(value) = value.take() {
                match &found.value {
                    Some((other, _)) => {
                        let other = other.clone();
                        self.same_value(rule, &other, &value, &mut found.unknown)?;
                    }
                    None => found.value = Some((value, alternative.loc)),
                }
                break;
            }
        }
        if let Some(unknown) = unknown {
            unknown::add(&mut found.unknown, &unknown);
        }
        Ok(())
    }

    fn same_value(&mut self, rule: &Rule, a: &Value, b: &Value, unknown: &mut Option<Value>) -> Result<()> {
        match self.equal(a, b) {
            Value::Bool(false) => {
                let what = match rule.kind {
                    RuleKind::Function(_) => "functions",
                    _ => "complete rules",
                };
                let message =
                    format!("{what} must not produce multiple outputs: `{}` has two values", rule.name());
                Err(Failure { loc: rule.loc, code: "conflict", message })
            }
            Value::Bool(true) | Value::Undefined => Ok(()),
            why => {
                self.meet_uncertain(&why, true);
                unknown::add(unknown, &why);
                Ok(())
            }
        }
    }

    fn set_rule(&mut self, id: RuleId, rule: &'p Rule) -> Result<(Value, Loc)> {
        let mut set = BTreeSet::new();
        let mut unknown = None;
        let mut first = None;
        for index in self.candidates(id, rule) {
            let clause = &rule.clauses[index];
            self.in_frame(clause, |this| {
                clause.alternatives.iter().try_for_each(|alternative| {
                    this.alternative(id, alternative, &mut unknown, &mut |this, value, unknown| {
                        if let Some(why) = this.unknown_inside(&[&value]) {
                            unknown::add(unknown, &why);
                        } else {
                            this.charge(alternative.loc, size(&value))?;
                            first.get_or_insert(alternative.loc);
                            set.insert(value);
                        }
                        Ok(Flow::Continue)
                    })
                })
            })?;
        }
        let value = unknown.unwrap_or_else(|| Value::from(set));
        self.made(rule.loc, &value)?;
        Ok((value, first.unwrap_or(rule.loc)))
    }

    fn object_rule(&mut self, id: RuleId, rule: &'p Rule) -> Result<(Value, Loc)> {
        let mut object = Entry::Fields(BTreeMap::new());
        let mut unknown = None;
        for index in self.candidates(id, rule) {
            let clause = &rule.clauses[index];
            self.in_frame(clause, |this| this.entries(id, clause, &mut object, &mut unknown))?;
        }
        let value = unknown.unwrap_or_else(|| object.into_value());
        self.made(rule.loc, &value)?;
        Ok((value, rule.loc))
    }

    /// Adds what the first alternative with a solution gives.
    fn entries(
        &mut self,
        id: RuleId,
        clause: &'p Clause,
        object: &mut Entry,
        unknown: &mut Option<Value>,
    ) -> Result<()> {
        for alternative in &clause.alternatives {
            let mut held = false;
            let mut why = None;
            self.alternative(id, alternative, &mut why, &mut |this, value, unknown| {
                held = true;
                let keys = match this.eval_all(&alternative.keys)? {
                    Ok(keys) => keys,
                    Err(Value::Undefined) => return Ok(Flow::Continue),
                    Err(why) => {
                        unknown::add(unknown, &why);
                        return Ok(Flow::Continue);
                    }
                };
                let mut parts: Vec<&Value> = keys.iter().collect();
                parts.extend(alternative.is_element.then_some(&value));
                if let Some(why) = this.unknown_inside(&parts) {
                    unknown::add(unknown, &why);
                    return Ok(Flow::Continue);
                }
                this.charge(alternative.loc, size(&value))?;
                this.add_entry(alternative, object, &keys, value, unknown)?;
                Ok(Flow::Continue)
            })?;
            if let Some(why) = &why {
                unknown::add(unknown, why);
            }
            if held || why.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Puts what one solution gives at `keys` of nested objects.
    fn add_entry(
        &self,
        alternative: &Alternative,
        object: &mut Entry,
        keys: &[Value],
        value: Value,
        unknown: &mut Option<Value>,
    ) -> Result<()> {
        let mut entry = object;
        for (depth, key) in keys.iter().enumerate() {
            let conflict = || Failure {
                loc: alternative.loc,
                code: "conflict",
                message: format!("object keys must be unique: {key} has two values"),
            };
            let Entry::Fields(fields) = entry else { return Err(conflict()) };
            if depth + 1 < keys.len() {
                entry = fields.entry(key.clone()).or_insert_with(|| Entry::Fields(BTreeMap::new()));
                if !matches!(entry, Entry::Fields(_)) {
                    return Err(conflict());
                }
                continue;
            }
            match fields.get_mut(key) {
                None if alternative.is_element => {
                    fields.insert(key.clone(), Entry::Elements(BTreeSet::from([value])));
                }
                None => {
                    fields.insert(key.clone(), Entry::Value(value));
                }
                Some(Entry::Elements(elements)) if alternative.is_element => {
                    elements.insert(value);
                }
                Some(Entry::Value(other)) if !alternative.is_element => match self.equal(other, &value) {
                    Value::Bool(false) => return Err(conflict()),
                    Value::Bool(true) | Value::Undefined => {}
                    why => unknown::add(unknown, &why),
                },
                // The whole as one value, and entry by entry as well.
                Some(_) => return Err(conflict()),
            }
            return Ok(());
        }
        Ok(())
    }

    /// Goes through the solutions of one body and hands on the values they give; what is unknown is added
    /// to `unknown`.
    fn alternative(
        &mut self,
        id: RuleId,
        alternative: &'p Alternative,
        unknown: &mut Option<Value>,
        each: Each<'_, 'p>,
    ) -> Result<()> {
        let pins = self.open_pins.len();
        let mut held = false;
        // Of this body alone: another definition may be unknown already.
        let mut own_unknown = None;
        let own = Attempt::new(alternative.loc, self.attempt.names, id);
        let outer = std::mem::replace(&mut self.attempt, own);
        self.solve(&alternative.body, None, &mut |this, pending| {
            if let Some(why) = pending {
                unknown::add(&mut own_unknown, &why);
                return Ok(Flow::Continue);
            }
            let value = this.eval(&alternative.value)?;
            held = true;
            // The body held: pins made in it count.
            let new_pins = this.open_pins[pins..].to_vec();
            this.pins.extend(new_pins);
            each(this, value, &mut own_unknown)
        })?;
        self.open_pins.truncate(pins);
        if let Some(record) = self.record.as_mut().filter(|_| held) {
            record.held.insert(alternative.loc);
        }
        let Attempt { at, tries, read, .. } = std::mem::replace(&mut self.attempt, outer);
        if self.events.is_some() {
            let loc = alternative.loc;
            self.note(|| match (held, own_unknown.is_some()) {
                (true, _) => Event::Held { rule: id, loc },
                (false, true) => Event::Unknown { rule: id, loc },
                (false, false) => Event::Failed { rule: id, loc, at, tries, read },
            });
        }
        if let Some(why) = own_unknown {
            unknown::add(unknown, &why);
        }
        Ok(())
    }

    /// Runs `run` with fresh variables for `clause`.
    fn in_frame(&mut self, clause: &'p Clause, run: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let outer = std::mem::replace(&mut self.base, self.stack.len());
        self.stack.resize(self.base + clause.names.len(), Value::Undefined);
        let names = std::mem::replace(&mut self.attempt.names, &clause.names);
        let result = run(self);
        self.attempt.names = names;
        self.stack.truncate(self.base);
        self.base = outer;
        result
    }

    /// Clauses that can hold, by the rule's index, in order.
    fn candidates(&mut self, id: RuleId, rule: &'p Rule) -> Vec<usize> {
        let index = &rule.index;
        let mut candidates = index.always.clone();
        for by_path in &index.by_path {
            match self.peek_input(&by_path.path) {
                Value::String(text) => {
                    candidates.extend(by_path.by_value.get(&text).into_iter().flatten());
                }
                value if unknown::is_unknown(&value) => candidates.extend(&by_path.all),
                _ => {}
            }
        }
        if !index.by_path.is_empty() {
            candidates.sort_unstable();
        }
        if self.events.is_some() {
            self.note_ruled_out(id, rule, &candidates);
        }
        candidates
    }

    /// Tells of the clauses that are not tried: which comparison fails.
    fn note_ruled_out(&mut self, id: RuleId, rule: &'p Rule, candidates: &[usize]) {
        for by_path in &rule.index.by_path {
            for clause in by_path.all.iter().filter(|clause| !candidates.contains(clause)) {
                let alternative = rule.clauses.get(*clause).and_then(|clause| clause.alternatives.first());
                let Some(alternative) = alternative else { continue };
                if let Some(stmt) = alternative.body.iter().find(|stmt| stmt.compares(&by_path.path)) {
                    self.ruled_out(id, alternative.loc, stmt);
                }
            }
        }
    }
}
