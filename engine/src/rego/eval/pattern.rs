//! Patterns, and comparing values that may be unresolved inside.

use regorus::Value;

use super::super::ir::Pattern;
use super::super::unknown;
use super::{Evaluation, Result};

/// Whether a value fits a pattern.
pub(super) enum Fit {
    Yes,
    No,
    Unknown(Value),
}

impl<'p> Evaluation<'p> {
    /// Fits `value` (defined; perhaps unknown) to `pattern`, binding the pattern's variables.
    pub(super) fn fit(&mut self, pattern: &'p Pattern, value: &Value) -> Result<Fit> {
        if let Pattern::Bind(slot) = pattern {
            self.set(*slot, value.clone());
            return Ok(Fit::Yes);
        }
        if matches!(pattern, Pattern::Any) {
            return Ok(Fit::Yes);
        }
        if unknown::is_unknown(value) {
            self.bind_all(pattern, value);
            return Ok(Fit::Unknown(value.clone()));
        }
        match (pattern, value) {
            (Pattern::Equal(expr), _) => {
                let wanted = self.eval(expr)?;
                Ok(match self.equal(&wanted, value) {
                    Value::Bool(true) => Fit::Yes,
                    Value::Bool(false) | Value::Undefined => Fit::No,
                    unknown => Fit::Unknown(unknown),
                })
            }
            (Pattern::Array(patterns), Value::Array(items)) if patterns.len() == items.len() => {
                let mut fit = Fit::Yes;
                for (pattern, item) in patterns.iter().zip(items.iter()) {
                    if self.fit_part(pattern, item, &mut fit)? {
                        return Ok(Fit::No);
                    }
                }
                Ok(fit)
            }
            (Pattern::Object(patterns), Value::Object(fields)) => {
                if let Some(unknown) = unknown::in_fields(value) {
                    self.bind_all(pattern, &unknown);
                    return Ok(Fit::Unknown(unknown));
                }
                if patterns.len() != fields.len() {
                    return Ok(Fit::No);
                }
                let mut fit = Fit::Yes;
                for (key, pattern) in patterns {
                    let key = self.eval(key)?;
                    if let Some(why) = self.unknown_inside(&[&key]) {
                        self.bind_all(pattern, &why);
                        join(&mut fit, why);
                        continue;
                    }
                    let Some(field) = fields.get(&key) else { return Ok(Fit::No) };
                    if self.fit_part(pattern, field, &mut fit)? {
                        return Ok(Fit::No);
                    }
                }
                Ok(fit)
            }
            _ => Ok(Fit::No),
        }
    }

    /// Fits a part into the result for the whole; says whether it does not fit at all.
    fn fit_part(&mut self, pattern: &'p Pattern, part: &Value, whole: &mut Fit) -> Result<bool> {
        match self.fit(pattern, part)? {
            Fit::Yes => {}
            Fit::No => return Ok(true),
            Fit::Unknown(why) => join(whole, why),
        }
        Ok(false)
    }

    /// Gives every variable of a pattern the same (unknown) value.
    fn bind_all(&mut self, pattern: &Pattern, value: &Value) {
        match pattern {
            Pattern::Bind(slot) => self.set(*slot, value.clone()),
            Pattern::Any | Pattern::Equal(_) => {}
            Pattern::Array(patterns) => patterns.iter().for_each(|p| self.bind_all(p, value)),
            Pattern::Object(patterns) => patterns.iter().for_each(|(_, p)| self.bind_all(p, value)),
        }
    }

    /// Equality: a boolean, undefined, or unknown.
    pub(super) fn equal(&self, a: &Value, b: &Value) -> Value {
        if *a == Value::Undefined || *b == Value::Undefined {
            return Value::Undefined;
        }
        if self.has_unknown { unknown::equal(a, b) } else { Value::from(a == b) }
    }

    /// What is unknown inside either, if this evaluation has anything unknown at all.
    pub(super) fn unknown_inside(&self, values: &[&Value]) -> Option<Value> {
        if !self.has_unknown {
            return None;
        }
        let mut found = None;
        for value in values {
            if let Some(unknown) = unknown::inside(value) {
                unknown::add(&mut found, &unknown);
            }
        }
        found
    }
}

/// The whole is unknown because of one more part.
fn join(whole: &mut Fit, why: Value) {
    *whole = match std::mem::replace(whole, Fit::Yes) {
        Fit::Unknown(other) => Fit::Unknown(unknown::merge(&other, &why)),
        _ => Fit::Unknown(why),
    };
}
