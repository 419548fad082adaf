//! Functions of sets.

use regorus::Value;
use regorus::value::Set;

use super::Result;
use super::operands::{check_collection, set};

/// `minus` of sets
pub(super) fn difference(args: &[Value]) -> Result {
    Ok(set(&args[0], 1)?.difference(set(&args[1], 2)?).into_value())
}

/// `and`
pub(super) fn and(args: &[Value]) -> Result {
    Ok(set(&args[0], 1)?.intersection(set(&args[1], 2)?).into_value())
}

/// `or`
pub(super) fn or(args: &[Value]) -> Result {
    let union = set(&args[0], 1)?.union(set(&args[1], 2)?);
    check_collection(union.len())?;
    Ok(union.into_value())
}

/// `intersection`
pub(super) fn intersection(args: &[Value]) -> Result {
    let mut common: Option<Set> = None;
    for member in set(&args[0], 1)?.iter() {
        let member = set(member, 1)?;
        common = Some(match common {
            Some(common) => common.intersection(member),
            None => Set::clone(member),
        });
    }
    Ok(common.unwrap_or_default().into_value())
}

/// `union`
pub(super) fn union(args: &[Value]) -> Result {
    let mut all = Set::new();
    for member in set(&args[0], 1)?.iter() {
        all.extend(set(member, 1)?.iter().cloned());
        check_collection(all.len())?;
    }
    Ok(all.into_value())
}
