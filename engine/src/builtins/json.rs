//! `json.marshal`, `json.unmarshal` and their like: JSON as Go's `encoding/json` has it.

use regorus::Value;

use super::comparison::compare;
use super::json_parser;
use super::operands::{check_string, failed, object, string};
use super::{Result, term};

/// How a document is laid out.
struct Layout<'a> {
    pretty: bool,
    prefix: &'a str,
    indent: &'a str,
}

/// `json.marshal`
pub(super) fn marshal(args: &[Value]) -> Result {
    Ok(Value::from(to_json(&args[0])?))
}

/// `value` as JSON on one line: objects by key, sets as arrays.
pub(super) fn to_json(value: &Value) -> Result<String> {
    let mut out = String::new();
    write(&mut out, value, &Layout { pretty: false, prefix: "", indent: "" }, 0)?;
    Ok(out)
}

/// `json.marshal_with_options`
pub(super) fn marshal_with_options(args: &[Value]) -> Result {
    let (mut implied, mut explicit) = (false, None);
    let mut layout = Layout { pretty: false, prefix: "", indent: "\t" };
    for (option, value) in object(&args[1], 2)?.iter() {
        let Value::String(option) = option else {
            return failed("operand 2 failed to stringify a key");
        };
        match (option.as_ref(), value) {
            ("prefix", Value::String(prefix)) => (layout.prefix, implied) = (prefix, true),
            ("indent", Value::String(indent)) => (layout.indent, implied) = (indent, true),
            ("pretty", Value::Bool(pretty)) => explicit = Some(*pretty),
            ("prefix" | "indent" | "pretty", _) => {
                return failed(format!("operand 2 key {option} has a value of the wrong type"));
            }
            _ => return failed(format!("operand 2 object contained unknown key {option}")),
        }
    }
    layout.pretty = explicit.unwrap_or(implied);
    let mut out = String::new();
    if layout.pretty {
        out.push_str(layout.prefix);
    }
    write(&mut out, &args[0], &layout, 0)?;
    Ok(Value::from(out))
}

fn write(out: &mut String, value: &Value, layout: &Layout<'_>, depth: usize) -> Result<()> {
    check_string(out.len())?;
    match value {
        Value::Null | Value::Undefined => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(_) => out.push_str(&term::number_text(value)),
        Value::String(text) => write_string(out, text),
        Value::Array(array) => write_all(out, array.iter(), layout, depth)?,
        Value::Set(set) => {
            let mut members: Vec<_> = set.iter().collect();
            members.sort_by(|a, b| compare(a, b));
            write_all(out, members.into_iter(), layout, depth)?;
        }
        Value::Object(object) => {
            let mut entries = Vec::with_capacity(object.len());
            for (key, value) in object.iter() {
                entries.push((key_text(key)?, value));
            }
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            // Keys that are written alike are one key, and the last one counts.
            entries.reverse();
            entries.dedup_by(|a, b| a.0 == b.0);
            entries.reverse();
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                new_line(out, layout, depth + 1)?;
                write_string(out, key);
                out.push_str(if layout.pretty { ": " } else { ":" });
                write(out, value, layout, depth + 1)?;
            }
            if !entries.is_empty() {
                new_line(out, layout, depth)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn write_all<'a>(
    out: &mut String,
    values: impl ExactSizeIterator<Item = &'a Value>,
    layout: &Layout<'_>,
    depth: usize,
) -> Result<()> {
    let empty = values.len() == 0;
    out.push('[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(',');
        }
        new_line(out, layout, depth + 1)?;
        write(out, value, layout, depth + 1)?;
    }
    if !empty {
        new_line(out, layout, depth)?;
    }
    out.push(']');
    Ok(())
}

fn new_line(out: &mut String, layout: &Layout<'_>, depth: usize) -> Result<()> {
    if layout.pretty {
        check_string(layout.indent.len().saturating_mul(depth).saturating_add(out.len()))?;
        out.push('\n');
        out.push_str(layout.prefix);
        out.push_str(&layout.indent.repeat(depth));
    }
    Ok(())
}

/// The key of an object in JSON: a string as it is, anything else by its JSON.
pub(super) fn key_text(key: &Value) -> Result<String> {
    match key {
        Value::String(text) => Ok(text.to_string()),
        other => to_json(other),
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            // So that the text can stand in HTML and in JavaScript.
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// `json.unmarshal`
pub(super) fn unmarshal(args: &[Value]) -> Result {
    json_parser::parse(string(&args[0], 1)?)
}

/// `json.is_valid`
pub(super) fn is_valid(args: &[Value]) -> Result {
    match &args[0] {
        Value::String(text) => match json_parser::parse(text) {
            Ok(_) => Ok(Value::from(true)),
            Err(super::BuiltinError::Failed(_)) => Ok(Value::from(false)),
            Err(limit) => Err(limit),
        },
        _ => Ok(Value::from(false)),
    }
}
