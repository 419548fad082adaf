//! Comparison, and OPA's order of values.

use std::cmp::Ordering;

use regorus::Value;

use super::Result;

/// Compares as OPA does: null, booleans, numbers, strings, arrays, objects, sets. regorus has sets before
/// objects.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => compare_all(left.iter(), right.iter()),
        (Value::Set(left), Value::Set(right)) => {
            let (mut left, mut right): (Vec<_>, Vec<_>) = (left.iter().collect(), right.iter().collect());
            left.sort_by(|a, b| compare(a, b));
            right.sort_by(|a, b| compare(a, b));
            compare_all(left.into_iter(), right.into_iter())
        }
        (Value::Object(left), Value::Object(right)) => {
            compare_all(left.iter().flat_map(|(k, v)| [k, v]), right.iter().flat_map(|(k, v)| [k, v]))
        }
        (Value::Object(_), Value::Set(_)) => Ordering::Less,
        (Value::Set(_), Value::Object(_)) => Ordering::Greater,
        (left, right) => left.cmp(right),
    }
}

fn compare_all<'a>(
    mut left: impl Iterator<Item = &'a Value>,
    mut right: impl Iterator<Item = &'a Value>,
) -> Ordering {
    loop {
        match (left.next(), right.next()) {
            (Some(left), Some(right)) => match compare(left, right) {
                Ordering::Equal => {}
                different => return different,
            },
            (left, right) => return left.is_some().cmp(&right.is_some()),
        }
    }
}

/// `eq` and `equal`
pub(super) fn eq(args: &[Value]) -> Result {
    Ok(Value::from(args[0] == args[1]))
}

/// `neq`
pub(super) fn neq(args: &[Value]) -> Result {
    Ok(Value::from(args[0] != args[1]))
}

/// `lt`
pub(super) fn lt(args: &[Value]) -> Result {
    Ok(Value::from(compare(&args[0], &args[1]).is_lt()))
}

/// `lte`
pub(super) fn lte(args: &[Value]) -> Result {
    Ok(Value::from(compare(&args[0], &args[1]).is_le()))
}

/// `gt`
pub(super) fn gt(args: &[Value]) -> Result {
    Ok(Value::from(compare(&args[0], &args[1]).is_gt()))
}

/// `gte`
pub(super) fn gte(args: &[Value]) -> Result {
    Ok(Value::from(compare(&args[0], &args[1]).is_ge()))
}
