//! The third truth value: *unknown*, a property that nobody has resolved yet.
//!
//! An unresolved field of the input holds an unknown value, which carries the numbers of the demands
//! (see [`crate::input::Group`]) that would resolve it. It is an ordinary [`Value`] of a shape that no document and no
//! evaluation can produce: an array whose first element is `Undefined`. An operation on an unknown value
//! has an unknown result with the demands of all its operands.

use std::collections::BTreeSet;

use regorus::Value;

/// An unknown value that demand number `id` would resolve.
pub(crate) fn unknown(id: u32) -> Value {
    Value::from(vec![Value::Undefined, Value::from(id)])
}

/// Whether `value` itself is unknown (not: whether it holds something unknown).
pub(crate) fn is_unknown(value: &Value) -> bool {
    matches!(value, Value::Array(items) if items.first() == Some(&Value::Undefined))
}

/// The numbers of the demands behind an unknown value.
pub(crate) fn demands(value: &Value) -> BTreeSet<u32> {
    match value {
        Value::Array(items) if is_unknown(value) => {
            items.iter().skip(1).filter_map(|id| id.as_u32().ok()).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Unknown because of both.
pub(crate) fn merge(a: &Value, b: &Value) -> Value {
    if a == b {
        return a.clone();
    }
    let mut ids = demands(a);
    ids.extend(demands(b));
    from_demands(ids)
}

fn from_demands(ids: BTreeSet<u32>) -> Value {
    std::iter::once(Value::Undefined).chain(ids.into_iter().map(Value::from)).collect::<Vec<_>>().into()
}

/// Adds `b` to what has been found unknown so far.
pub(crate) fn add(to: &mut Option<Value>, b: &Value) {
    *to = Some(to.as_ref().map_or_else(|| b.clone(), |a| merge(a, b)));
}

/// What is unknown among an object's own fields, which decides whether its keys are known.
pub(crate) fn in_fields(value: &Value) -> Option<Value> {
    let Value::Object(fields) = value else { return None };
    let mut ids = BTreeSet::new();
    fields.values().filter(|field| is_unknown(field)).for_each(|field| ids.extend(demands(field)));
    (!ids.is_empty()).then(|| from_demands(ids))
}

/// What is unknown anywhere inside a value.
pub(crate) fn inside(value: &Value) -> Option<Value> {
    let mut ids = BTreeSet::new();
    collect(value, &mut ids);
    (!ids.is_empty()).then(|| from_demands(ids))
}

fn collect(value: &Value, ids: &mut BTreeSet<u32>) {
    match value {
        Value::Array(_) if is_unknown(value) => ids.extend(demands(value)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, ids)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, ids)),
        // Elements of sets are checked when they go in.
        _ => {}
    }
}

/// Whether two defined values are equal: a boolean, or unknown. Values that differ in what is known of
/// them differ whatever the rest turns out to be.
pub(crate) fn equal(a: &Value, b: &Value) -> Value {
    let mut found = None;
    if may_be_equal(a, b, &mut found) { found.unwrap_or(Value::Bool(true)) } else { Value::Bool(false) }
}

/// False if they differ in what is known; what is unknown goes to `found`.
fn may_be_equal(a: &Value, b: &Value, found: &mut Option<Value>) -> bool {
    for value in [a, b] {
        if is_unknown(value) {
            add(found, value);
        }
    }
    if is_unknown(a) || is_unknown(b) {
        return true;
    }
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| may_be_equal(a, b, found))
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut missing = |field: &Value| {
                if is_unknown(field) {
                    add(found, field);
                }
                is_unknown(field)
            };
            b.iter().all(|(key, field)| a.get(key).is_some() || missing(field))
                && a.iter().all(|(key, field)| match b.get(key) {
                    Some(other) => may_be_equal(field, other, found),
                    // Once it is resolved, it may be absent.
                    None => is_unknown(field) && may_be_equal(field, field, found),
                })
        }
        // Sets hold nothing unknown.
        _ => a == b,
    }
}

/// The same value without its unknown fields, for showing.
pub(crate) fn without(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let known = fields.iter().filter(|(_, v)| !is_unknown(v)).map(|(k, v)| (k.clone(), without(v)));
            Value::from(known.collect::<std::collections::BTreeMap<_, _>>())
        }
        Value::Array(items) => Value::from(items.iter().map(without).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_told_from_arrays() {
        assert!(is_unknown(&unknown(3)));
        assert!(!is_unknown(&Value::from(Vec::<Value>::new())));
        assert!(!is_unknown(&Value::from(vec![Value::from(3)])));
    }

    #[test]
    fn merging_keeps_every_demand() {
        let both = merge(&unknown(3), &merge(&unknown(1), &unknown(3)));
        assert_eq!(demands(&both), BTreeSet::from([1, 3]));
    }

    #[test]
    fn equality_needs_what_may_make_a_difference() {
        let object = |fields: &[(&str, Value)]| {
            let fields = fields.iter().map(|(k, v)| (Value::from(*k), v.clone()));
            Value::from(fields.collect::<std::collections::BTreeMap<_, _>>())
        };
        let one = object(&[("a", Value::from(1)), ("b", unknown(7))]);
        let two = object(&[("a", Value::from(2)), ("b", unknown(7))]);
        assert_eq!(equal(&one, &two), Value::from(false));
        assert_eq!(equal(&one, &object(&[("a", Value::from(1))])), unknown(7));
        assert_eq!(equal(&object(&[("a", Value::from(1))]), &one), unknown(7));
        assert_eq!(equal(&object(&[]), &one), Value::from(false));
        assert_eq!(equal(&one, &one), unknown(7));
        assert_eq!(equal(&Value::from(1), &Value::from(1)), Value::from(true));
        assert_eq!(equal(&Value::from(1), &unknown(7)), unknown(7));
    }

    #[test]
    fn the_inside_is_searched_to_its_depth() {
        let value = Value::from(vec![Value::from(1), Value::from(vec![Value::from(2), unknown(7)])]);
        assert_eq!(inside(&value), Some(unknown(7)));
        assert_eq!(inside(&Value::from(vec![Value::from(1)])), None);
    }
}
