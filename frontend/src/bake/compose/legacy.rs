//! Plain scalars that are numbers or dates in YAML 1.1, as buildx reads them, but strings in YAML 1.2: `0022`, `1_000`,
//! `2024-01-01`.
//!
//! The YAML library reads 1.2 and does not tell whether a scalar was quoted, so that is looked up in the text.

use serde_json::Value;

use crate::bake::error::{BakeError, Position};

/// The value of a scalar that is a string in YAML 1.2.
pub(super) fn read(scalar: &str, text: &str, at: &Position) -> Result<Value, BakeError> {
    let legacy = legacy_value(scalar);
    if legacy == Legacy::String {
        return Ok(Value::String(scalar.to_owned()));
    }
    let unresolved = |reason: &str| BakeError::unresolved(at, format!("the value `{scalar}`"), reason);
    match (occurs(scalar, text, true), occurs(scalar, text, false)) {
        (_, false) => Ok(Value::String(scalar.to_owned())),
        (true, true) => {
            Err(unresolved("it is there with and without quotes, which makes a difference: quote it always"))
        }
        (false, true) => match legacy {
            Legacy::Value(value) => Ok(value),
            _ => Err(unresolved("it is a time or a number of YAML 1.1 without quotes: quote it")),
        },
    }
}

/// What a plain scalar is in YAML 1.1.
#[derive(PartialEq)]
enum Legacy {
    String,
    Value(Value),
    /// A time, or a number with a fraction: only its quoted form is clear.
    Unclear,
}

fn legacy_value(scalar: &str) -> Legacy {
    let digits = scalar.strip_prefix(['-', '+']).unwrap_or(scalar);
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return Legacy::String;
    }
    let sign = if scalar.starts_with('-') { "-" } else { "" };
    let plain = digits.replace('_', "");
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let octal = plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|byte| byte < b'8');
        let number = if octal { i64::from_str_radix(&plain, 8) } else { plain.parse() };
        return match number {
            Ok(number) => format!("{sign}{number}")
                .parse::<i64>()
                .map_or(Legacy::String, |number| Legacy::Value(number.into())),
            Err(_) => Legacy::String,
        };
    }
    if digits.contains('_') && plain.parse::<f64>().is_ok() {
        return Legacy::Unclear;
    }
    let date = scalar.get(..10).is_some_and(|date| {
        date.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    });
    match scalar.get(10..) {
        Some("") if date => Legacy::Value(Value::String(format!("{scalar} 00:00:00 +0000 UTC"))),
        Some(rest) if date && rest.starts_with(['T', 't', ' ']) => Legacy::Unclear,
        _ => Legacy::String,
    }
}

/// Whether the scalar stands in the text by itself, in quotes or without.
fn occurs(scalar: &str, text: &str, quoted: bool) -> bool {
    text.match_indices(scalar).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + scalar.len()..).and_then(|after| after.chars().next());
        match (before, after) {
            (Some(open @ ('"' | '\'')), Some(close)) if open == close => quoted,
            (before, after) => {
                !quoted
                    && before.is_none_or(|one| one.is_whitespace() || "[{,:".contains(one))
                    && after.is_none_or(|one| one.is_whitespace() || "]},".contains(one))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn plain_and_quoted() {
        let at = Position::default();
        let value = |scalar: &str, text: &str| read(scalar, text, &at);
        assert_eq!(value("0022", "a: 0022\n").unwrap(), json!(18));
        assert_eq!(value("0022", "a: \"0022\"\n").unwrap(), json!("0022"));
        assert_eq!(value("1_000", "[1_000]").unwrap(), json!(1000));
        assert_eq!(value("0099", "a: 0099").unwrap(), json!(99));
        assert_eq!(value("1.2.3", "a: 1.2.3").unwrap(), json!("1.2.3"));
        assert_eq!(value("2024-01-01", "a: 2024-01-01").unwrap(), json!("2024-01-01 00:00:00 +0000 UTC"));
        assert!(!value("0022", "a: 0022\nb: '0022'").unwrap_err().is_usage());
        assert!(!value("2024-01-01T00:00:00Z", "a: 2024-01-01T00:00:00Z").unwrap_err().is_usage());
    }
}
