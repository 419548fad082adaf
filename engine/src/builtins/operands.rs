//! Reading the arguments of a call, with OPA's errors.

use regorus::value::{Array, Object, Set};
use regorus::{Rc, Value};

use super::{BuiltinError, MAX_COLLECTION, MAX_STRING, Result};

/// An error in OPA's sense.
pub(super) fn failed<T>(message: impl Into<String>) -> Result<T> {
    Err(BuiltinError::Failed(message.into()))
}

/// The name of a value's type, as `type_name` says it.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Set(_) => "set",
        Value::Undefined => "undefined",
    }
}

/// The error of operand number `position` (from 1), which is not of the `expected` type.
pub(super) fn wrong_type<T>(position: usize, expected: &str, got: &Value) -> Result<T> {
    failed(format!("operand {position} must be {expected} but got {}", type_name(got)))
}

pub(super) fn string(value: &Value, position: usize) -> Result<&Rc<str>> {
    match value {
        Value::String(text) => Ok(text),
        other => wrong_type(position, "string", other),
    }
}

pub(super) fn array(value: &Value, position: usize) -> Result<&Rc<Array>> {
    match value {
        Value::Array(array) => Ok(array),
        other => wrong_type(position, "array", other),
    }
}

pub(super) fn object(value: &Value, position: usize) -> Result<&Rc<Object>> {
    match value {
        Value::Object(object) => Ok(object),
        other => wrong_type(position, "object", other),
    }
}

pub(super) fn set(value: &Value, position: usize) -> Result<&Rc<Set>> {
    match value {
        Value::Set(set) => Ok(set),
        other => wrong_type(position, "set", other),
    }
}

/// An integer of 64 bits.
pub(super) fn int(value: &Value, position: usize) -> Result<i64> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(int) => Ok(int),
            None => {
                failed(format!("operand {position} must be integer number but got floating-point number"))
            }
        },
        other => wrong_type(position, "number", other),
    }
}

/// The elements of an array or a set; sets in order.
pub(super) fn elements(value: &Value, position: usize) -> Result<Vec<&Value>> {
    match value {
        Value::Array(array) => Ok(array.iter().collect()),
        Value::Set(set) => Ok(set.iter_sorted().collect()),
        other => wrong_type(position, "one of {set, array}", other),
    }
}

/// The elements of an array or a set of strings.
pub(super) fn strings(value: &Value, position: usize) -> Result<Vec<&str>> {
    elements(value, position)?
        .into_iter()
        .map(|element| match element {
            Value::String(text) => Ok(text.as_ref()),
            other => failed(format!(
                "operand {position} must be {} of strings but got {} containing {}",
                type_name(value),
                type_name(value),
                type_name(other)
            )),
        })
        .collect()
}

/// Refuses a string of more than [`MAX_STRING`] bytes.
pub(super) fn check_string(bytes: usize) -> Result<()> {
    if bytes > MAX_STRING {
        return Err(BuiltinError::Limit(format!(
            "a string of {bytes} bytes exceeds the limit of {MAX_STRING} bytes"
        )));
    }
    Ok(())
}

/// Refuses a collection of more than [`MAX_COLLECTION`] elements.
pub(super) fn check_collection(elements: usize) -> Result<()> {
    if elements > MAX_COLLECTION {
        return Err(BuiltinError::Limit(format!(
            "a collection of {elements} elements exceeds the limit of {MAX_COLLECTION} elements"
        )));
    }
    Ok(())
}
