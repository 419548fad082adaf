//! Arguments that were converted to what a function takes.

use super::FunctionError;
use crate::bake::value::{Number, Value};

/// A string; empty for anything else, which conversion does not let through.
pub(super) fn text(arguments: &[Value], index: usize) -> &str {
    match arguments.get(index) {
        Some(Value::String(text)) => text,
        _ => "",
    }
}

/// A number; zero for anything else, which conversion does not let through.
pub(super) fn number(arguments: &[Value], index: usize) -> Number {
    match arguments.get(index) {
        Some(Value::Number(number)) => number.clone(),
        _ => Number::from(0),
    }
}

pub(super) fn whole(arguments: &[Value], index: usize) -> Result<i64, FunctionError> {
    number(arguments, index).to_i64().ok_or_else(|| "a whole number is required".into())
}

pub(super) fn any(arguments: &[Value], index: usize) -> Value {
    arguments.get(index).cloned().unwrap_or_else(Value::null)
}

/// The elements of a list, set or tuple.
pub(super) fn items(arguments: &[Value], index: usize) -> Result<&[Value], FunctionError> {
    let items = arguments.get(index).and_then(Value::items);
    items.ok_or_else(|| "a list, set or tuple is required".into())
}

pub(super) fn texts(values: &[Value]) -> impl Iterator<Item = Option<&str>> {
    values.iter().map(|value| match value {
        Value::String(text) => Some(&**text),
        _ => None,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "what functions end with")]
pub(super) fn string(text: impl AsRef<str>) -> Result<Value, FunctionError> {
    Ok(Value::string(text))
}
