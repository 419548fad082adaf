//! Functions of objects.

use regorus::Value;
use regorus::value::{Object, Set};

use super::Result;
use super::operands::{array, check_collection, failed, object, type_name, wrong_type};

/// `object.get`
/// an array as the key is a path
pub(super) fn get(args: &[Value]) -> Result {
    let object = object(&args[0], 1)?;
    let found = match &args[1] {
        Value::Array(path) => path.iter().try_fold(&args[0], child),
        key => object.get(key),
    };
    Ok(found.unwrap_or(&args[2]).clone())
}

/// What `key` selects in a value.
pub(super) fn child<'a>(value: &'a Value, key: &Value) -> Option<&'a Value> {
    match (value, key) {
        (Value::Object(object), key) => object.get(key),
        (Value::Set(set), key) => set.get(key),
        (Value::Array(array), Value::Number(index)) => array.get(usize::try_from(index.as_u64()?).ok()?),
        _ => None,
    }
}

/// `object.keys`
pub(super) fn keys(args: &[Value]) -> Result {
    Ok(object(&args[0], 1)?.keys().cloned().collect::<Set>().into_value())
}

/// The keys that an array, a set or an object lists.
fn listed(value: &Value) -> Result<Set> {
    Ok(match value {
        Value::Array(array) => array.iter().cloned().collect(),
        Value::Set(set) => Set::clone(set),
        Value::Object(object) => object.keys().cloned().collect(),
        other => return wrong_type(2, "one of {object, set, array}", other),
    })
}

/// `object.remove`
pub(super) fn remove(args: &[Value]) -> Result {
    let (object, keys) = (object(&args[0], 1)?, listed(&args[1])?);
    Ok(picked(object, |key| !keys.contains(key)))
}

/// `object.filter`
pub(super) fn filter(args: &[Value]) -> Result {
    let (object, keys) = (object(&args[0], 1)?, listed(&args[1])?);
    Ok(picked(object, |key| keys.contains(key)))
}

fn picked(object: &Object, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut result = Object::new();
    for (key, value) in object.iter() {
        if wanted(key) {
            result.insert(key.clone(), value.clone());
        }
    }
    result.into_value()
}

/// `object.union`
/// objects under the same key are united too, of other values the second's wins
pub(super) fn union(args: &[Value]) -> Result {
    let (left, right) = (object(&args[0], 1)?, object(&args[1], 2)?);
    let united = unite(left, right);
    check_collection(united.len())?;
    Ok(united.into_value())
}

/// `object.union_n`
pub(super) fn union_n(args: &[Value]) -> Result {
    let mut united = Object::new();
    for member in array(&args[0], 1)?.iter() {
        let Value::Object(member) = member else {
            return failed(format!(
                "operand 1 must be array of objects but got array containing {}",
                type_name(member)
            ));
        };
        united = unite(&united, member);
        check_collection(united.len())?;
    }
    Ok(united.into_value())
}

fn unite(left: &Object, right: &Object) -> Object {
    let mut united = left.clone();
    for (key, value) in right.iter() {
        let value = match (left.get(key), value) {
            (Some(Value::Object(left)), Value::Object(right)) => unite(left, right).into_value(),
            _ => value.clone(),
        };
        united.insert(key.clone(), value);
    }
    united
}

/// `object.subset`
pub(super) fn subset(args: &[Value]) -> Result {
    let (whole, part) = (&args[0], &args[1]);
    match (whole, part) {
        (Value::Object(_), Value::Object(_))
        | (Value::Set(_), Value::Set(_))
        | (Value::Array(_), Value::Array(_)) => Ok(Value::from(includes(whole, part))),
        (Value::Array(whole), Value::Set(part)) => {
            let mut missing = part.len();
            // OPA counts, so that an element which is there twice makes up for one that is not there, and
            // an empty array has not even the empty set.
            Ok(Value::from(whole.iter().any(|element| {
                missing = missing.wrapping_sub(usize::from(part.contains(element)));
                missing == 0
            })))
        }
        _ => failed("both arguments object.subset must be of the same type or array and set"),
    }
}

fn includes(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.get(key).is_some_and(|whole| whole == part || includes(whole, part))),
        (Value::Set(whole), Value::Set(part)) => part.is_subset(whole),
        (Value::Array(whole), Value::Array(part)) => consecutive(whole.as_slice(), part.as_slice()),
        _ => false,
    }
}

/// Whether `part` stands somewhere in `whole`, in one piece.
fn consecutive(whole: &[Value], part: &[Value]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}
