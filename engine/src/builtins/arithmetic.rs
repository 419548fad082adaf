//! `+`, `-`, `*`, `/`, `%`, rounding, bits and ranges.

use num_bigint::{BigInt, Sign};
use regorus::Value;

use super::big_float::{BigFloat, MAX_NUMBER_BITS, int_value, too_large, value_int};
use super::operands::{check_collection, failed, wrong_type};
use super::{Result, sets};

fn number(value: &Value, position: usize) -> Result<BigFloat> {
    match BigFloat::from_value(value) {
        Some(number) => Ok(number),
        None => wrong_type(position, "number", value),
    }
}

/// Both arguments when they are integers of 64 bits.
fn ints(args: &[Value]) -> Option<(i64, i64)> {
    match (&args[0], &args[1]) {
        (Value::Number(left), Value::Number(right)) => left.as_i64().zip(right.as_i64()),
        _ => None,
    }
}

/// `plus`
pub(super) fn plus(args: &[Value]) -> Result {
    match ints(args).and_then(|(left, right)| left.checked_add(right)) {
        Some(sum) => Ok(Value::from(sum)),
        None => number(&args[0], 1)?.add(number(&args[1], 2)?).into_value(),
    }
}

/// `minus`
/// of numbers and of sets
pub(super) fn minus(args: &[Value]) -> Result {
    if let Some(difference) = ints(args).and_then(|(left, right)| left.checked_sub(right)) {
        return Ok(Value::from(difference));
    }
    match (&args[0], &args[1]) {
        (Value::Set(_), Value::Set(_)) => sets::difference(args),
        (Value::Number(_), Value::Number(_)) => {
            number(&args[0], 1)?.add(number(&args[1], 2)?.negated()).into_value()
        }
        (Value::Set(_), other) => wrong_type(2, "set", other),
        (Value::Number(_), other) => wrong_type(2, "number", other),
        (other, _) => wrong_type(1, "one of {number, set}", other),
    }
}

/// `mul`
pub(super) fn mul(args: &[Value]) -> Result {
    match ints(args).and_then(|(left, right)| left.checked_mul(right)) {
        Some(product) => Ok(Value::from(product)),
        None => number(&args[0], 1)?.mul(number(&args[1], 2)?).into_value(),
    }
}

/// `div`
pub(super) fn div(args: &[Value]) -> Result {
    if let Some((left, right)) = ints(args)
        && left.checked_rem(right) == Some(0)
    {
        return Ok(Value::from(left / right));
    }
    let (left, right) = (number(&args[0], 1)?, number(&args[1], 2)?);
    if right.is_zero() {
        return failed("divide by zero");
    }
    left.div(right).into_value()
}

/// `rem`
pub(super) fn rem(args: &[Value]) -> Result {
    if let Some(remainder) = ints(args).and_then(|(left, right)| left.checked_rem(right)) {
        return Ok(Value::from(remainder));
    }
    let (left, right) = (number(&args[0], 1)?, number(&args[1], 2)?);
    if !left.is_int() || !right.is_int() {
        return failed("modulo on floating-point number");
    }
    if right.is_zero() {
        return failed("modulo by zero");
    }
    Ok(int_value(left.truncated()? % right.truncated()?))
}

/// `abs`
pub(super) fn abs(args: &[Value]) -> Result {
    number(&args[0], 1)?.abs().into_value()
}

/// `round`
/// to the nearest integer, halves away from zero
pub(super) fn round(args: &[Value]) -> Result {
    match &args[0] {
        Value::Number(number) if !number.is_integer() => {
            integral(number.as_f64().unwrap_or_default().round())
        }
        other => number(other, 1)?.into_value(),
    }
}

/// `ceil`
/// with OPA's slip: between -1 and 0 it answers 1
pub(super) fn ceil(args: &[Value]) -> Result {
    match fraction(&args[0]) {
        Some(float) if float > -1.0 => integral(float.trunc() + 1.0),
        Some(float) => integral(float.trunc()),
        None => number(&args[0], 1)?.into_value(),
    }
}

/// `floor`
/// with OPA's slip: between -1 and 0 it answers 0
pub(super) fn floor(args: &[Value]) -> Result {
    match fraction(&args[0]) {
        Some(float) if float > -1.0 => integral(float.trunc()),
        Some(float) => integral(float.trunc() - 1.0),
        None => number(&args[0], 1)?.into_value(),
    }
}

fn fraction(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) if !number.is_integer() => number.as_f64(),
        _ => None,
    }
}

/// The value of a double that is an integer.
fn integral(float: f64) -> Result {
    match BigInt::parse_bytes(float.to_string().as_bytes(), 10) {
        Some(int) => Ok(int_value(int)),
        None => failed("the number is out of range"),
    }
}

fn int(value: &Value, position: usize) -> Result<BigInt> {
    match value_int(value) {
        Some(int) => Ok(int),
        None if matches!(value, Value::Number(_)) => {
            failed(format!("operand {position} must be integer number but got floating-point number"))
        }
        None => wrong_type(position, "integer", value),
    }
}

/// `bits.or`
pub(super) fn bits_or(args: &[Value]) -> Result {
    Ok(int_value(int(&args[0], 1)? | int(&args[1], 2)?))
}

/// `bits.and`
pub(super) fn bits_and(args: &[Value]) -> Result {
    Ok(int_value(int(&args[0], 1)? & int(&args[1], 2)?))
}

/// `bits.xor`
pub(super) fn bits_xor(args: &[Value]) -> Result {
    Ok(int_value(int(&args[0], 1)? ^ int(&args[1], 2)?))
}

/// `bits.negate`
pub(super) fn bits_negate(args: &[Value]) -> Result {
    Ok(int_value(!int(&args[0], 1)?))
}

/// `bits.lsh`
pub(super) fn bits_lsh(args: &[Value]) -> Result {
    let (bits, count) = (int(&args[0], 1)?, shift(&args[1])?);
    if bits.sign() == Sign::NoSign {
        return Ok(int_value(bits));
    }
    if count.saturating_add(bits.bits()) > MAX_NUMBER_BITS {
        return Err(too_large());
    }
    Ok(int_value(bits << count))
}

/// `bits.rsh`
pub(super) fn bits_rsh(args: &[Value]) -> Result {
    let (bits, count) = (int(&args[0], 1)?, shift(&args[1])?);
    // Beyond the number's size nothing but its sign is left.
    Ok(int_value(&bits >> count.min(bits.bits() + 1)))
}

/// The number of bits to shift by.
fn shift(value: &Value) -> Result<u64> {
    let count = int(value, 2)?;
    if count.sign() == Sign::Minus {
        return failed("operand 2 must be an unsigned integer number but got a negative integer");
    }
    Ok(u64::try_from(&count).unwrap_or(u64::MAX))
}

/// `numbers.range`
pub(super) fn range(args: &[Value]) -> Result {
    steps(&int(&args[0], 1)?, &int(&args[1], 2)?, &BigInt::from(1))
}

/// `numbers.range_step`
pub(super) fn range_step(args: &[Value]) -> Result {
    let (first, last, step) = (int(&args[0], 1)?, int(&args[1], 2)?, int(&args[2], 3)?);
    if step.sign() != Sign::Plus {
        return failed("numbers.range_step: step must be a positive integer");
    }
    steps(&first, &last, &step)
}

fn steps(first: &BigInt, last: &BigInt, step: &BigInt) -> Result {
    let distance = BigInt::from_biguint(Sign::Plus, (last - first).magnitude().clone());
    let count = usize::try_from(distance / step).unwrap_or(usize::MAX).saturating_add(1);
    check_collection(count)?;
    let step = if first <= last { step.clone() } else { -step };
    let mut next = first.clone();
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        numbers.push(int_value(next.clone()));
        next += &step;
    }
    Ok(Value::from(numbers))
}

/// The number that `text` writes, within the range of a double: digits with a sign, a point and an exponent.
pub(super) fn parse_number(text: &str) -> Option<Value> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if !plain || !text.parse::<f64>().ok()?.is_finite() {
        return None;
    }
    Value::from_numeric_string(text).ok()
}
