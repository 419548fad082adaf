//! Functions of collections as a whole, and of arrays.

use regorus::Value;
use regorus::value::Array;

use super::big_float::BigFloat;
use super::comparison::compare;
use super::operands::{array, check_collection, elements, failed, int, type_name, wrong_type};
use super::{Result, arithmetic};

/// `count`
pub(super) fn count(args: &[Value]) -> Result {
    Ok(Value::from(match &args[0] {
        Value::Array(array) => array.len(),
        Value::Object(object) => object.len(),
        Value::Set(set) => set.len(),
        Value::String(text) => text.chars().count(),
        other => return wrong_type(1, "one of {array, object, set, string}", other),
    }))
}

/// `sum`
pub(super) fn sum(args: &[Value]) -> Result {
    let numbers = elements(&args[0], 1)?;
    let ints = numbers.iter().try_fold(0i64, |sum, value| match value {
        Value::Number(number) => sum.checked_add(number.as_i64()?),
        _ => None,
    });
    match ints {
        Some(sum) => Ok(Value::from(sum)),
        None => fold(&args[0], &numbers, 0, BigFloat::add),
    }
}

/// `product`
pub(super) fn product(args: &[Value]) -> Result {
    fold(&args[0], &elements(&args[0], 1)?, 1, BigFloat::mul)
}

fn fold(all: &Value, numbers: &[&Value], first: i64, join: fn(BigFloat, BigFloat) -> BigFloat) -> Result {
    let mut result = BigFloat::from_int(&first.into());
    for value in numbers {
        let Some(number) = BigFloat::from_value(value) else {
            let all = type_name(all);
            return failed(format!(
                "operand 1 must be {all} of numbers but got {all} containing {}",
                type_name(value)
            ));
        };
        result = join(result, number);
    }
    result.into_value()
}

/// `max`
pub(super) fn max(args: &[Value]) -> Result {
    let greatest = elements(&args[0], 1)?.into_iter().max_by(|a, b| compare(a, b));
    Ok(greatest.cloned().unwrap_or(Value::Undefined))
}

/// `min`
pub(super) fn min(args: &[Value]) -> Result {
    let mut elements = elements(&args[0], 1)?;
    // In a set, OPA passes over null unless there is nothing else.
    if matches!(args[0], Value::Set(_)) && elements.len() > 1 {
        elements.retain(|element| **element != Value::Null);
    }
    let least = elements.into_iter().min_by(|a, b| compare(a, b));
    Ok(least.cloned().unwrap_or(Value::Undefined))
}

/// `sort`
pub(super) fn sort(args: &[Value]) -> Result {
    let mut sorted: Vec<Value> = elements(&args[0], 1)?.into_iter().cloned().collect();
    sorted.sort_by(compare);
    Ok(Value::from(sorted))
}

/// `array.concat`
pub(super) fn concat(args: &[Value]) -> Result {
    let (left, right) = (array(&args[0], 1)?, array(&args[1], 2)?);
    check_collection(left.len() + right.len())?;
    Ok(left.iter().chain(right.iter()).cloned().collect::<Array>().into_value())
}

/// `array.flatten`
/// by one level
pub(super) fn flatten(args: &[Value]) -> Result {
    let mut flat = Array::new();
    for element in array(&args[0], 1)?.iter() {
        match element {
            Value::Array(nested) => flat.extend_from_slice(nested.as_slice()),
            other => flat.push(other.clone()),
        }
        check_collection(flat.len())?;
    }
    Ok(flat.into_value())
}

/// `array.slice`
pub(super) fn slice(args: &[Value]) -> Result {
    let array = array(&args[0], 1)?;
    let clamped = |index: i64, most: usize| usize::try_from(index.max(0)).unwrap_or(usize::MAX).min(most);
    let (start, stop) = (int(&args[1], 2)?, int(&args[2], 3)?);
    let stop = clamped(stop, array.len());
    let start = clamped(start, stop);
    Ok(Value::from(array.as_slice()[start..stop].to_vec()))
}

/// `array.reverse`
pub(super) fn reverse(args: &[Value]) -> Result {
    Ok(array(&args[0], 1)?.iter().rev().cloned().collect::<Array>().into_value())
}

/// `to_number`
pub(super) fn to_number(args: &[Value]) -> Result {
    match &args[0] {
        Value::Null => Ok(Value::from(0)),
        Value::Bool(flag) => Ok(Value::from(i64::from(*flag))),
        Value::Number(_) => Ok(args[0].clone()),
        Value::String(text) => match arithmetic::parse_number(text) {
            Some(number) => Ok(number),
            None => failed(format!("operand 1 must be valid number string but got {text:?}")),
        },
        other => wrong_type(1, "one of {null, boolean, number, string}", other),
    }
}
