//! `glob.match`: the globs of gobwas/glob, by way of regular expressions.

use regorus::Value;

use super::operands::{failed, string, type_name, wrong_type};
use super::{Result, regex};

/// `glob.match`
pub(super) fn matches(args: &[Value]) -> Result {
    let pattern = string(&args[0], 1)?;
    let delimiters = delimiters(&args[1])?;
    let text = string(&args[2], 3)?;
    let key = format!("glob {delimiters} {pattern}");
    let compiled = regex::cached(&key, || translate(pattern, &delimiters))?;
    Ok(Value::from(compiled.is_match(text)))
}

/// The characters that `*` and `?` do not match: none for null, a dot when none are given.
fn delimiters(value: &Value) -> Result<String> {
    let array = match value {
        Value::Null => return Ok(String::new()),
        Value::Array(array) if array.is_empty() => return Ok(String::from(".")),
        Value::Array(array) => array,
        other => return wrong_type(2, "one of {array, null}", other),
    };
    let mut all = String::new();
    for delimiter in array.iter() {
        match delimiter {
            Value::String(one) if one.chars().count() == 1 => all.push_str(one),
            other => {
                return failed(format!("operand 2 must be array of runes but got {}", type_name(other)));
            }
        }
    }
    Ok(all)
}

/// Writes a glob as a regular expression.
fn translate(pattern: &str, delimiters: &str) -> Result<String> {
    let delimiters: String = delimiters.chars().map(escape_in_class).collect();
    let one = if delimiters.is_empty() { String::from(".") } else { format!("[^{delimiters}]") };
    let mut out = String::from("(?s)^(?:");
    // How many alternatives are open; a comma and a closing brace mean something only in there.
    let mut open = 0usize;
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match character {
            // gobwas/glob takes NUL for the end.
            '\0' => break,
            '*' if rest.as_str().starts_with('*') => {
                rest.next();
                out.push_str(".*");
            }
            '*' => out.extend([&one, "*"]),
            '?' => out.push_str(&one),
            '[' => class(&mut rest, &mut out)?,
            '{' => {
                open += 1;
                out.push_str("(?:");
            }
            ',' if open > 0 => out.push('|'),
            '}' if open > 0 => {
                open -= 1;
                out.push(')');
            }
            '\\' => {
                if let Some(escaped) = rest.next() {
                    out.push_str(&::regex::escape(escaped.encode_utf8(&mut [0; 4])));
                }
            }
            other => out.push_str(&::regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(&")".repeat(open + 1));
    out.push('$');
    Ok(out)
}

fn escape_in_class(character: char) -> String {
    format!("\\x{{{:x}}}", u32::from(character))
}

/// What follows `[`: a range, or a list of characters, in which nothing but `\` and `]` is special.
fn class(rest: &mut std::str::Chars<'_>, out: &mut String) -> Result<()> {
    out.push('[');
    if rest.as_str().starts_with('!') {
        rest.next();
        out.push('^');
    }
    let mut range = rest.as_str().chars();
    if let (Some(low), Some('-'), Some(high)) = (range.next(), range.next(), range.next()) {
        if high < low || range.next() != Some(']') {
            return failed("the range of a glob is malformed");
        }
        out.push_str(&format!("{}-{}]", escape_in_class(low), escape_in_class(high)));
        *rest = range;
        return Ok(());
    }
    let mut empty = true;
    loop {
        match rest.next() {
            Some(']') if !empty => {
                out.push(']');
                return Ok(());
            }
            None | Some(']' | '\0') => return failed("the list of a glob is empty or not closed"),
            Some('\\') => match rest.next() {
                Some(escaped) => out.push_str(&escape_in_class(escaped)),
                None => return failed("the list of a glob is not closed"),
            },
            Some(character) => out.push_str(&escape_in_class(character)),
        }
        empty = false;
    }
}

/// `glob.quote_meta`
pub(super) fn quote_meta(args: &[Value]) -> Result {
    let mut quoted = String::new();
    for character in string(&args[0], 1)?.chars() {
        if matches!(character, '*' | '?' | '\\' | '[' | ']' | '{' | '}') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    super::operands::check_string(quoted.len())?;
    Ok(Value::from(quoted))
}
