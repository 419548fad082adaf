//! Doubles in Go's formats.

/// Formats a double as Go's `strconv` does: by `verb` `e`, `f`, `g` (or upper case), `x` or `b`, with
/// `precision` digits or as few as tell it from its neighbours. `sharp` keeps the zeros of `g`.
pub(super) fn format(float: f64, verb: char, precision: Option<usize>, sharp: bool) -> String {
    let text = match verb.to_ascii_lowercase() {
        'e' => exponential(float, precision, sharp),
        'f' => fixed(float, precision, sharp),
        'x' => hexadecimal(float, precision),
        'b' => binary(float),
        _ => general(float, precision, sharp),
    };
    if verb.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text }
}

fn fixed(float: f64, precision: Option<usize>, sharp: bool) -> String {
    let text = match precision {
        Some(precision) => format!("{float:.precision$}"),
        None => format!("{float}"),
    };
    if sharp && !text.contains('.') { text + "." } else { text }
}

/// `d.ddde±dd`
fn exponential(float: f64, precision: Option<usize>, sharp: bool) -> String {
    let text = match precision {
        Some(precision) => format!("{float:.precision$e}"),
        None => format!("{float:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if sharp && !digits.contains('.') { "." } else { "" };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}{point}e{sign}{exponent:0>2}")
}

fn general(float: f64, precision: Option<usize>, sharp: bool) -> String {
    let precision = precision.map(|precision| precision.max(1));
    let text = match precision {
        Some(precision) => format!("{float:.*e}", precision - 1),
        None => format!("{float:e}"),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let significant = digits.trim_start_matches('-').replace('.', "");
    let trimmed = significant.trim_end_matches('0').len().max(1);
    let kept = if sharp { precision.unwrap_or(6).max(trimmed) } else { trimmed };
    let count = |digits: usize| i32::try_from(digits).unwrap_or(i32::MAX);
    // The exponent from which on `e` is used.
    let threshold = match precision {
        None => 6,
        Some(precision) if precision > trimmed && count(trimmed) > exponent => count(trimmed),
        Some(precision) => count(precision),
    };
    if exponent < -4 || exponent >= threshold {
        return exponential(float, Some(kept - 1), sharp);
    }
    let decimals = i32::try_from(kept).unwrap_or(0) - 1 - exponent;
    fixed(float, Some(usize::try_from(decimals).unwrap_or(0)), sharp)
}

/// `0x1.8p+01`
fn hexadecimal(float: f64, precision: Option<usize>) -> String {
    let (negative, mut mantissa, mut exponent) = decode(float);
    let sign = if negative { "-" } else { "" };
    if mantissa == 0 {
        let zeros = precision.filter(|digits| *digits > 0).map(|digits| format!(".{}", "0".repeat(digits)));
        return format!("{sign}0x0{}p+00", zeros.unwrap_or_default());
    }
    // One bit before the point, 60 behind it.
    let shift = mantissa.leading_zeros() - 3;
    mantissa <<= shift;
    exponent += 60 - i32::try_from(shift).unwrap_or(0);
    if let Some(digits) = precision.filter(|digits| *digits < 15) {
        let dropped = u32::try_from(60 - digits * 4).unwrap_or(60);
        let (low, half) = (mantissa & ((1 << dropped) - 1), 1 << (dropped - 1));
        mantissa >>= dropped;
        if low > half || (low == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= dropped;
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let digits = match precision {
        Some(wanted) => format!("{:0<wanted$}", &digits[..wanted.min(15)]),
        None => digits.trim_end_matches('0').to_owned(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}0x1{point}{digits}p{exponent_sign}{:02}", exponent.abs())
}

/// `4503599627370496p-52`
fn binary(float: f64) -> String {
    let (negative, mantissa, exponent) = decode(float);
    format!("{}{mantissa}p{exponent:+}", if negative { "-" } else { "" })
}

/// Sign, mantissa, and the power of two that it is multiplied by.
fn decode(float: f64) -> (bool, u64, i32) {
    let bits = float.to_bits();
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    (bits >> 63 == 1, mantissa, exponent.max(1) - 1075)
}
