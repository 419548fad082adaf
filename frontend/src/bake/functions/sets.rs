//! Sets.

use super::FunctionError;
use super::arguments::{any, items};
use super::collections::{contains_value, element_type};
use crate::bake::Environment;
use crate::bake::value::convert::convert;
use crate::bake::value::{Type, Value};

/// As many values, in all its tuples, as a product makes at most.
const MAX_PRODUCT: usize = 100_000;

type Result<T = Value> = std::result::Result<T, FunctionError>;

pub(super) fn has_element(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(contains_value(items(arguments, 0)?, &any(arguments, 1))))
}

/// The sets, all with elements of the type that all can become, and that type.
fn aligned(sets: &[Value]) -> Result<(Type, Vec<Vec<Value>>)> {
    let mut types: Vec<Type> = sets
        .iter()
        .filter(|set| set.items().is_some_and(|items| !items.is_empty()))
        .map(element_type)
        .collect();
    if types.is_empty() {
        types.push(sets.first().map(element_type).unwrap_or_default());
    }
    let element = Type::unify(&types).ok_or("the sets' elements have different types")?;
    let convert_all = |set: &Value| {
        let items = set.items().unwrap_or_default().iter();
        items.map(|item| convert(item, &element)).collect::<std::result::Result<Vec<_>, _>>()
    };
    let sets = sets.iter().map(convert_all).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok((element, sets))
}

fn combine(sets: &[Value], keep: fn(&[Value], &[Value]) -> Vec<Value>) -> Result {
    let (element, sets) = aligned(sets)?;
    let mut sets = sets.into_iter();
    let first = sets.next().unwrap_or_default();
    let combined = sets.fold(first, |combined, next| keep(&combined, &next));
    Ok(Value::set(element, combined))
}

/// Those of `items` that are, or are not, in `other`, which is in order.
fn filtered(items: &[Value], other: &[Value], wanted: bool) -> Vec<Value> {
    let mut sorted = other.to_vec();
    sorted.sort_by(Value::order);
    let found = |item: &Value| sorted.binary_search_by(|other| other.order(item)).is_ok();
    items.iter().filter(|item| found(item) == wanted).cloned().collect()
}

pub(super) fn union(arguments: &[Value], _: &Environment) -> Result {
    combine(arguments, |one, other| [one, other].concat())
}

pub(super) fn intersection(arguments: &[Value], _: &Environment) -> Result {
    combine(arguments, |one, other| filtered(one, other, true))
}

pub(super) fn subtract(arguments: &[Value], _: &Environment) -> Result {
    combine(arguments, |one, other| filtered(one, other, false))
}

pub(super) fn symmetric_difference(arguments: &[Value], _: &Environment) -> Result {
    combine(arguments, |one, other| [filtered(one, other, false), filtered(other, one, false)].concat())
}

pub(super) fn product(arguments: &[Value], _: &Environment) -> Result {
    if arguments.len() < 2 {
        return Err("at least two sets or lists are needed".into());
    }
    let mut types = Vec::new();
    let mut tuples: Vec<Vec<Value>> = vec![Vec::new()];
    for index in 0..arguments.len() {
        let given = items(arguments, index)?;
        let element = arguments.get(index).map(element_type).unwrap_or_default();
        if tuples.len().saturating_mul(given.len()).saturating_mul(arguments.len()) > MAX_PRODUCT {
            return Err(FunctionError::Unresolved(format!("it makes more than {MAX_PRODUCT} values")));
        }
        let given =
            given.iter().map(|item| convert(item, &element)).collect::<std::result::Result<Vec<_>, _>>()?;
        let longer = |tuple: &Vec<Value>| {
            let tuple = tuple.clone();
            given
                .iter()
                .map(move |item| tuple.iter().cloned().chain([item.clone()]).collect())
                .collect::<Vec<_>>()
        };
        tuples = tuples.iter().flat_map(longer).collect();
        types.push(element);
    }
    let tuples: Vec<Value> = tuples.into_iter().map(Value::tuple).collect();
    let element = Type::tuple(types);
    let ordered = arguments.iter().all(|argument| !matches!(argument, Value::Set(..)));
    Ok(if ordered { Value::list(element, tuples) } else { Value::set(element, tuples) })
}
