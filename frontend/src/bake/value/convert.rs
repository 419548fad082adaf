//! Conversion of values to types.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Number, Type, Value};

/// A value that cannot be of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConvertError {
    #[error("{wanted} required, but found {found}")]
    Type { wanted: String, found: String },
    #[error("a {wanted} is required: `{text}` is none")]
    Text { wanted: &'static str, text: String },
    #[error("attribute `{0}` is required")]
    MissingAttribute(String),
    #[error("all elements must have the same type")]
    MixedElements,
}

/// Whether values of type `from` can be converted to `wanted`, whatever they are.
pub(crate) fn convertible(from: &Type, wanted: &Type) -> bool {
    match (from, wanted) {
        (_, Type::Any) | (Type::Any, _) => true,
        (from, wanted) if from == wanted => true,
        (Type::Bool | Type::Number, Type::String) | (Type::String, Type::Bool | Type::Number) => true,
        (Type::List(from) | Type::Set(from), Type::List(wanted) | Type::Set(wanted))
        | (Type::Map(from), Type::Map(wanted)) => convertible(from, wanted),
        (Type::Tuple(from), Type::List(wanted) | Type::Set(wanted)) => {
            from.iter().all(|one| convertible(one, wanted))
        }
        (Type::Tuple(from), Type::Tuple(wanted)) => {
            from.len() == wanted.len()
                && from.iter().zip(wanted.iter()).all(|(from, wanted)| convertible(from, wanted))
        }
        (Type::Object(from), Type::Map(wanted)) => from.values().all(|one| convertible(one, wanted)),
        (Type::Object(from), Type::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| from.get(name).is_some_and(|from| convertible(from, wanted)))
        }
        _ => false,
    }
}

/// `value` as a value of type `wanted`.
pub(crate) fn convert(value: &Value, wanted: &Type) -> Result<Value, ConvertError> {
    let mismatch = || ConvertError::Type { wanted: wanted.to_string(), found: value.type_of().to_string() };
    if *wanted == Type::Any {
        return Ok(value.clone());
    }
    Ok(match (value, wanted) {
        (Value::Null(from), _) if convertible(from, wanted) => Value::Null(wanted.clone()),
        (Value::Null(_), _) => return Err(mismatch()),
        (Value::Bool(_), Type::Bool)
        | (Value::Number(_), Type::Number)
        | (Value::String(_), Type::String) => value.clone(),
        (Value::Bool(value), Type::String) => Value::string(if *value { "true" } else { "false" }),
        (Value::Number(value), Type::String) => Value::string(value.to_string()),
        (Value::String(text), Type::Bool) => match &**text {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => return Err(ConvertError::Text { wanted: "bool", text: text.to_string() }),
        },
        (Value::String(text), Type::Number) => {
            let number = text.parse::<Number>();
            Value::Number(
                number.map_err(|_| ConvertError::Text { wanted: "number", text: text.to_string() })?,
            )
        }
        (_, Type::List(element)) => {
            let items = convert_items(value.items().ok_or_else(mismatch)?, element)?;
            Value::list(common_type(items.iter(), element)?, common(items, element)?)
        }
        (_, Type::Set(element)) => {
            let items = convert_items(value.items().ok_or_else(mismatch)?, element)?;
            Value::set(common_type(items.iter(), element)?, common(items, element)?)
        }
        (Value::Tuple(sequence), Type::Tuple(types)) => {
            if sequence.items.len() != types.len() {
                return Err(mismatch());
            }
            let converted =
                sequence.items.iter().zip(types.iter()).map(|(item, wanted)| convert(item, wanted));
            Value::tuple(converted.collect::<Result<_, _>>()?)
        }
        (_, Type::Map(element)) => {
            let entries = value.entries().ok_or_else(mismatch)?;
            let converted =
                entries.values().map(|value| convert(value, element)).collect::<Result<Vec<_>, _>>()?;
            let element_type = common_type(converted.iter(), element)?;
            let values = common(converted, element)?;
            Value::map(element_type, entries.keys().cloned().zip(values).collect())
        }
        (_, Type::Object(attributes)) => convert_object(value, attributes, &[])?,
        (_, Type::OptionalObject(attributes, optional)) => convert_object(value, attributes, optional)?,
        _ => return Err(mismatch()),
    })
}

fn convert_items(items: &[Value], wanted: &Type) -> Result<Vec<Value>, ConvertError> {
    items.iter().map(|item| convert(item, wanted)).collect()
}

/// The element type of a collection that was converted to one of `wanted`.
fn common_type<'a>(items: impl Iterator<Item = &'a Value>, wanted: &Type) -> Result<Type, ConvertError> {
    if *wanted != Type::Any {
        return Ok(wanted.clone());
    }
    let mut types: Vec<Type> = items.map(Value::type_of).filter(|one| *one != Type::Any).collect();
    types.dedup();
    if types.is_empty() {
        return Ok(Type::Any);
    }
    Type::unify(&types).ok_or(ConvertError::MixedElements)
}

/// Elements of any type, as elements of the one type that they can all become.
fn common(items: Vec<Value>, wanted: &Type) -> Result<Vec<Value>, ConvertError> {
    if *wanted != Type::Any {
        return Ok(items);
    }
    let element = common_type(items.iter(), wanted)?;
    if element == Type::Any { Ok(items) } else { convert_items(&items, &element) }
}

fn convert_object(
    value: &Value,
    attributes: &BTreeMap<Arc<str>, Type>,
    optional: &[Arc<str>],
) -> Result<Value, ConvertError> {
    let entries = value.entries().ok_or_else(|| ConvertError::Type {
        wanted: "object".to_owned(),
        found: value.type_of().to_string(),
    })?;
    let converted = attributes.iter().map(|(name, wanted)| match entries.get(name) {
        Some(value) => Ok((Arc::clone(name), convert(value, wanted)?)),
        None if optional.contains(name) => Ok((Arc::clone(name), Value::Null(wanted.clone()))),
        None => Err(ConvertError::MissingAttribute(name.to_string())),
    });
    converted.collect::<Result<_, _>>().map(Value::object)
}
