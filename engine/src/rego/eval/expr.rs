//! Expressions.

use std::collections::BTreeMap;

use regorus::Value;

use super::super::ast::Loc;
use super::super::ir::{Comprehension, ComprehensionKind, Expr, Order, TemplatePart};
use super::super::unknown;
use super::{Evaluation, Event, Failure, Flow, RED_ZONE, Result, STACK_SEGMENT, size};

impl<'p> Evaluation<'p> {
    /// The value of an expression: defined, `Undefined`, or unknown.
    pub(super) fn eval(&mut self, expr: &'p Expr) -> Result<Value> {
        match expr {
            Expr::Const(value) => Ok(value.clone()),
            Expr::Local(slot) => Ok(self.local(*slot).clone()),
            Expr::Input(loc, path) => Ok(self.input_at(*loc, path)),
            _ => stacker::maybe_grow(RED_ZONE, STACK_SEGMENT, || self.compound(expr)),
        }
    }

    fn compound(&mut self, expr: &'p Expr) -> Result<Value> {
        match expr {
            Expr::Const(_) | Expr::Local(_) | Expr::Input(..) => self.eval(expr),
            Expr::Get(loc, base, keys) => self.get(*loc, base, keys),
            Expr::Rule(rule) => self.rule_value(*rule),
            Expr::Tree(node) => self.tree_value(*node),
            Expr::Data(path) => Ok(self.replaced_data(path, Value::Undefined)),
            Expr::Call(loc, callee, args) => self.call(*loc, *callee, args),
            Expr::Equal { left, right, negated } => {
                let left = self.eval(left)?;
                let right = self.eval(right)?;
                self.work(Loc::default(), &[&left, &right])?;
                Ok(match self.equal(&left, &right) {
                    Value::Bool(equal) => Value::from(equal != *negated),
                    other => other,
                })
            }
            Expr::Order(order, a, b) => self.order(*order, a, b),
            Expr::Member { key, value, domain } => self.member(key.as_deref(), value, domain),
            Expr::Array(items) => self.collect(items, Value::from),
            Expr::Set(items) => {
                let set = self.collect(items, |items| {
                    Value::from(items.into_iter().collect::<std::collections::BTreeSet<_>>())
                })?;
                Ok(set)
            }
            Expr::Object(loc, fields) => self.object(*loc, fields),
            Expr::Comprehension(loc, comprehension) => self.comprehension(*loc, comprehension),
            Expr::Template(parts) => self.template(parts),
        }
    }

    /// The values of several expressions; or what makes a result of them undefined or unknown.
    pub(super) fn eval_all(&mut self, exprs: &'p [Expr]) -> Result<std::result::Result<Vec<Value>, Value>> {
        let mut values = Vec::with_capacity(exprs.len());
        let mut unknown = None;
        for expr in exprs {
            let value = self.eval(expr)?;
            if value == Value::Undefined {
                return Ok(Err(value));
            }
            if unknown::is_unknown(&value) {
                self.meet(&value);
                unknown::add(&mut unknown, &value);
            }
            values.push(value);
        }
        Ok(unknown.map_or(Ok(values), Err))
    }

    pub(super) fn input_at(&mut self, loc: Loc, path: &[Value]) -> Value {
        let value = self.peek_input(path);
        self.note_no_input();
        self.note_read(loc, &value);
        value
    }

    /// As [`Self::input_at`], unnoticed: for finding out what need not be evaluated.
    pub(super) fn peek_input(&self, path: &[Value]) -> Value {
        let found = super::data::descend(&self.context.input, path.iter().cloned());
        found.cloned().unwrap_or(Value::Undefined)
    }

    fn note_read(&mut self, loc: Loc, value: &Value) {
        if self.events.is_some() && unknown::is_unknown(value) {
            let demands = unknown::demands(value).into_iter().collect();
            self.note(|| Event::Asked { loc, demands });
        }
    }

    fn get(&mut self, loc: Loc, base: &'p Expr, keys: &'p [Expr]) -> Result<Value> {
        let mut value = self.eval(base)?;
        let found_here = !unknown::is_unknown(&value);
        for key in keys {
            if value == Value::Undefined {
                return Ok(value);
            }
            if unknown::is_unknown(&value) {
                self.meet(&value);
            }
            let key = self.eval(key)?;
            if key == Value::Undefined {
                return Ok(key);
            }
            if let Some(why) = self.unknown_inside(&[&key]) {
                self.meet(&why);
                value = if unknown::is_unknown(&value) { unknown::merge(&value, &why) } else { why };
            }
            if unknown::is_unknown(&value) {
                continue;
            }
            value = step_into(&value, &key).cloned().unwrap_or(Value::Undefined);
        }
        if found_here {
            self.note_read(loc, &value);
        }
        Ok(value)
    }

    fn order(&mut self, order: Order, a: &'p Expr, b: &'p Expr) -> Result<Value> {
        let a = self.eval(a)?;
        let b = self.eval(b)?;
        if a == Value::Undefined || b == Value::Undefined {
            return Ok(Value::Undefined);
        }
        if let Some(unknown) = self.unknown_inside(&[&a, &b]) {
            return Ok(unknown);
        }
        self.work(Loc::default(), &[&a, &b])?;
        let ordering = crate::builtins::compare(&a, &b);
        Ok(Value::from(match order {
            Order::Less => ordering.is_lt(),
            Order::LessEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterEqual => ordering.is_ge(),
        }))
    }

    fn member(&mut self, key: Option<&'p Expr>, value: &'p Expr, domain: &'p Expr) -> Result<Value> {
        let key = key.map(|key| self.eval(key)).transpose()?;
        let value = self.eval(value)?;
        let domain = self.eval(domain)?;
        for operand in key.iter().chain([&value, &domain]) {
            if *operand == Value::Undefined {
                return Ok(Value::Undefined);
            }
        }
        self.work(Loc::default(), &[&domain])?;
        if self.has_unknown {
            return Ok(self.unresolved_member(key.as_ref(), &value, &domain));
        }
        Ok(Value::from(match (&key, &domain) {
            (None, Value::Array(items)) => items.contains(&value),
            (None, Value::Set(items)) => items.contains(&value),
            (None, Value::Object(fields)) => fields.values().any(|v| *v == value),
            (Some(key), domain) => element_at(domain, key).is_some_and(|found| *found == value),
            (None, _) => false,
        }))
    }

    /// `in` while something is unresolved: one element that is known to be equal settles it.
    fn unresolved_member(&self, key: Option<&Value>, value: &Value, domain: &Value) -> Value {
        let keyed = key.map(|key| (unknown::inside(key), element_at(domain, key)));
        let mut found = if unknown::is_unknown(domain) { Some(domain.clone()) } else { None };
        let elements: Vec<&Value> = match (keyed, domain) {
            _ if found.is_some() => Vec::new(),
            (Some((Some(why), _)), _) => return why,
            (Some((None, element)), _) => element.into_iter().collect(),
            (None, Value::Array(items)) => items.iter().collect(),
            (None, Value::Set(items)) => items.iter().collect(),
            (None, Value::Object(fields)) => fields.values().collect(),
            (None, _) => Vec::new(),
        };
        for element in elements {
            match self.equal(element, value) {
                Value::Bool(true) => return Value::from(true),
                Value::Bool(false) | Value::Undefined => {}
                why => unknown::add(&mut found, &why),
            }
        }
        found.unwrap_or(Value::Bool(false))
    }

    fn collect(&mut self, items: &'p [Expr], make: impl FnOnce(Vec<Value>) -> Value) -> Result<Value> {
        let values = match self.eval_all(items)? {
            Ok(values) => values,
            Err(other) => return Ok(other),
        };
        let value = make(values);
        // Elements of a set are compared: what is unresolved in them must be known first.
        if let Value::Set(elements) = &value
            && self.has_unknown
        {
            let elements: Vec<&Value> = elements.iter().collect();
            if let Some(unknown) = self.unknown_inside(&elements) {
                return Ok(unknown);
            }
        }
        self.charge(Loc::default(), size(&value))?;
        self.made(Loc::default(), &value)?;
        Ok(value)
    }

    fn object(&mut self, loc: Loc, fields: &'p [(Expr, Expr)]) -> Result<Value> {
        let mut object = BTreeMap::new();
        let mut unknown = None;
        for (key, value) in fields {
            let key = self.eval(key)?;
            let value = self.eval(value)?;
            if key == Value::Undefined || value == Value::Undefined {
                return Ok(Value::Undefined);
            }
            if unknown::is_unknown(&value) {
                self.meet(&value);
                unknown::add(&mut unknown, &value);
            }
            if let Some(why) = self.unknown_inside(&[&key]) {
                self.meet(&why);
                unknown::add(&mut unknown, &why);
            } else {
                // Of a key that is there twice, the last value counts.
                object.insert(key, value);
            }
        }
        let value = unknown.unwrap_or_else(|| Value::from(object));
        self.charge(loc, size(&value))?;
        self.made(loc, &value)?;
        Ok(value)
    }

    /// Adds a field; a key may be there twice only with the same value.
    pub(super) fn insert(
        &mut self,
        loc: Loc,
        object: &mut BTreeMap<Value, Value>,
        key: Value,
        value: Value,
        unknown: &mut Option<Value>,
    ) -> Result<()> {
        if let Some(other) = object.get(&key) {
            match self.equal(other, &value) {
                Value::Bool(false) => {
                    let message = format!("object keys must be unique: {key} has two values");
                    return Err(Failure { loc, code: "conflict", message });
                }
                Value::Bool(true) | Value::Undefined => {}
                why => {
                    self.meet_uncertain(&why, true);
                    unknown::add(unknown, &why);
                }
            }
        }
        object.insert(key, value);
        Ok(())
    }

    fn comprehension(&mut self, loc: Loc, comprehension: &'p Comprehension) -> Result<Value> {
        let mut items = Vec::new();
        let mut set = std::collections::BTreeSet::new();
        let mut object = BTreeMap::new();
        let mut unknown = None;
        let kind = comprehension.kind;
        self.attempt.inner += 1;
        self.solve(&comprehension.body, None, &mut |this, pending| {
            if let Some(why) = pending {
                unknown::add(&mut unknown, &why);
                return Ok(Flow::Continue);
            }
            let value = this.eval(&comprehension.value)?;
            let key = comprehension.key.as_ref().map(|key| this.eval(key)).transpose()?;
            this.charge(loc, size(&value))?;
            let compared = match kind {
                ComprehensionKind::Array => None,
                ComprehensionKind::Set => this.unknown_inside(&[&value]),
                ComprehensionKind::Object => key.as_ref().and_then(|key| this.unknown_inside(&[key])),
            };
            if let Some(why) = compared {
                unknown::add(&mut unknown, &why);
                return Ok(Flow::Continue);
            }
            match (kind, key) {
                (ComprehensionKind::Array, _) => items.push(value),
                (ComprehensionKind::Set, _) => {
                    set.insert(value);
                }
                (ComprehensionKind::Object, Some(key)) => {
                    this.insert(loc, &mut object, key, value, &mut unknown)?;
                }
                (ComprehensionKind::Object, None) => {}
            }
            Ok(Flow::Continue)
        })?;
        self.attempt.inner -= 1;
        if let Some(why) = &unknown {
            // A key may turn out to be there twice, with different values.
            self.meet_uncertain(why, kind == ComprehensionKind::Object);
        }
        let value = unknown.unwrap_or_else(|| match kind {
            ComprehensionKind::Array => Value::from(items),
            ComprehensionKind::Set => Value::from(set),
            ComprehensionKind::Object => Value::from(object),
        });
        self.made(loc, &value)?;
        Ok(value)
    }

    fn template(&mut self, parts: &'p [TemplatePart]) -> Result<Value> {
        let mut text = String::new();
        let mut unknown = None;
        for part in parts {
            match part {
                TemplatePart::Text(part) => text.push_str(part),
                TemplatePart::Expr(expr) => {
                    let values = self.eval(expr)?;
                    if let Some(why) = self.unknown_inside(&[&values]) {
                        unknown::add(&mut unknown, &why);
                    } else if let Value::Array(items) = &values {
                        match items.first() {
                            Some(value) => match crate::builtins::term_display(value) {
                                Ok(shown) => text.push_str(&shown),
                                Err(error) => {
                                    let message = error.to_string();
                                    return Err(Failure { loc: Loc::default(), code: "limit", message });
                                }
                            },
                            None => text.push_str("<undefined>"),
                        }
                    }
                }
            }
        }
        self.charge(Loc::default(), text.len())?;
        Ok(unknown.unwrap_or_else(|| Value::from(text)))
    }
}

/// What `key` leads to in a value.
pub(super) fn step_into<'v>(value: &'v Value, key: &Value) -> Option<&'v Value> {
    match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => {
            let Value::Number(number) = key else { return None };
            let index = number.as_u64().and_then(|index| usize::try_from(index).ok())?;
            items.get(index)
        }
        Value::Set(elements) => elements.get(key),
        _ => None,
    }
}

/// The element that `key, value in collection` compares: sets have no keys, although `some` gives them their elements
/// as such.
fn element_at<'v>(collection: &'v Value, key: &Value) -> Option<&'v Value> {
    if matches!(collection, Value::Set(_)) { None } else { step_into(collection, key) }
}
