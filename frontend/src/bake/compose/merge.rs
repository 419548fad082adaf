//! How a later Compose file, or a service that extends another, is laid over an earlier one.

use serde_json::{Map, Value};

use super::document::scalar;

/// Lays `over` over `base`, both at `path`.
pub(super) fn merge(base: &mut Value, over: Value, path: &[&str]) -> Result<(), String> {
    match path {
        ["services", _, "build"] => {
            let mut mapping = build_mapping(std::mem::take(base));
            let result = mappings(&mut mapping, build_mapping(over), path);
            *base = Value::Object(mapping);
            return result;
        }
        ["services", _, "build", "args" | "additional_contexts" | "labels" | "extra_hosts"]
        | ["services", _, "environment" | "env_file"] => {
            let mut items = sequence(std::mem::take(base));
            items.extend(sequence(over));
            *base = Value::Array(items);
            return Ok(());
        }
        _ => {}
    }
    match (base, over) {
        (_, Value::Null) => {}
        (Value::Object(base), Value::Object(over)) => mappings(base, over, path)?,
        (Value::Array(base), Value::Array(over)) => base.extend(over),
        (Value::Object(_) | Value::Array(_), _) => {
            return Err(format!("`{}` is overridden by a value of another kind", path.join(".")));
        }
        (base, over) => *base = over,
    }
    Ok(())
}

/// Documents are as deep as their parser lets them be.
pub(super) fn mappings(
    base: &mut Map<String, Value>,
    over: Map<String, Value>,
    path: &[&str],
) -> Result<(), String> {
    for (name, value) in over {
        match base.get_mut(&name) {
            Some(known) => {
                let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
                merge(known, value, &path)?;
            }
            None => {
                base.insert(name, value);
            }
        }
    }
    Ok(())
}

/// A `build` that is a string is its context.
fn build_mapping(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(mapping) => mapping,
        Value::String(context) => Map::from_iter([("context".to_owned(), Value::String(context))]),
        _ => Map::new(),
    }
}

/// A mapping as a sequence of `name=value`, in the order of names.
fn sequence(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        Value::Object(entries) => {
            let mut items = Vec::new();
            for (name, value) in entries {
                match value {
                    Value::Null => items.push(name),
                    Value::Array(values) => {
                        items.extend(values.iter().map(|value| format!("{name}={}", scalar(value))));
                    }
                    value => items.push(format!("{name}={}", scalar(&value))),
                }
            }
            items.sort_unstable();
            items.into_iter().map(Value::String).collect()
        }
        value @ Value::String(_) => vec![value],
        _ => Vec::new(),
    }
}

/// In sequences of `name=value`, a later one of a name takes the place of an earlier one. And what Compose writes in
/// two ways is brought into one.
pub(super) fn canonical(model: &mut Map<String, Value>) {
    let services = model.get_mut("services").and_then(Value::as_object_mut);
    for service in services.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        if let Some(Value::Array(items)) = service.get_mut("environment") {
            unique(items);
        }
        let Some(build) = service.get_mut("build").filter(|build| !build.is_null()) else { continue };
        if let Value::String(_) = build {
            *build = Value::Object(build_mapping(std::mem::take(build)));
        }
        for name in ["args", "additional_contexts", "tags", "labels"] {
            if let Some(Value::Array(items)) = build.get_mut(name) {
                unique(items);
            }
        }
    }
}

fn unique(items: &mut Vec<Value>) {
    let name = |item: &Value| item.as_str().map(|text| text.split('=').next().unwrap_or_default().to_owned());
    let mut kept: Vec<Value> = Vec::new();
    for item in items.drain(..) {
        let key = name(&item);
        match kept.iter_mut().find(|other| key.is_some() && name(other) == key) {
            Some(other) => *other = item,
            None => kept.push(item),
        }
    }
    *items = kept;
}
