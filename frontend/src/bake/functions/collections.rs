//! Lists, tuples, maps and objects.
#![expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]

use std::collections::BTreeMap;
use std::sync::Arc;

use super::FunctionError;
use super::arguments::{any, items, text, texts, whole};
use crate::bake::Environment;
use crate::bake::value::convert::convert;
use crate::bake::value::{Type, Value};

type Result<T = Value> = std::result::Result<T, FunctionError>;

/// Whether two values are equal: of the same type, or both null.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one.is_null(), other.is_null()) {
        (true, true) => true,
        (false, false) => one == other,
        _ => false,
    }
}

pub(super) fn contains_value(items: &[Value], value: &Value) -> bool {
    items.iter().any(|item| equal(item, value))
}

/// The type of a collection's elements; of a tuple's, the one that all can become.
pub(super) fn element_type(value: &Value) -> Type {
    match value {
        Value::List(element, _) | Value::Set(element, _) | Value::Map(element, _) => element.clone(),
        value => {
            let types: Vec<Type> = value.items().unwrap_or_default().iter().map(Value::type_of).collect();
            Type::unify(&types).unwrap_or_default()
        }
    }
}

pub(super) fn equal_function(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(equal(&any(arguments, 0), &any(arguments, 1))))
}

pub(super) fn notequal_function(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(!equal(&any(arguments, 0), &any(arguments, 1))))
}

/// The elements of a list or tuple.
fn sequence(arguments: &[Value], index: usize) -> Result<&[Value]> {
    match arguments.get(index) {
        Some(Value::Set(..)) => Err("a set has no order: a list or tuple is required".into()),
        _ => items(arguments, index),
    }
}

/// A list as `like` is one, else a tuple.
fn rebuilt(like: &Value, items: Vec<Value>) -> Value {
    match like {
        Value::List(element, _) => Value::list(element.clone(), items),
        _ => Value::tuple(items),
    }
}

pub(super) fn chunklist(arguments: &[Value], _: &Environment) -> Result {
    let list = any(arguments, 0);
    let size = usize::try_from(whole(arguments, 1)?).map_err(|_| "the size must not be negative")?;
    let items = items(arguments, 0)?;
    let size = if size == 0 { items.len().max(1) } else { size };
    let chunks = items.chunks(size).map(|chunk| rebuilt(&list, chunk.to_vec())).collect();
    Ok(Value::list(list.type_of(), chunks))
}

pub(super) fn coalesce(arguments: &[Value], _: &Environment) -> Result {
    let types: Vec<Type> = arguments.iter().map(Value::type_of).filter(|one| *one != Type::Any).collect();
    let unified = Type::unify(&types).ok_or("the arguments have different types, or there is none")?;
    let first = arguments.iter().find(|argument| !argument.is_null()).ok_or("every argument is null")?;
    Ok(convert(first, &unified)?)
}

pub(super) fn coalescelist(arguments: &[Value], _: &Environment) -> Result {
    for argument in arguments {
        match argument {
            Value::List(..) | Value::Tuple(_) | Value::Null(Type::List(_) | Type::Tuple(_)) => {}
            _ => return Err("the arguments must be lists or tuples".into()),
        }
    }
    let first = arguments.iter().find(|argument| argument.items().is_some_and(|items| !items.is_empty()));
    first.cloned().ok_or_else(|| "every list is empty".into())
}

pub(super) fn compact(arguments: &[Value], _: &Environment) -> Result {
    let kept = texts(items(arguments, 0)?).flatten().filter(|text| !text.is_empty()).map(Value::string);
    Ok(Value::list(Type::String, kept.collect()))
}

pub(super) fn concat(arguments: &[Value], _: &Environment) -> Result {
    if arguments.is_empty() {
        return Err("at least one list is needed".into());
    }
    let lists = arguments.iter().all(|argument| matches!(argument, Value::List(..)));
    let mut all = Vec::new();
    for index in 0..arguments.len() {
        all.extend_from_slice(sequence(arguments, index)?);
    }
    let types: Vec<Type> = arguments.iter().map(Value::type_of).collect();
    if lists && let Some(unified) = Type::unify(&types) {
        return Ok(convert(&Value::tuple(all), &unified)?);
    }
    Ok(Value::tuple(all))
}

pub(super) fn contains(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(contains_value(items(arguments, 0)?, &any(arguments, 1))))
}

pub(super) fn distinct(arguments: &[Value], _: &Environment) -> Result {
    let mut kept: Vec<Value> = Vec::new();
    let items = items(arguments, 0)?;
    if items.len() > 10_000 {
        return Err(FunctionError::Unresolved("the list has more than 10000 elements".to_owned()));
    }
    for item in items {
        if !contains_value(&kept, item) {
            kept.push(item.clone());
        }
    }
    Ok(rebuilt(&any(arguments, 0), kept))
}

pub(super) fn element(arguments: &[Value], _: &Environment) -> Result {
    let items = sequence(arguments, 0)?;
    let length = i64::try_from(items.len()).map_err(|_| "the list is too long")?;
    if length == 0 {
        return Err("the list is empty".into());
    }
    let position = usize::try_from(whole(arguments, 1)?.rem_euclid(length)).unwrap_or_default();
    items.get(position).cloned().ok_or_else(|| "there is no such element".into())
}

pub(super) fn flatten(arguments: &[Value], _: &Environment) -> Result {
    let mut flat = Vec::new();
    // What is still to be gone through, the next at the end.
    let mut pending: Vec<Value> = items(arguments, 0)?.iter().rev().cloned().collect();
    while let Some(next) = pending.pop() {
        match next.items() {
            Some(items) => pending.extend(items.iter().rev().cloned()),
            None => flat.push(next),
        }
    }
    Ok(Value::tuple(flat))
}

fn find_index(arguments: &[Value]) -> Result<Option<Value>> {
    let key = any(arguments, 1);
    match (any(arguments, 0), &key) {
        (Value::Map(_, mapping), Value::String(name)) => Ok(mapping.entries.get(name).cloned()),
        (Value::List(_, sequence) | Value::Tuple(sequence), Value::Number(number)) => {
            let position = number.to_i64().and_then(|number| usize::try_from(number).ok());
            Ok(position.and_then(|position| sequence.items.get(position)).cloned())
        }
        (Value::List(..) | Value::Tuple(_) | Value::Map(..), _) => Ok(None),
        _ => Err("a list, a map or a tuple is required".into()),
    }
}

pub(super) fn hasindex(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(find_index(arguments)?.is_some()))
}

pub(super) fn index(arguments: &[Value], _: &Environment) -> Result {
    find_index(arguments)?.ok_or_else(|| "there is no such element".into())
}

pub(super) fn indexof(arguments: &[Value], _: &Environment) -> Result {
    let value = any(arguments, 1);
    let found = sequence(arguments, 0)?.iter().zip(0i64..).find(|(item, _)| equal(item, &value));
    found.map(|(_, position)| Value::Number(position.into())).ok_or_else(|| "there is no such element".into())
}

pub(super) fn keys(arguments: &[Value], _: &Environment) -> Result {
    let value = any(arguments, 0);
    let entries = value.entries().ok_or("a map or object is required")?;
    let names: Vec<Value> = entries.keys().map(|name| Value::String(Arc::clone(name))).collect();
    Ok(if matches!(value, Value::Map(..)) { Value::list(Type::String, names) } else { Value::tuple(names) })
}

pub(super) fn values(arguments: &[Value], _: &Environment) -> Result {
    let value = any(arguments, 0);
    let values: Vec<Value> =
        value.entries().ok_or("a map or object is required")?.values().cloned().collect();
    Ok(match &value {
        Value::Map(element, _) => Value::list(element.clone(), values),
        _ => Value::tuple(values),
    })
}

pub(super) fn length(arguments: &[Value], _: &Environment) -> Result {
    let value = any(arguments, 0);
    let length = match &value {
        Value::Map(_, mapping) => mapping.entries.len(),
        value => value.items().ok_or("a list, a map or a tuple is required")?.len(),
    };
    Ok(Value::Number(i64::try_from(length).unwrap_or(i64::MAX).into()))
}

pub(super) fn lookup(arguments: &[Value], _: &Environment) -> Result {
    let (value, default) = (any(arguments, 0), any(arguments, 2));
    let entries = value.entries().ok_or("a map is required")?;
    if let Value::Map(element, _) = &value {
        let default = convert(&default, element)?;
        return Ok(entries.get(text(arguments, 1)).cloned().unwrap_or(default));
    }
    Ok(entries.get(text(arguments, 1)).cloned().unwrap_or(default))
}

pub(super) fn merge(arguments: &[Value], _: &Environment) -> Result {
    let mut merged: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for argument in arguments {
        match argument {
            Value::Null(Type::Map(_) | Type::Object(_) | Type::Any) => {}
            value => {
                let entries = value.entries().ok_or("the arguments must be maps or objects")?;
                merged.extend(entries.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
            }
        }
    }
    let types: Vec<Type> = arguments.iter().map(Value::type_of).collect();
    Ok(match types.split_first() {
        Some((Type::Map(element), rest))
            if rest.iter().all(|other| *other == Type::Map(Arc::clone(element))) =>
        {
            Value::map((**element).clone(), merged)
        }
        _ => Value::object(merged),
    })
}

pub(super) fn reverselist(arguments: &[Value], _: &Environment) -> Result {
    let value = any(arguments, 0);
    let reversed: Vec<Value> = items(arguments, 0)?.iter().rev().cloned().collect();
    Ok(match &value {
        Value::Set(element, _) => Value::list(element.clone(), reversed),
        value => rebuilt(value, reversed),
    })
}

pub(super) fn slice(arguments: &[Value], _: &Environment) -> Result {
    let position = |index| -> Result<usize> {
        usize::try_from(whole(arguments, index)?).map_err(|_| "an index is negative".into())
    };
    let (start, end) = (position(1)?, position(2)?);
    let part = sequence(arguments, 0)?.get(start..end);
    let part = part.ok_or("the start must not come after the end, and the end not after that of the list")?;
    Ok(rebuilt(&any(arguments, 0), part.to_vec()))
}

pub(super) fn sort(arguments: &[Value], _: &Environment) -> Result {
    let list = texts(items(arguments, 0)?).collect::<Option<Vec<_>>>();
    let mut list = list.ok_or("null cannot be sorted")?;
    list.sort_unstable();
    Ok(Value::list(Type::String, list.into_iter().map(Value::string).collect()))
}

pub(super) fn zipmap(arguments: &[Value], _: &Environment) -> Result {
    let names = texts(items(arguments, 0)?).collect::<Option<Vec<_>>>().ok_or("a key is null")?;
    let given = sequence(arguments, 1)?;
    if names.len() != given.len() {
        return Err(format!("there are {} keys, but {} values", names.len(), given.len()).into());
    }
    let entries = names.into_iter().map(Arc::from).zip(given.iter().cloned()).collect();
    Ok(match any(arguments, 1) {
        Value::List(element, _) => Value::map(element, entries),
        _ => Value::object(entries),
    })
}
