//! Documents below `data` that tests bring along: data files, and sources as a snapshot has them.

use std::collections::BTreeMap;

use regorus::Value;

use super::super::decide::{child, walk};
use crate::input::{Built, PathSegment};
use crate::rego::ast::{Loc, Name};
use crate::rego::compile::Problem;
use crate::rego::ir::Program;
use crate::rego::unknown;

/// What lies below `data` beside rules.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    root: BTreeMap<Value, Value>,
    /// By demand's number: the property that nobody looked up.
    unresolved: Vec<String>,
}

/// A document that cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DocumentError(String);

impl Documents {
    /// Adds a JSON document at a path below `data`.
    pub fn add_json(&mut self, path: &[&str], text: &str) -> Result<(), DocumentError> {
        self.parse(path, "json.unmarshal", text)
    }

    /// Adds a YAML document at a path below `data`.
    pub fn add_yaml(&mut self, path: &[&str], text: &str) -> Result<(), DocumentError> {
        self.parse(path, "yaml.unmarshal", text)
    }

    /// Adds the input of a source at a path below `data`. Reading what is unresolved in it is an error of the
    /// test that does, which calls the source `shown`.
    pub fn add_source(&mut self, path: &[&str], built: &Built, shown: &str) -> Result<(), DocumentError> {
        let mut document = built.input.to_value();
        for node in &built.nodes {
            let Some(at) = walk(&mut document, &node.path) else { continue };
            for field in &node.unresolved {
                let id = u32::try_from(self.unresolved.len()).unwrap_or(u32::MAX);
                self.unresolved.push(format!("`input{}.{field}` of {shown}", steps(&node.path)));
                if let Some(object) = child(at, field.document).and_then(|v| v.as_object_mut().ok()) {
                    object.insert(Value::from(field.field), unknown::unknown(id));
                }
            }
        }
        self.add(path, document)
    }

    fn parse(&mut self, path: &[&str], function: &str, text: &str) -> Result<(), DocumentError> {
        let parse = crate::builtins::lookup(function).map(|builtin| builtin.call);
        let parsed = parse.map(|parse| parse(&[Value::from(text)]));
        match parsed {
            Some(Ok(value)) => self.add(path, value),
            Some(Err(error)) => Err(DocumentError(error.to_string())),
            None => Err(DocumentError(format!("`{function}` is missing"))),
        }
    }

    fn add(&mut self, path: &[&str], value: Value) -> Result<(), DocumentError> {
        let nested = path
            .iter()
            .rev()
            .fold(value, |value, key| Value::from(BTreeMap::from([(Value::from(*key), value)])));
        if !matches!(nested, Value::Object(_)) {
            return Err(DocumentError("a document directly below `data` must be an object".into()));
        }
        merge(&mut self.root, fields_of(&nested), "data")
    }

    /// Whether there is something at a path below `data`.
    pub(in super::super) fn has(&self, path: &[Name]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        let mut value = self.root.get(&Value::String(first.clone()));
        for key in rest {
            value = match value {
                Some(Value::Object(fields)) => fields.get(&Value::String(key.clone())),
                _ => None,
            };
        }
        value.is_some()
    }

    /// The documents by paths that neither hold a rule nor lie in one.
    pub(super) fn beside(&self, program: &Program) -> Result<Vec<(Vec<Name>, Value)>, Problem> {
        let mut placed = Vec::new();
        place(program, 0, &self.root, &mut Vec::new(), &mut placed)?;
        Ok(placed)
    }

    /// The unresolved property of this number.
    pub(super) fn property(&self, id: u32) -> Option<String> {
        self.unresolved.get(id as usize).cloned()
    }

    /// The properties that an unknown value depends on.
    pub(super) fn unresolved(&self, unknown: &Value) -> Vec<&str> {
        let ids = unknown::demands(unknown).into_iter();
        ids.filter_map(|id| self.unresolved.get(id as usize).map(String::as_str)).collect()
    }
}

/// The fields of an object.
fn fields_of(object: &Value) -> BTreeMap<Value, Value> {
    match object {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        _ => BTreeMap::new(),
    }
}

fn merge(
    into: &mut BTreeMap<Value, Value>,
    fields: BTreeMap<Value, Value>,
    path: &str,
) -> Result<(), DocumentError> {
    for (key, value) in fields {
        let path = match &key {
            Value::String(key) => format!("{path}.{key}"),
            key => format!("{path}[{key}]"),
        };
        let merged = match (into.remove(&key), value) {
            (None, value) => value,
            (Some(there @ Value::Object(_)), more @ Value::Object(_)) => {
                let mut there = fields_of(&there);
                merge(&mut there, fields_of(&more), &path)?;
                Value::from(there)
            }
            (Some(there), value) if there == value => value,
            _ => return Err(DocumentError(format!("`{path}` is defined by another data file already"))),
        };
        into.insert(key, merged);
    }
    Ok(())
}

fn place(
    program: &Program,
    node: usize,
    fields: &BTreeMap<Value, Value>,
    path: &mut Vec<Name>,
    placed: &mut Vec<(Vec<Name>, Value)>,
) -> Result<(), Problem> {
    for (key, value) in fields {
        let Value::String(key) = key else { continue };
        path.push(key.clone());
        match program.tree[node].children.get(key) {
            None => placed.push((path.clone(), value.clone())),
            Some(child) => match (program.tree[*child].rule, value) {
                (None, Value::Object(_)) => place(program, *child, &fields_of(value), path, placed)?,
                (rule, _) => {
                    let loc = rule.map_or(Loc::default(), |rule| program.rules[rule].loc);
                    let what = if rule.is_some() { "a rule" } else { "a package" };
                    let message = format!("a data file has `data.{}`, which is {what}", path.join("."));
                    return Err(Problem::new(loc, "conflicting-data", message));
                }
            },
        }
        path.pop();
    }
    Ok(())
}

fn steps(path: &[PathSegment]) -> String {
    let step = |segment: &PathSegment| match segment {
        PathSegment::Field(name) => format!(".{name}"),
        PathSegment::Index(index) => format!("[{index}]"),
    };
    path.iter().map(step).collect()
}
