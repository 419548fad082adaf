//! `yaml.marshal`: block style, as Go's `sigs.k8s.io/yaml` writes it. Long lines are not folded.

use std::cmp::Ordering;

use regorus::Value;

use super::comparison::compare;
use super::operands::check_string;
use super::{Result, json, term, yaml};

/// `yaml.marshal`
pub(super) fn marshal(args: &[Value]) -> Result {
    let mut out = String::new();
    write(&mut out, &args[0], 0, Place::Start)?;
    Ok(Value::from(out))
}

/// What stands on the line before a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    /// `key:`
    Key,
    /// `- `
    Dash,
}

fn write(out: &mut String, value: &Value, indent: usize, place: Place) -> Result<()> {
    check_string(out.len())?;
    match value {
        Value::Array(array) if !array.is_empty() => write_array(out, array.iter(), indent, place),
        Value::Set(set) if !set.is_empty() => {
            let mut members: Vec<_> = set.iter().collect();
            members.sort_by(|a, b| compare(a, b));
            write_array(out, members.into_iter(), indent, place)
        }
        Value::Object(object) if !object.is_empty() => {
            let mut entries = Vec::with_capacity(object.len());
            for (key, value) in object.iter() {
                entries.push((json::key_text(key)?, value));
            }
            entries.sort_by(|a, b| natural(&a.0, &b.0).then_with(|| a.0.cmp(&b.0)));
            if place == Place::Key {
                out.push('\n');
            }
            let indent = if place == Place::Start { 0 } else { indent + 2 };
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 || place != Place::Dash {
                    indentation(out, indent)?;
                }
                scalar(out, &key, None)?;
                out.push(':');
                write(out, value, indent, Place::Key)?;
            }
            Ok(())
        }
        other => {
            if place == Place::Key {
                out.push(' ');
            }
            match other {
                Value::Array(_) | Value::Set(_) => out.push_str("[]"),
                Value::Object(_) => out.push_str("{}"),
                Value::String(text) => {
                    let indent = if place == Place::Start { 0 } else { indent };
                    scalar(out, text, Some(indent + 2))?;
                }
                number => out.push_str(&json::to_json(number)?),
            }
            if !out.ends_with('\n') || !matches!(other, Value::String(_)) {
                out.push('\n');
            }
            Ok(())
        }
    }
}

fn write_array<'a>(
    out: &mut String,
    elements: impl Iterator<Item = &'a Value>,
    indent: usize,
    place: Place,
) -> Result<()> {
    if place == Place::Key {
        out.push('\n');
    }
    // Under a key the dashes stand below the key, not further in.
    let indent = if place == Place::Dash { indent + 2 } else { indent };
    for (index, element) in elements.enumerate() {
        if index > 0 || place != Place::Dash {
            indentation(out, indent)?;
        }
        out.push_str("- ");
        write(out, element, indent, Place::Dash)?;
    }
    Ok(())
}

fn indentation(out: &mut String, indent: usize) -> Result<()> {
    check_string(out.len().saturating_add(indent))?;
    out.push_str(&" ".repeat(indent));
    Ok(())
}

/// Writes a string; over several lines, indented as given, when it has several and may.
fn scalar(out: &mut String, text: &str, block_indent: Option<usize>) -> Result<()> {
    let printable = |c: char| c == '\n' || c == '\u{85}' || !(c.is_control() || c == '\u{feff}');
    let special = !text.chars().all(printable);
    if text.contains('\n') {
        let blank_ends =
            text.split('\n').rev().skip(1).any(|line| line.ends_with(' ')) || text.ends_with(' ');
        if let Some(indent) = block_indent
            && !special
            && !blank_ends
        {
            return literal(out, text, indent);
        }
        return double_quoted(out, text);
    }
    if special || is_other_type(text) {
        return double_quoted(out, text);
    }
    if may_be_plain(text) {
        out.push_str(text);
    } else {
        out.extend(["'", &text.replace('\'', "''"), "'"]);
    }
    Ok(())
}

fn literal(out: &mut String, text: &str, indent: usize) -> Result<()> {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        out.push('+');
    }
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            indentation(out, indent)?;
            out.push_str(line);
        }
        out.push('\n');
    }
    Ok(())
}

fn double_quoted(out: &mut String, text: &str) -> Result<()> {
    out.push('"');
    for character in text.chars() {
        match character {
            '\0' => out.push_str("\\0"),
            '\x1b' => out.push_str("\\e"),
            '\u{85}' => out.push_str("\\N"),
            '\u{feff}' => out.push_str("\\uFEFF"),
            c if c.is_control() && !('\x07'..='\x0d').contains(&c) => {
                out.push_str(&format!("\\x{:02X}", u32::from(c)));
            }
            c if c.is_ascii() => term::push_escaped(out, c, '"', false),
            c => out.push(c),
        }
    }
    out.push('"');
    check_string(out.len())
}

/// Whether `text` without quotes would be read as something else than a string.
fn is_other_type(text: &str) -> bool {
    let word = matches!(
        text,
        "" | "~"
            | "null"
            | "Null"
            | "NULL"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "<<"
            | ".nan"
            | ".NaN"
            | ".NAN"
    );
    let infinite = matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF");
    let base_60 = text.split(':').count() > 1
        && text
            .trim_start_matches(['+', '-'])
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ':' | '.' | '_'));
    let number = text.starts_with('.')
        && text[1..].starts_with(|c: char| c.is_ascii_digit())
        && text.parse::<f64>().is_ok();
    word || infinite || base_60 || number || yaml::plain_scalar(text).is_some()
}

fn may_be_plain(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().unwrap_or(' ');
    let second = characters.next().unwrap_or(' ');
    let indicator = matches!(
        first,
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
    ) || (matches!(first, '-' | '?' | ':') && second == ' ');
    !indicator
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

/// Compares with numbers in the texts by their size: punctuation, numbers, letters.
fn natural(left: &str, right: &str) -> Ordering {
    let runs = |text: &str| {
        let mut runs: Vec<(u8, u64, usize)> = Vec::new();
        for character in text.chars() {
            match (character.to_digit(10), runs.last_mut()) {
                (Some(digit), Some((1, number, length))) => {
                    *number = number.saturating_mul(10).saturating_add(u64::from(digit));
                    *length += 1;
                }
                (Some(digit), _) => runs.push((1, u64::from(digit), 1)),
                (None, _) => {
                    runs.push((
                        if character.is_alphabetic() { 2 } else { 0 },
                        u64::from(u32::from(character)),
                        0,
                    ));
                }
            }
        }
        runs
    };
    runs(left).cmp(&runs(right))
}
