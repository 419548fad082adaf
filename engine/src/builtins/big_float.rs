//! Binary floating point with a mantissa of 64 bits, which is what OPA computes with (Go's `big.Float` at its
//! default precision), so that `0.1 + 0.2` is `0.3`.

use num_bigint::{BigInt, BigUint, Sign};
use regorus::Value;

use super::{BuiltinError, Result};

/// The largest number, in bits. Far beyond what a policy computes, and far below what takes long.
pub(super) const MAX_NUMBER_BITS: u64 = 1 << 14;

/// `mantissa * 2^exponent`; the mantissa has at most 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BigFloat {
    negative: bool,
    mantissa: u64,
    exponent: i64,
}

impl BigFloat {
    /// The number nearest to an argument. `None` when `value` is no number.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        if let Some(int) = number.as_i64() {
            return Some(Self { negative: int < 0, mantissa: int.unsigned_abs(), exponent: 0 });
        }
        Self::from_decimal(&number.format_decimal())
    }

    /// The number nearest to a decimal without exponent, such as `-12.5`.
    fn from_decimal(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let digits = BigUint::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10)?;
        let scale = BigUint::from(10u8).pow(u32::try_from(fraction.len()).ok()?);
        Some(Self::quotient(negative, &digits, &scale, 0))
    }

    pub(super) fn from_int(int: &BigInt) -> Self {
        Self::rounded(int.sign() == Sign::Minus, int.magnitude(), 0, false)
    }

    /// `mantissa * 2^exponent`, to 64 bits and nearest, ties to even. `sticky` tells that there is a bit more.
    fn rounded(negative: bool, mantissa: &BigUint, exponent: i64, sticky: bool) -> Self {
        let excess = mantissa.bits().saturating_sub(64);
        if excess == 0 {
            let mantissa = u64::try_from(mantissa).unwrap_or(u64::MAX);
            return Self { negative, mantissa, exponent };
        }
        let kept = u64::try_from(mantissa >> excess).unwrap_or(u64::MAX);
        let half = mantissa.bit(excess - 1);
        let below = sticky || mantissa.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
        let up = half && (below || kept & 1 == 1);
        let exponent = exponent + i64::try_from(excess).unwrap_or(i64::MAX / 2);
        match kept.checked_add(u64::from(up)) {
            Some(mantissa) => Self { negative, mantissa, exponent },
            None => Self { negative, mantissa: 1 << 63, exponent: exponent + 1 },
        }
    }

    /// `dividend / divisor * 2^exponent`; the divisor is not zero.
    fn quotient(negative: bool, dividend: &BigUint, divisor: &BigUint, exponent: i64) -> Self {
        let shift = (divisor.bits() + 70).saturating_sub(dividend.bits());
        let shifted = dividend << shift;
        let quotient = &shifted / divisor;
        let sticky = &quotient * divisor != shifted;
        Self::rounded(negative, &quotient, exponent - i64::try_from(shift).unwrap_or(0), sticky)
    }

    pub(super) fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    fn signed(self) -> BigInt {
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_biguint(sign, BigUint::from(self.mantissa))
    }

    pub(super) fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    pub(super) fn abs(self) -> Self {
        Self { negative: false, ..self }
    }

    pub(super) fn add(self, other: Self) -> Self {
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        if low.is_zero() || high.is_zero() {
            return if low.is_zero() { high } else { low };
        }
        let distance = high.exponent - low.exponent;
        if distance > 200 {
            return high;
        }
        let sum = (high.signed() << distance) + low.signed();
        Self::rounded(sum.sign() == Sign::Minus, sum.magnitude(), low.exponent, false)
    }

    pub(super) fn mul(self, other: Self) -> Self {
        let product = BigUint::from(u128::from(self.mantissa) * u128::from(other.mantissa));
        Self::rounded(self.negative != other.negative, &product, self.exponent + other.exponent, false)
    }

    /// The quotient; the divisor is not zero.
    pub(super) fn div(self, other: Self) -> Self {
        Self::quotient(
            self.negative != other.negative,
            &BigUint::from(self.mantissa),
            &BigUint::from(other.mantissa),
            self.exponent - other.exponent,
        )
    }

    pub(super) fn is_int(self) -> bool {
        self.mantissa == 0
            || self.exponent >= 0
            || i64::from(self.mantissa.trailing_zeros()) >= self.exponent.saturating_neg()
    }

    /// The integer towards zero.
    pub(super) fn truncated(self) -> Result<BigInt> {
        if self.exponent >= 0 {
            self.check_size()?;
            return Ok(self.signed() << self.exponent);
        }
        let dropped = u32::try_from(self.exponent.saturating_neg()).unwrap_or(u32::MAX);
        let kept = self.mantissa.checked_shr(dropped).unwrap_or(0);
        Ok(Self { mantissa: kept, exponent: 0, ..self }.signed())
    }

    fn check_size(self) -> Result<()> {
        if self.mantissa != 0 && self.exponent > i64::try_from(MAX_NUMBER_BITS).unwrap_or(i64::MAX) {
            return Err(too_large());
        }
        Ok(())
    }

    /// The number as a value: integers by their shortest decimal that means the same at this precision,
    /// others as the nearest double.
    pub(super) fn into_value(self) -> Result {
        if self.is_int() {
            return Ok(int_value(self.shortest_int()?));
        }
        let small = self.exponent.clamp(-1200, 1200);
        let (half, rest) = (small / 2, small - small / 2);
        let power = |exponent: i64| 2f64.powi(i32::try_from(exponent).unwrap_or(0));
        #[expect(clippy::cast_precision_loss, reason = "to the nearest double is what is meant")]
        let magnitude = self.mantissa as f64 * power(half) * power(rest);
        Ok(Value::from(if self.negative { -magnitude } else { magnitude }))
    }

    fn shortest_int(self) -> Result<BigInt> {
        let exact = self.truncated()?;
        if exact.bits() <= 64 {
            return Ok(exact);
        }
        let digits = exact.magnitude().to_str_radix(10).len();
        for kept in 1..=digits {
            let unit = BigInt::from(10u8).pow(u32::try_from(digits - kept).unwrap_or(0));
            let half = BigInt::from_biguint(exact.sign(), (&unit / 2u8).magnitude().clone());
            let candidate = (&exact + half) / &unit * &unit;
            let nearest = Self::from_int(&candidate);
            if nearest.signed() << nearest.exponent.max(0) == exact {
                return Ok(candidate);
            }
        }
        Ok(exact)
    }
}

/// An integer as a value.
pub(super) fn int_value(int: BigInt) -> Value {
    Value::Number(int.into())
}

/// The integer that `value` is, exactly.
pub(super) fn value_int(value: &Value) -> Option<BigInt> {
    let Value::Number(number) = value else { return None };
    match number.as_i64() {
        Some(int) => Some(BigInt::from(int)),
        None => BigInt::parse_bytes(number.format_decimal().as_bytes(), 10),
    }
}

/// The error of a number that is too large.
pub(super) fn too_large() -> BuiltinError {
    BuiltinError::Limit(format!("a number exceeds the limit of {MAX_NUMBER_BITS} bits"))
}
