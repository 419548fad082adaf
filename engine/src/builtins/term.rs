//! Values as OPA prints them: the syntax of the language.

use std::sync::LazyLock;

use regex::Regex;
use regorus::Value;

use super::Result;
use super::comparison::compare;
use super::operands::{array, check_string, failed};

/// `value` in the language's syntax, as `%v` of a composite prints it: `{"a": [1, null]}`.
pub(super) fn to_string(value: &Value) -> Result<String> {
    let mut text = String::new();
    write(&mut text, value)?;
    Ok(text)
}

/// `value` as `print` shows it, where there is no way to fail.
pub(crate) fn shown(value: &Value) -> String {
    display(value).unwrap_or_else(|_| "<too long>".to_owned())
}

/// `value` as `print` and template strings show it: a string as it is, all else as a term.
pub(crate) fn display(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        other => to_string(other),
    }
}

/// `internal.template_string`
/// an expression's part is a set of its value, which is empty when it is undefined
pub(super) fn template_string(args: &[Value]) -> Result {
    let mut out = String::new();
    for part in array(&args[0], 1)?.iter() {
        match part {
            Value::Set(set) if set.len() > 1 => {
                return failed("template-strings must not produce multiple outputs");
            }
            Value::Set(set) => match set.first() {
                Some(value) => out.push_str(&display(value)?),
                None => out.push_str("<undefined>"),
            },
            other => out.push_str(&display(other)?),
        }
        check_string(out.len())?;
    }
    Ok(Value::from(out))
}

fn write(out: &mut String, value: &Value) -> Result<()> {
    check_string(out.len())?;
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(_) => out.push_str(&number_text(value)),
        Value::String(text) => quote(out, text),
        Value::Array(array) => write_all(out, '[', array.iter(), ']')?,
        Value::Set(set) if set.is_empty() => out.push_str("set()"),
        Value::Set(set) => {
            let mut members: Vec<_> = set.iter().collect();
            members.sort_by(|a, b| compare(a, b));
            write_all(out, '{', members.into_iter(), '}')?;
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by(|a, b| compare(a.0, b.0));
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, key)?;
                out.push_str(": ");
                write(out, value)?;
            }
            out.push('}');
        }
        Value::Undefined => out.push_str("<undefined>"),
    }
    Ok(())
}

fn write_all<'a>(
    out: &mut String,
    open: char,
    values: impl Iterator<Item = &'a Value>,
    close: char,
) -> Result<()> {
    out.push(open);
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, value)?;
    }
    out.push(close);
    Ok(())
}

/// A number as JSON writes it: whole numbers in full, others by the shortest decimal, very small or very
/// large ones with an exponent.
pub(super) fn number_text(value: &Value) -> String {
    let Value::Number(number) = value else { return String::new() };
    match number.as_f64() {
        Some(float) if !number.is_integer() && float.abs() < 1e-6 => {
            let text = format!("{float:e}");
            match text.split_once("e-") {
                Some((digits, exponent)) if exponent.len() < 2 => format!("{digits}e-0{exponent}"),
                _ => text,
            }
        }
        _ => number.format_decimal(),
    }
}

/// `text` in quotes, as Go's `%q` writes it.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        push_escaped(out, character, '"', false);
    }
    out.push('"');
}

/// `character` as Go writes it inside quotes of the kind `quote`.
pub(super) fn push_escaped(out: &mut String, character: char, quote: char, ascii: bool) {
    use std::fmt::Write as _;
    match character {
        '\\' => out.push_str("\\\\"),
        c if c == quote => out.extend(['\\', c]),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        ' '..='~' => out.push(character),
        // Writing to a string does not fail.
        '\0'..='\x1f' | '\x7f' => _ = write!(out, "\\x{:02x}", u32::from(character)),
        c if !ascii && is_print(c) => out.push(c),
        c if u32::from(c) < 0x10000 => _ = write!(out, "\\u{:04x}", u32::from(c)),
        c => _ = write!(out, "\\U{:08x}", u32::from(c)),
    }
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols, and the blank.
fn is_print(character: char) -> bool {
    static PRINT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^[ \p{L}\p{M}\p{N}\p{P}\p{S}]$").ok());
    let mut utf8 = [0; 4];
    PRINT.as_ref().is_some_and(|print| print.is_match(character.encode_utf8(&mut utf8)))
}
