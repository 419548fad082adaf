//! Numbers of HCL: exact decimals.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use num_bigint::{BigInt, Sign};

/// Digits that a division that never ends is carried to. buildx computes with 512 bits, which are 154 digits.
const DIVISION_DIGITS: u64 = 154;
/// The largest number of bits before, and of digits after, the decimal point.
const MAX_BITS: u64 = 8192;
const MAX_SCALE: u32 = 2048;

/// A decimal number: `digits / 10^scale`, with no zero at the end of its fraction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Number {
    digits: BigInt,
    scale: u32,
}

/// A number that cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberError {
    #[error("a number has more than {MAX_BITS} bits or {MAX_SCALE} digits after its point")]
    TooLarge,
    #[error("division by zero")]
    DivisionByZero,
    #[error("not a number")]
    NotANumber,
}

impl Number {
    fn new(digits: BigInt, scale: u32) -> Result<Self, NumberError> {
        let (mut digits, mut scale) = (digits, scale);
        while scale > 0 && (&digits % 10u8) == BigInt::ZERO {
            digits /= 10u8;
            scale -= 1;
        }
        if digits.bits() > MAX_BITS || scale > MAX_SCALE {
            return Err(NumberError::TooLarge);
        }
        Ok(Self { digits, scale })
    }

    /// A number that was computed in floating point, as the shortest decimal that stands for it.
    pub(crate) fn from_f64(value: f64) -> Result<Self, NumberError> {
        if value.is_finite() { format!("{value:e}").parse() } else { Err(NumberError::NotANumber) }
    }

    pub(crate) fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The number, if it is whole and fits.
    pub(crate) fn to_i64(&self) -> Option<i64> {
        if self.is_whole() { i64::try_from(&self.digits).ok() } else { None }
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.scale == 0
    }

    pub(crate) fn whole(&self) -> Option<&BigInt> {
        self.is_whole().then_some(&self.digits)
    }

    /// The number without its fraction.
    pub(crate) fn truncate(&self) -> Self {
        Self { digits: &self.digits / power_of_ten(self.scale), scale: 0 }
    }

    pub(crate) fn floor(&self) -> Self {
        let whole = self.truncate();
        if self.is_whole() || self.sign() != Sign::Minus {
            whole
        } else {
            Self { digits: whole.digits - 1, scale: 0 }
        }
    }

    pub(crate) fn ceil(&self) -> Self {
        self.negate().floor().negate()
    }

    pub(crate) fn negate(&self) -> Self {
        Self { digits: -&self.digits, scale: self.scale }
    }

    pub(crate) fn sign(&self) -> Sign {
        self.digits.sign()
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.sign() == Sign::NoSign
    }

    pub(crate) fn add(&self, other: &Self) -> Result<Self, NumberError> {
        let (left, right, scale) = aligned(self, other);
        Self::new(left + right, scale)
    }

    pub(crate) fn subtract(&self, other: &Self) -> Result<Self, NumberError> {
        self.add(&other.negate())
    }

    pub(crate) fn multiply(&self, other: &Self) -> Result<Self, NumberError> {
        Self::new(&self.digits * &other.digits, self.scale + other.scale)
    }

    pub(crate) fn divide(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let (left, right, _) = aligned(self, other);
        // As many digits after the point as make `DIVISION_DIGITS` in all, rounded half to even.
        let whole_digits = decimal_digits(&left).saturating_sub(decimal_digits(&right));
        let small_digits = decimal_digits(&right).saturating_sub(decimal_digits(&left));
        let scale = u32::try_from((DIVISION_DIGITS + small_digits).saturating_sub(whole_digits))
            .map_err(|_| NumberError::TooLarge)?;
        let scaled = left * power_of_ten(scale);
        let (mut quotient, rest) = (&scaled / &right, &scaled % &right);
        let doubled = BigInt::from(rest.magnitude().clone()) * 2;
        let divisor = BigInt::from(right.magnitude().clone());
        let odd = (&quotient % 2u8) != BigInt::ZERO;
        if doubled > divisor || (doubled == divisor && odd) {
            let negative = (scaled.sign() == Sign::Minus) != (right.sign() == Sign::Minus);
            quotient += if negative { -1 } else { 1 };
        }
        Self::new(quotient, scale)
    }

    /// The rest of a division whose quotient is cut to a whole number: it has the dividend's sign.
    pub(crate) fn modulo(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let (left, right, scale) = aligned(self, other);
        Self::new(left % right, scale)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self { digits: value.into(), scale: 0 }
    }
}

impl TryFrom<BigInt> for Number {
    type Error = NumberError;

    fn try_from(value: BigInt) -> Result<Self, NumberError> {
        Self::new(value, 0)
    }
}

impl FromStr for Number {
    type Err = NumberError;

    /// A decimal, with a sign and an exponent if need be.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().map_err(|_| NumberError::NotANumber)?;
        let (sign, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (Sign::Minus, rest),
            None => (Sign::Plus, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::NotANumber);
        }
        if digits.len() > MAX_SCALE as usize {
            return Err(NumberError::TooLarge);
        }
        let value: BigInt = digits.parse().map_err(|_| NumberError::NotANumber)?;
        let value = if sign == Sign::Minus { -value } else { value };
        if value == BigInt::ZERO {
            return Ok(Self::from(0));
        }
        let fraction = i64::try_from(fraction.len()).map_err(|_| NumberError::TooLarge)?;
        let scale = fraction.checked_sub(exponent).ok_or(NumberError::TooLarge)?;
        let shift = u32::try_from(scale.unsigned_abs()).ok().filter(|&shift| shift <= MAX_SCALE);
        let shift = shift.ok_or(NumberError::TooLarge)?;
        if scale >= 0 { Self::new(value, shift) } else { Self::new(value * power_of_ten(shift), 0) }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits.magnitude().to_string();
        if self.sign() == Sign::Minus {
            formatter.write_str("-")?;
        }
        let scale = self.scale as usize;
        if scale == 0 {
            return formatter.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(formatter, "{whole}.{fraction}")
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right, _) = aligned(self, other);
        left.cmp(&right)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn power_of_ten(exponent: u32) -> BigInt {
    BigInt::from(10u8).pow(exponent)
}

fn aligned(left: &Number, right: &Number) -> (BigInt, BigInt, u32) {
    let scale = left.scale.max(right.scale);
    let scaled = |number: &Number| &number.digits * power_of_ten(scale - number.scale);
    (scaled(left), scaled(right), scale)
}

fn decimal_digits(value: &BigInt) -> u64 {
    value.magnitude().to_string().len() as u64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(number("0.1").add(&number("0.2")).unwrap().to_string(), "0.3");
        assert_eq!(number("1e3").to_string(), "1000");
        assert_eq!(number("-12.50e-1").to_string(), "-1.25");
        assert_eq!(number("7").modulo(&number("-3")).unwrap().to_string(), "1");
        assert_eq!(number("10").divide(&number("4")).unwrap().to_string(), "2.5");
        assert!(number("1").divide(&number("3")).unwrap().to_string().starts_with("0.33333"));
        assert_eq!(number("-1.5").floor().to_string(), "-2");
        assert_eq!(number("-1.5").ceil().to_string(), "-1");
        assert!(number("2") < number("2.01"));
    }

    #[test]
    fn bounded() {
        assert_eq!("1e99999999".parse::<Number>(), Err(NumberError::TooLarge));
        let mut value = number("123456789");
        let failed = (0..40).find_map(|_| match value.multiply(&value) {
            Ok(next) => {
                value = next;
                None
            }
            Err(error) => Some(error),
        });
        assert_eq!(failed, Some(NumberError::TooLarge));
        for text in ["", "-", "1.2.3", "e5", "0x10", "1e", "inf"] {
            assert_eq!(text.parse::<Number>(), Err(NumberError::NotANumber), "{text}");
        }
    }
}
