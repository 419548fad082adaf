//! Elements of values.

use crate::bake::error::{BakeError, Position};
use crate::bake::value::convert::convert;
use crate::bake::value::{Type, Value};

pub(super) fn attribute(value: &Value, name: &str, at: &Position) -> Result<Value, BakeError> {
    if value.is_null() {
        return Err(BakeError::invalid(at, format!("there is no attribute `{name}` of null")));
    }
    let Some(entries) = value.entries() else {
        return Err(BakeError::invalid(at, format!("a {} has no attribute `{name}`", value.type_of())));
    };
    let found = entries.get(name).cloned();
    found.ok_or_else(|| BakeError::invalid(at, format!("there is no element named `{name}`")))
}

pub(super) fn index(value: &Value, key: &Value, at: &Position) -> Result<Value, BakeError> {
    if value.is_null() || key.is_null() {
        return Err(BakeError::invalid(at, "null cannot be indexed, and is no index"));
    }
    let invalid = |message: String| BakeError::invalid(at, message);
    if value.entries().is_some() {
        let key = convert(key, &Type::String).map_err(|error| invalid(error.to_string()))?;
        return match &key {
            Value::String(name) => attribute(value, name, at),
            _ => Err(invalid("a string is required".to_owned())),
        };
    }
    let (Value::List(_, sequence) | Value::Tuple(sequence)) = value else {
        return Err(invalid(format!("a {} cannot be indexed", value.type_of())));
    };
    let key = convert(key, &Type::Number).map_err(|error| invalid(error.to_string()))?;
    let position = match &key {
        Value::Number(number) => number.to_i64().and_then(|number| usize::try_from(number).ok()),
        _ => None,
    };
    let found = position.and_then(|position| sequence.items.get(position)).cloned();
    found.ok_or_else(|| invalid(format!("there is no such element among {}", sequence.items.len())))
}
