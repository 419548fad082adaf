//! `units.parse` and `units.parse_bytes`.

use num_bigint::BigInt;
use regorus::Value;

use super::Result;
use super::big_float::{int_value, too_large};
use super::operands::{failed, string};

/// A quotient of integers.
struct Ratio {
    numerator: BigInt,
    denominator: BigInt,
}

/// `units.parse`
/// SI and binary units; `m` is a thousandth, `M` a million
pub(super) fn parse(args: &[Value]) -> Result {
    let text = string(&args[0], 1)?.replace('"', "");
    let (number, unit) = split("units.parse", &text)?;
    let mut unit = unit.to_owned();
    if unit.is_char_boundary(1) && unit.len() > 1 {
        unit = format!("{}{}", &unit[..1], unit[1..].to_lowercase());
    }
    let (base, exponent) = match unit.as_str() {
        "" => (1000, 0),
        "m" => (1000, -1),
        "k" | "K" => (1000, 1),
        "M" => (1000, 2),
        "g" | "G" => (1000, 3),
        "t" | "T" => (1000, 4),
        "p" | "P" => (1000, 5),
        "e" | "E" => (1000, 6),
        "ki" | "Ki" => (1024, 1),
        "mi" | "Mi" => (1024, 2),
        "gi" | "Gi" => (1024, 3),
        "ti" | "Ti" => (1024, 4),
        "pi" | "Pi" => (1024, 5),
        "ei" | "Ei" => (1024, 6),
        _ => return failed(format!("units.parse: unit {unit} not recognized")),
    };
    let mut ratio = ratio("units.parse", number)?;
    let factor = BigInt::from(base).pow(i32::unsigned_abs(exponent));
    if exponent < 0 {
        ratio.denominator *= factor;
    } else {
        ratio.numerator *= factor;
    }
    if (&ratio.numerator % &ratio.denominator).sign() == num_bigint::Sign::NoSign {
        return Ok(int_value(ratio.numerator / ratio.denominator));
    }
    // Ten digits behind the point, halves away from zero.
    let scaled = ratio.numerator * BigInt::from(20_000_000_000_u64) / ratio.denominator;
    let half = if scaled.sign() == num_bigint::Sign::Minus { -1 } else { 1 };
    let digits: BigInt = (scaled + half) / 2;
    let sign = if digits.sign() == num_bigint::Sign::Minus { "-" } else { "" };
    let text = format!("{:0>11}", digits.magnitude().to_str_radix(10));
    let (whole, fraction) = text.split_at(text.len() - 10);
    Value::from_numeric_string(&format!("{sign}{whole}.{fraction}"))
        .or_else(|_| failed("units.parse: could not parse amount to a number"))
}

/// `units.parse_bytes`
pub(super) fn parse_bytes(args: &[Value]) -> Result {
    let text = string(&args[0], 1)?.to_lowercase().replace('"', "");
    let (number, unit) = split("units.parse_bytes", &text)?;
    let factor: u64 = match unit {
        "" => 1,
        "kb" | "k" => 1000,
        "kib" | "ki" => 1 << 10,
        "mb" | "m" => 1000_u64.pow(2),
        "mib" | "mi" => 1 << 20,
        "gb" | "g" => 1000_u64.pow(3),
        "gib" | "gi" => 1 << 30,
        "tb" | "t" => 1000_u64.pow(4),
        "tib" | "ti" => 1 << 40,
        "pb" | "p" => 1000_u64.pow(5),
        "pib" | "pi" => 1 << 50,
        "eb" | "e" => 1000_u64.pow(6),
        "eib" | "ei" => 1 << 60,
        _ => return failed(format!("units.parse_bytes: byte unit {unit} not recognized")),
    };
    let ratio = ratio("units.parse_bytes", number)?;
    Ok(int_value(ratio.numerator * factor / ratio.denominator))
}

/// Splits the amount from its unit.
fn split<'a>(function: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    if text.contains(' ') {
        return failed(format!("{function}: spaces not allowed in resource strings"));
    }
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' | b'.' | b'+' | b'-' => {}
            // An exponent, if a number follows; else the unit begins.
            b'e' | b'E' => match bytes.get(end + 1) {
                Some(b'+' | b'-') => end += 1,
                Some(b'0'..=b'9') => {}
                _ => break,
            },
            _ => break,
        }
        end += 1;
    }
    if end == 0 {
        return failed(format!("{function}: no byte amount provided"));
    }
    Ok(text.split_at(end))
}

fn ratio(function: &str, text: &str) -> Result<Ratio> {
    let malformed = || failed(format!("{function}: could not parse amount to a number"));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (text, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let unsigned = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let plain = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
    if !plain(unsigned) || !plain(fraction) || unsigned.len() + fraction.len() == 0 {
        return malformed();
    }
    if mantissa.len() > 5000 {
        return Err(too_large());
    }
    let (Some(exponent), Some(numerator)) =
        (exponent, BigInt::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10))
    else {
        return malformed();
    };
    let exponent = exponent.saturating_sub(i64::try_from(fraction.len()).unwrap_or(i64::MAX));
    let Some(size) = u32::try_from(exponent.unsigned_abs()).ok().filter(|size| *size <= 5000) else {
        return Err(too_large());
    };
    let power = BigInt::from(10).pow(size);
    Ok(if exponent < 0 {
        Ratio { numerator, denominator: power }
    } else {
        Ratio { numerator: numerator * power, denominator: BigInt::from(1) }
    })
}
