//! `json.filter`, `json.remove` and `json.patch`.

use std::collections::BTreeMap;

use regorus::Value;
use regorus::value::{Array, Object, Set};

use super::objects::child;
use super::operands::{array, check_collection, elements, failed, object, type_name};
use super::{Result, term};

/// The deepest path that is followed.
const MAX_DEPTH: usize = 1000;

/// A path: a JSON pointer, or an array of keys.
fn parse_path(path: &Value) -> Result<Vec<Value>> {
    let keys: Vec<Value> = match path {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => text
            .trim_start_matches('/')
            .split('/')
            .map(|key| Value::from(key.replace("~1", "/").replace("~0", "~")))
            .collect(),
        Value::Array(keys) => keys.to_vec(),
        other => {
            return failed(format!(
                "operand 2 must be one of {{set, array}} containing string paths or array of path segments but \
                 got {}",
                type_name(other)
            ));
        }
    };
    if keys.len() > MAX_DEPTH {
        return Err(super::BuiltinError::Limit(format!(
            "a path of {} keys exceeds the limit of {MAX_DEPTH} keys",
            keys.len()
        )));
    }
    Ok(keys)
}

/// Paths as a tree; a leaf stands for everything below it.
#[derive(Default)]
struct Tree(BTreeMap<Value, Option<Tree>>);

impl Tree {
    fn parse(paths: &Value) -> Result<Self> {
        let mut tree = Self::default();
        for path in elements(paths, 2)? {
            let path = parse_path(path)?;
            if let Some((last, parents)) = path.split_last() {
                tree.insert(parents, last);
            }
        }
        Ok(tree)
    }

    fn insert(&mut self, parents: &[Value], last: &Value) {
        match parents.split_first() {
            None => _ = self.0.insert(last.clone(), None),
            Some((first, parents)) => {
                if let Some(child) = self.0.entry(first.clone()).or_insert_with(|| Some(Self::default())) {
                    child.insert(parents, last);
                }
            }
        }
    }
}

/// `json.filter`
pub(super) fn filter(args: &[Value]) -> Result {
    object(&args[0], 1)?;
    Ok(filtered(&args[0], &Tree::parse(&args[1])?))
}

fn filtered(value: &Value, tree: &Tree) -> Value {
    let keep = |key: &Value, value: &Value| match tree.0.get(key)? {
        None => Some(value.clone()),
        Some(below) => Some(filtered(value, below)),
    };
    retained(value, keep)
}

/// What `keep` makes of the parts of a value: by field, by index as text, by member; `None` leaves one out.
fn retained(value: &Value, keep: impl Fn(&Value, &Value) -> Option<Value>) -> Value {
    match value {
        Value::Object(object) => {
            let mut result = Object::new();
            for (key, value) in object.iter() {
                if let Some(value) = keep(key, value) {
                    result.insert(key.clone(), value);
                }
            }
            result.into_value()
        }
        Value::Array(array) => {
            let kept = array.iter().enumerate();
            kept.filter_map(|(index, value)| keep(&Value::from(index.to_string()), value))
                .collect::<Array>()
                .into_value()
        }
        Value::Set(set) => set.iter().filter_map(|member| keep(member, member)).collect::<Set>().into_value(),
        other => other.clone(),
    }
}

/// `json.remove`
pub(super) fn remove(args: &[Value]) -> Result {
    object(&args[0], 1)?;
    Ok(without(&args[0], &Tree::parse(&args[1])?))
}

fn without(value: &Value, tree: &Tree) -> Value {
    let keep = |key: &Value, value: &Value| match tree.0.get(key) {
        None => Some(value.clone()),
        Some(None) => None,
        Some(Some(below)) => Some(without(value, below)),
    };
    retained(value, keep)
}

/// `json.patch`
/// RFC 6902, on sets too
pub(super) fn patch(args: &[Value]) -> Result {
    // `None` is a document whose root was removed.
    let mut document = Some(args[0].clone());
    for operation in array(&args[1], 2)?.iter() {
        let Value::Object(operation) = operation else {
            return failed(
                "must be an array of JSON-Patch objects, but at least one element is not an object",
            );
        };
        let attribute = |name: &str| match operation.get(&Value::from(name)) {
            Some(value) => Ok(value),
            None => failed(format!("missing required attribute '{name}'")),
        };
        let path = attribute("path")?;
        let op = attribute("op")?;
        let Value::String(op) = op else {
            return failed(format!("attribute 'op' must be a string but found: {}", type_name(op)));
        };
        let path = parse_path(path)?;
        match op.as_ref() {
            "add" => document = Some(inserted(document, &path, attribute("value")?)?),
            "remove" => document = removed(document, &path)?,
            "replace" => {
                let rest = removed(document, &path)?;
                document = Some(inserted(rest, &path, attribute("value")?)?);
            }
            "move" => {
                let from = parse_path(attribute("from")?)?;
                let value = found(document.as_ref(), &from)?;
                let rest = removed(document, &from)?;
                document = Some(inserted(rest, &path, &value)?);
            }
            "copy" => {
                let value = found(document.as_ref(), &parse_path(attribute("from")?)?)?;
                document = Some(inserted(document, &path, &value)?);
            }
            "test" => {
                let (found, expected) = (found(document.as_ref(), &path)?, attribute("value")?);
                if found != *expected {
                    return failed(format!("the value at {} is not the expected one", shown(&path)));
                }
            }
            other => return failed(format!("unrecognized op: '{other}'")),
        }
    }
    Ok(document.unwrap_or(Value::Undefined))
}

fn shown(path: &[Value]) -> String {
    term::to_string(&Value::from(path.to_vec())).unwrap_or_default()
}

/// The value at `path`.
fn found(document: Option<&Value>, path: &[Value]) -> Result {
    let mut value = document;
    for key in path {
        value = match value {
            Some(Value::Array(array)) => array.get(index(key, array.len())?),
            Some(other) => child(other, key),
            None => None,
        };
    }
    match value {
        Some(value) => Ok(value.clone()),
        None => failed(format!("path {} does not exist", shown(path))),
    }
}

/// The index that `key` is in an array with `length` elements; `-` is the one after the last.
fn index(key: &Value, length: usize) -> Result<usize> {
    let index = match key {
        Value::Number(number) => number.as_u64().and_then(|index| usize::try_from(index).ok()),
        Value::String(text) if text.as_ref() == "-" => Some(length),
        Value::String(text) if text.len() > 1 && text.starts_with('0') => {
            return failed("leading zeros are not allowed in JSON paths");
        }
        Value::String(text) => text.parse().ok(),
        _ => return failed("invalid type for indexing"),
    };
    match index {
        Some(index) => Ok(index),
        None => failed("invalid index in a JSON path"),
    }
}

/// Does `change` to the value that holds what is at `path`, and puts the result back.
fn changed(value: &Value, path: &[Value], change: &dyn Fn(&Value, &Value) -> Result) -> Result {
    let Some((key, rest)) = path.split_first() else { return failed("an empty path has no parent") };
    if rest.is_empty() {
        return change(value, key);
    }
    let below = found(Some(value), std::slice::from_ref(key))?;
    let below = changed(&below, rest, change)?;
    match value {
        Value::Object(object) => {
            let mut object = Object::clone(object);
            object.insert(key.clone(), below);
            Ok(object.into_value())
        }
        Value::Array(array) => {
            let mut elements = array.to_vec();
            elements[index(key, array.len())?] = below;
            Ok(Value::from(elements))
        }
        Value::Set(set) => {
            let mut set = Set::clone(set);
            set.remove(key);
            set.insert(below);
            Ok(set.into_value())
        }
        other => failed(format!("expected composite type, found {}", type_name(other))),
    }
}

fn inserted(document: Option<Value>, path: &[Value], value: &Value) -> Result {
    if path.is_empty() {
        return Ok(value.clone());
    }
    let Some(document) = document else { return failed("deleted node encountered during insert operation") };
    changed(&document, path, &|parent, key| match parent {
        Value::Object(object) => {
            let mut object = Object::clone(object);
            object.insert(key.clone(), value.clone());
            check_collection(object.len())?;
            Ok(object.into_value())
        }
        Value::Array(array) => {
            let at = index(key, array.len())?;
            if at > array.len() {
                return failed("index for array insertion out of bounds");
            }
            check_collection(array.len() + 1)?;
            let mut elements = array.to_vec();
            elements.insert(at, value.clone());
            Ok(Value::from(elements))
        }
        Value::Set(set) => {
            if key != value {
                return failed("the key in a set does not equal the value to be inserted");
            }
            let mut set = Set::clone(set);
            set.insert(value.clone());
            check_collection(set.len())?;
            Ok(set.into_value())
        }
        other => failed(format!("expected composite type, found {}", type_name(other))),
    })
}

/// The document without what is at `path`; nothing when that is all of it.
fn removed(document: Option<Value>, path: &[Value]) -> Result<Option<Value>> {
    let Some(document) = document else { return failed("deleted node encountered during delete operation") };
    if path.is_empty() {
        return Ok(None);
    }
    found(Some(&document), path)?;
    let rest = changed(&document, path, &|parent, key| match parent {
        Value::Object(object) => {
            let mut object = Object::clone(object);
            object.remove(key);
            Ok(object.into_value())
        }
        Value::Array(array) => {
            let mut elements = array.to_vec();
            elements.remove(index(key, array.len())?);
            Ok(Value::from(elements))
        }
        Value::Set(set) => {
            let mut set = Set::clone(set);
            set.remove(key);
            Ok(set.into_value())
        }
        other => failed(format!("expected composite type, found {}", type_name(other))),
    })?;
    Ok(Some(rest))
}
