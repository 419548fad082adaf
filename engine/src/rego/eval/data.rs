//! `data` as a whole: packages as objects, and what `with data.… as …` puts in their place.

use std::collections::BTreeMap;

use regorus::Value;

use super::super::ast::Name;
use super::super::ir::{NodeId, Rule, RuleKind};
use super::super::unknown;
use super::expr::step_into;
use super::{Evaluation, Result};

impl Evaluation<'_> {
    /// Everything below a node: rules by name, without functions and what is undefined.
    pub(super) fn tree_value(&mut self, node: NodeId) -> Result<Value> {
        let program = self.program;
        let tree = &program.tree[node];
        if let Some(rule) = tree.rule {
            return match program.rules[rule].kind {
                RuleKind::Function(_) => Ok(Value::Undefined),
                _ => self.rule_value(rule),
            };
        }
        let mut object = BTreeMap::new();
        let mut unknown = None;
        for (name, child) in &tree.children {
            let value = self.tree_value(*child)?;
            if unknown::is_unknown(&value) {
                // Whether the rule is defined at all is not known.
                unknown::add(&mut unknown, &value);
            } else if value != Value::Undefined {
                object.insert(Value::String(name.clone()), value);
            }
        }
        let mut value = unknown.unwrap_or_else(|| Value::from(object));
        for (path, by) in &self.context.data {
            if path.starts_with(&tree.path) {
                let below: Vec<Value> =
                    path[tree.path.len()..].iter().map(|n| Value::String(n.clone())).collect();
                value = put(&value, &below, by.clone());
            }
        }
        Ok(value)
    }

    /// A path below `data` where the policy has no rule: only `with` can put something there.
    pub(super) fn replaced_data(&self, path: &[Name]) -> Value {
        self.replacement_above(path).unwrap_or(Value::Undefined)
    }

    /// What replaces the whole of a rule.
    pub(super) fn replaced_rule(&self, rule: &Rule) -> Option<Value> {
        if self.context.data.is_empty() { None } else { self.replacement_above(&rule.path) }
    }

    /// The rule's value with what replaces parts of it.
    pub(super) fn patched(&self, rule: &Rule, value: Value) -> Value {
        let mut value = value;
        for (path, by) in &self.context.data {
            if path.len() > rule.path.len() && path.starts_with(&rule.path) {
                let below: Vec<Value> =
                    path[rule.path.len()..].iter().map(|n| Value::String(n.clone())).collect();
                value = put(&value, &below, by.clone());
            }
        }
        value
    }

    fn replacement_above(&self, path: &[Name]) -> Option<Value> {
        let (replaced, value) =
            self.context.data.iter().rev().find(|(replaced, _)| path.starts_with(replaced))?;
        let mut value = value;
        for key in &path[replaced.len()..] {
            if unknown::is_unknown(value) {
                break;
            }
            match step_into(value, &Value::String(key.clone())) {
                Some(inner) => value = inner,
                None => return Some(Value::Undefined),
            }
        }
        Some(value.clone())
    }
}

/// `document` with `value` at `path`, objects made on the way as needed. An unknown document stays
/// unknown: what it has beside the path is not known.
pub(super) fn put(document: &Value, path: &[Value], value: Value) -> Value {
    let [key, rest @ ..] = path else { return value };
    if unknown::is_unknown(document) {
        return document.clone();
    }
    let mut fields: BTreeMap<Value, Value> = match document {
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        _ => BTreeMap::new(),
    };
    let inner = fields.get(key).cloned().unwrap_or(Value::Undefined);
    fields.insert(key.clone(), put(&inner, rest, value));
    Value::from(fields)
}
