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
        let value = unknown.unwrap_or_else(|| Value::from(object));
        Ok(self.replaced_data(&tree.path, value))
    }

    /// What `with` puts in place of the whole of a rule.
    pub(super) fn replaced_rule(&self, rule: &Rule) -> Option<Value> {
        let is_replaced = self.context.data.iter().any(|(path, _)| rule.path.starts_with(path));
        is_replaced.then(|| self.replaced_data(&rule.path, Value::Undefined))
    }

    /// The value at a path below `data`, where the policy itself has `value`, after all replacements.
    pub(super) fn replaced_data(&self, path: &[Name], value: Value) -> Value {
        let mut value = value;
        for (replaced, by) in &self.context.data {
            if path.starts_with(replaced) {
                let below = path[replaced.len()..].iter().map(|n| Value::String(n.clone()));
                value = descend(by, below).cloned().unwrap_or(Value::Undefined);
            } else if replaced.starts_with(path) {
                let below: Vec<Value> =
                    replaced[path.len()..].iter().map(|n| Value::String(n.clone())).collect();
                value = put(&value, &below, by.clone());
            }
        }
        value
    }
}

/// What is at `path` of a document; what is unknown on the way there is the answer.
pub(super) fn descend(document: &Value, path: impl IntoIterator<Item = Value>) -> Option<&Value> {
    let mut value = document;
    for key in path {
        if unknown::is_unknown(value) {
            break;
        }
        value = step_into(value, &key)?;
    }
    Some(value)
}

/// `document` with `value` at `path`, objects made on the way as needed. Below what is unknown everything
/// stays unknown, for the other fields there are.
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
