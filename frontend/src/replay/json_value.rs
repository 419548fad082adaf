//! Messages that are JSON: the same when they mean the same, numbers by value and exactly.

use serde_json::Value;

/// Whether both texts are JSON and mean the same.
pub(super) fn same(one: &str, other: &str) -> bool {
    matches!((exact(one), exact(other)), (Ok(one), Ok(other)) if one == other)
}

/// The document with every number replaced by a string that names its value, since parsing would round it.
fn exact(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)?;
    let mut rewritten = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => number_length(rest),
            other => other.len_utf8(),
        };
        let (token, remaining) = rest.split_at(length);
        if matches!(first, '-' | '0'..='9') {
            rewritten.push_str("\"\\u0000");
            rewritten.push_str(&number_value(token));
            rewritten.push('"');
        } else {
            rewritten.push_str(token);
        }
        rest = remaining;
    }
    serde_json::from_str(&rewritten)
}

/// Length of the string literal that `text` starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn number_length(text: &str) -> usize {
    text.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(text.len())
}

/// `-12.50e3` as `-125e2`: no zeros at either end of the digits.
fn number_value(number: &str) -> String {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return "0".into();
    }
    // An exponent beyond i64 belongs to no number that anybody computes; it stays as written.
    let Ok(exponent) = exponent.parse::<i64>() else { return number.to_owned() };
    let zeros = i64::try_from(digits.len() - significant.len()).unwrap_or(i64::MAX);
    let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    format!("{sign}{significant}e{}", exponent.saturating_sub(places).saturating_add(zeros))
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn numbers_compare_by_value() {
        for (one, other) in [
            ("1", "1.0"),
            ("[1e2, 0.10]", "[100,1e-1]"),
            ("-0", "0"),
            (r#"{"a":1,"b":"1.0"}"#, r#"{"b":"1.0","a":1.00}"#),
            ("100000000000000000000", "1e20"),
            (r#""\"7""#, r#""\"7""#),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("18446744073709551616", "18446744073709551617"),
            ("1", "\"1\""),
            (r#""1.0""#, r#""1""#),
            ("[1,2]", "[2,1]"),
            ("1", "-1"),
            ("no json", "no json"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
