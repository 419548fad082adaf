//! Calls of built-ins and functions, and what `with` makes of them.

use std::hash::{Hash, Hasher};

use regorus::Value;

use super::super::ast::Loc;
use super::super::ir::{Callee, Expr, OwnBuiltin, Replacement, RuleId};
use super::super::unknown;
use super::memo::Memos;
use super::{Answer, Context, Evaluation, Event, Failure, Result, size};
use crate::builtins::{self, Builtin, BuiltinError};

/// A function, for finding its replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FunctionKey {
    Builtin(&'static str),
    Own(OwnBuiltin),
    Rule(RuleId),
}

impl From<Callee> for FunctionKey {
    fn from(callee: Callee) -> Self {
        match callee {
            Callee::Builtin(builtin) => Self::Builtin(builtin.name),
            Callee::Own(own) => Self::Own(own),
            Callee::Rule(rule) => Self::Rule(rule),
        }
    }
}

/// What stands in for a function.
#[derive(Debug, Clone)]
pub(super) enum FunctionReplacement {
    Value(Value),
    Function(Callee),
}

impl<'p> Evaluation<'p> {
    pub(super) fn call(&mut self, loc: Loc, callee: Callee, args: &'p [Expr]) -> Result<Value> {
        self.step(loc)?;
        let args = match self.eval_all(args)? {
            Ok(args) => args,
            Err(other) => {
                if unknown::is_unknown(&other) {
                    let may_fail = match callee {
                        Callee::Builtin(_) => false,
                        Callee::Own(_) => true,
                        Callee::Rule(rule) => self.program.rules[rule].traits.may_fail,
                    };
                    self.meet_uncertain(&other, may_fail);
                }
                return Ok(other);
            }
        };
        let key = FunctionKey::from(callee);
        let replaced = self.context.functions.iter().rev().find(|(function, _)| *function == key);
        match replaced.map(|(_, by)| by.clone()) {
            Some(FunctionReplacement::Value(value)) => Ok(value),
            Some(FunctionReplacement::Function(by)) => self.unmocked(|this| this.apply(loc, by, &args)),
            None => self.apply(loc, callee, &args),
        }
    }

    /// Runs a function that replaces another, in which no function is replaced: it can call the other.
    fn unmocked(&mut self, run: impl FnOnce(&mut Self) -> Result<Value>) -> Result<Value> {
        let inner = match self.context.unmocked.take() {
            Some(context) => *context,
            None => Context { functions: Vec::new(), ..self.replaced()? },
        };
        let outer = std::mem::replace(&mut self.context, inner);
        let result = run(self);
        let inner = std::mem::replace(&mut self.context, outer);
        // What was computed is still right the next time.
        self.context.unmocked = Some(Box::new(inner));
        result
    }

    fn apply(&mut self, loc: Loc, callee: Callee, args: &[Value]) -> Result<Value> {
        match callee {
            Callee::Builtin(builtin) => self.builtin(loc, builtin, args),
            Callee::Own(own) => self.own(loc, own, args),
            Callee::Rule(rule) => self.call_rule(rule, args),
        }
    }

    fn builtin(&mut self, loc: Loc, builtin: &'static Builtin, args: &[Value]) -> Result<Value> {
        if let Some(unknown) = self.unknown_for(builtin, args) {
            return Ok(unknown);
        }
        self.work(loc, &args.iter().collect::<Vec<_>>())?;
        match (builtin.call)(args) {
            // `object.get` of an unresolved field.
            Ok(value) if self.has_unknown && unknown::is_unknown(&value) => Ok(value),
            Ok(value) => {
                self.charge(loc, size(&value))?;
                // The only one that puts values into values.
                if builtin.name == "json.patch" {
                    self.made(loc, &value)?;
                }
                Ok(value)
            }
            Err(BuiltinError::Limit(message)) => Err(Failure { loc, code: "limit", message }),
            // As in OPA, an error makes the expression undefined.
            Err(error) => {
                self.note(|| Event::Undefined { loc, message: format!("{}: {error}", builtin.name) });
                Ok(Value::Undefined)
            }
        }
    }

    /// What keeps a built-in from telling its result.
    fn unknown_for(&self, builtin: &Builtin, args: &[Value]) -> Option<Value> {
        if !self.has_unknown {
            return None;
        }
        match builtin.name {
            // They look at the type alone.
            "is_number" | "is_string" | "is_boolean" | "is_array" | "is_set" | "is_object" | "is_null"
            | "type_name" => None,
            // They look at the keys alone.
            "count" | "object.keys" => unknown::in_fields(&args[0]),
            // It looks at one field. A path of fields could pass through an unknown one.
            "object.get" if !matches!(args[1], Value::Array(_)) => {
                let field = match &args[0] {
                    Value::Object(fields) => fields.get(&args[1]),
                    _ => None,
                };
                field
                    .filter(|field| unknown::is_unknown(field))
                    .cloned()
                    .or_else(|| unknown::inside(&args[1]))
            }
            _ => self.unknown_inside(&args.iter().collect::<Vec<_>>()),
        }
    }

    fn own(&mut self, loc: Loc, own: OwnBuiltin, args: &[Value]) -> Result<Value> {
        match own {
            OwnBuiltin::NowNs => return Ok(Value::from(self.now_ns)),
            OwnBuiltin::RandIntn | OwnBuiltin::UuidRfc4122 => {
                if let Some(unknown) = self.unknown_inside(&args.iter().collect::<Vec<_>>()) {
                    return Ok(unknown);
                }
                return self.random(loc, own, args);
            }
            _ => {}
        }
        match self.host.call_with(&self.context.input, own, args) {
            Answer::Value(value) => {
                if unknown::is_unknown(&value) {
                    // It may be the first unknown value there is.
                    self.has_unknown = true;
                    self.note(|| Event::Asked {
                        loc,
                        demands: unknown::demands(&value).into_iter().collect(),
                    });
                }
                Ok(value)
            }
            Answer::Pin(digest) => {
                if let Some(why) = &self.met {
                    unknown::add(&mut self.uncertain, why);
                }
                self.open_pins.push(digest);
                Ok(Value::from(true))
            }
            Answer::Undefined(message) => {
                self.note(|| Event::Undefined { loc, message });
                Ok(Value::Undefined)
            }
            Answer::Error(message) => Err(Failure { loc, code: "builtin-error", message }),
        }
    }

    /// Random values are the same for the same arguments in one evaluation.
    fn random(&mut self, loc: Loc, own: OwnBuiltin, args: &[Value]) -> Result<Value> {
        let key = (own, args.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        if let Some(value) = self.random.get(&key) {
            return Ok(value.clone());
        }
        // Derived from the time of the evaluation, so that a decision can be made again.
        let mut hasher = std::hash::DefaultHasher::new();
        (self.now_ns, &key.1).hash(&mut hasher);
        let seed = hasher.finish();
        let made = match own {
            OwnBuiltin::RandIntn => builtins::rand_intn(&args[1], seed),
            _ => Ok(builtins::uuid_v4(u128::from(seed) << 64 | u128::from(seed.rotate_left(29)))),
        };
        let value = match made {
            Ok(value) => value,
            Err(BuiltinError::Limit(message)) => return Err(Failure { loc, code: "limit", message }),
            Err(_) => Value::Undefined,
        };
        self.random.insert(key, value.clone());
        Ok(value)
    }

    /// A copy of the context in force, for `with` to change. Nothing computed carries over.
    pub(super) fn replaced(&mut self) -> Result<Context> {
        self.charge(Loc::default(), size_of::<Context>())?;
        Ok(Context {
            input: self.context.input.clone(),
            data: self.context.data.clone(),
            functions: self.context.functions.clone(),
            memo: Memos::default(),
            unmocked: None,
        })
    }

    /// Applies one replacement, evaluated in the context in force, to `inner`. Returns what keeps its value from being known.
    pub(super) fn replace(
        &mut self,
        inner: &mut Context,
        replacement: &'p Replacement,
    ) -> Result<Option<Value>> {
        let value = match replacement {
            Replacement::FunctionByFunction { function, by } => {
                inner.functions.push(((*function).into(), FunctionReplacement::Function(*by)));
                return Ok(None);
            }
            Replacement::Input { value, .. }
            | Replacement::Data { value, .. }
            | Replacement::FunctionByValue { value, .. } => self.eval(value)?,
        };
        if value == Value::Undefined || unknown::is_unknown(&value) {
            return Ok(Some(value));
        }
        match replacement {
            Replacement::Input { path, .. } if path.is_empty() => inner.input = self.host.mocked(value),
            Replacement::Input { path, .. } => inner.input = super::data::put(&inner.input, path, value),
            Replacement::Data { path, .. } => inner.data.push((path.clone(), value)),
            Replacement::FunctionByValue { function, .. } => {
                inner.functions.push(((*function).into(), FunctionReplacement::Value(value)));
            }
            Replacement::FunctionByFunction { .. } => {}
        }
        Ok(None)
    }
}
