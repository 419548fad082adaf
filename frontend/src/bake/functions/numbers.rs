//! Numbers and truth values.
#![expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]

use num_bigint::{BigInt, Sign};

use super::FunctionError;
use super::arguments::{any, number, whole};
use crate::bake::Environment;
use crate::bake::value::number::NumberError;
use crate::bake::value::{Number, Type, Value};

/// As many numbers as `range` makes at most.
const MAX_RANGE: usize = 1024;

type Result = std::result::Result<Value, FunctionError>;

fn done(number: std::result::Result<Number, NumberError>) -> Result {
    Ok(Value::Number(number?))
}

fn truth(arguments: &[Value], index: usize) -> bool {
    arguments.get(index) == Some(&Value::Bool(true))
}

macro_rules! arithmetic {
    ($($name:ident)*) => {$(
        pub(super) fn $name(arguments: &[Value], _: &Environment) -> Result {
            done(number(arguments, 0).$name(&number(arguments, 1)))
        }
    )*};
}

arithmetic!(add subtract multiply divide modulo);

macro_rules! comparison {
    ($($name:ident $operator:tt)*) => {$(
        pub(super) fn $name(arguments: &[Value], _: &Environment) -> Result {
            Ok(Value::Bool(number(arguments, 0) $operator number(arguments, 1)))
        }
    )*};
}

comparison!(lessthan < lessthanorequalto <= greaterthan > greaterthanorequalto >=);

pub(super) fn and(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(truth(arguments, 0) && truth(arguments, 1)))
}

pub(super) fn or(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(truth(arguments, 0) || truth(arguments, 1)))
}

pub(super) fn not(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Bool(!truth(arguments, 0)))
}

pub(super) fn absolute(arguments: &[Value], _: &Environment) -> Result {
    let number = number(arguments, 0);
    Ok(Value::Number(if number.sign() == Sign::Minus { number.negate() } else { number }))
}

pub(super) fn negate(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Number(number(arguments, 0).negate()))
}

pub(super) fn ceil(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Number(number(arguments, 0).ceil()))
}

pub(super) fn floor(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Number(number(arguments, 0).floor()))
}

pub(super) fn int(arguments: &[Value], _: &Environment) -> Result {
    Ok(Value::Number(number(arguments, 0).truncate()))
}

pub(super) fn signum(arguments: &[Value], _: &Environment) -> Result {
    let sign = match whole(arguments, 0)?.signum() {
        sign @ (-1 | 1) => sign,
        _ => 0,
    };
    Ok(Value::Number(sign.into()))
}

pub(super) fn log(arguments: &[Value], _: &Environment) -> Result {
    let (number, base) = (number(arguments, 0).to_f64(), number(arguments, 1).to_f64());
    done(Number::from_f64(number.ln() / base.ln()))
}

pub(super) fn pow(arguments: &[Value], _: &Environment) -> Result {
    done(Number::from_f64(number(arguments, 0).to_f64().powf(number(arguments, 1).to_f64())))
}

fn extreme(arguments: &[Value], better: fn(&Number, &Number) -> bool) -> Result {
    let mut numbers = (0..arguments.len()).map(|index| number(arguments, index));
    let first = numbers.next().ok_or("at least one number is needed")?;
    Ok(Value::Number(numbers.fold(first, |best, next| if better(&next, &best) { next } else { best })))
}

pub(super) fn max(arguments: &[Value], _: &Environment) -> Result {
    extreme(arguments, |next, best| next > best)
}

pub(super) fn min(arguments: &[Value], _: &Environment) -> Result {
    extreme(arguments, |next, best| next < best)
}

/// Digits, then small letters, then capital ones; capital ones are small ones up to base 36.
pub(super) fn parseint(arguments: &[Value], _: &Environment) -> Result {
    let Value::String(text) = any(arguments, 0) else {
        return Err("the first argument must be a string".into());
    };
    let base = whole(arguments, 1)?;
    let base =
        u32::try_from(base).ok().filter(|base| (2..=62).contains(base)).ok_or("no base between 2 and 62")?;
    let invalid = || format!("`{text}` is no whole number of base {base}");
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(&text)),
    };
    if digits.is_empty() {
        return Err(invalid().into());
    }
    if digits.len() > 2048 {
        return Err(NumberError::TooLarge.into());
    }
    let mut value = BigInt::ZERO;
    for digit in digits.bytes() {
        let digit = match digit {
            b'0'..=b'9' => u32::from(digit - b'0'),
            b'a'..=b'z' => u32::from(digit - b'a') + 10,
            b'A'..=b'Z' if base <= 36 => u32::from(digit - b'A') + 10,
            b'A'..=b'Z' => u32::from(digit - b'A') + 36,
            _ => return Err(invalid().into()),
        };
        if digit >= base {
            return Err(invalid().into());
        }
        value = value * base + digit;
    }
    done(Number::try_from(if negative { -value } else { value }))
}

pub(super) fn range(arguments: &[Value], _: &Environment) -> Result {
    let (zero, one) = (Number::from(0), Number::from(1));
    let (start, end, step) = match arguments.len() {
        1 => {
            let end = number(arguments, 0);
            let step = if end < zero { one.negate() } else { one };
            (zero.clone(), end, step)
        }
        2 => {
            let (start, end) = (number(arguments, 0), number(arguments, 1));
            let step = if end < start { one.negate() } else { one };
            (start, end, step)
        }
        3 => (number(arguments, 0), number(arguments, 1), number(arguments, 2)),
        _ => return Err("it takes one, two or three numbers".into()),
    };
    if step.is_zero() {
        return Err("the step must not be zero".into());
    }
    let down = step < zero;
    if (down && end > start) || (!down && end < start) {
        return Err("the step leads away from the end".into());
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if down { next > end } else { next < end } {
        if numbers.len() >= MAX_RANGE {
            return Err(format!("more than {MAX_RANGE} numbers").into());
        }
        let following = next.add(&step)?;
        numbers.push(Value::Number(std::mem::replace(&mut next, following)));
    }
    Ok(Value::list(Type::Number, numbers))
}
