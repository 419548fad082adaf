//! Regular expressions: Go's syntax and answers, by the `regex` crate.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::{Captures, Regex, RegexBuilder};
use regorus::Value;

use super::operands::{check_collection, check_string, failed, int, string};
use super::{BuiltinError, Result, globs_match, regex_syntax};

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 64 << 10;
/// The largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 4 << 20;
/// How many compiled patterns are kept.
const MAX_CACHED: usize = 256;

static CACHE: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

/// A regular expression in the `regex` crate's syntax, compiled once and kept.
pub(super) fn cached(key: &str, pattern: impl FnOnce() -> Result<String>) -> Result<Regex> {
    if key.len() > MAX_PATTERN {
        return Err(BuiltinError::Limit(format!(
            "a pattern of {} bytes exceeds the limit of {MAX_PATTERN} bytes",
            key.len()
        )));
    }
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = cache().get(key) {
        return Ok(regex.clone());
    }
    let regex =
        RegexBuilder::new(&pattern()?).size_limit(MAX_COMPILED).build().map_err(|error| match error {
            regex::Error::CompiledTooBig(size) => {
                BuiltinError::Limit(format!("a compiled pattern exceeds the limit of {size} bytes"))
            }
            other => BuiltinError::Failed(format!("error parsing regexp: {other}")),
        })?;
    let mut cache = cache();
    if cache.len() >= MAX_CACHED {
        cache.clear();
    }
    cache.insert(key.to_owned(), regex.clone());
    Ok(regex)
}

fn compile(pattern: &str) -> Result<Regex> {
    cached(&format!("regex {pattern}"), || regex_syntax::translate(pattern))
}

/// `regex.is_valid`
pub(super) fn is_valid(args: &[Value]) -> Result {
    let Value::String(pattern) = &args[0] else { return Ok(Value::from(false)) };
    match compile(pattern) {
        Ok(_) => Ok(Value::from(true)),
        Err(BuiltinError::Failed(_)) => Ok(Value::from(false)),
        Err(limit) => Err(limit),
    }
}

/// `regex.match` and `re_match`
pub(super) fn matches(args: &[Value]) -> Result {
    let (pattern, text) = (string(&args[0], 1)?, string(&args[1], 2)?);
    Ok(Value::from(compile(pattern)?.is_match(text)))
}

/// `regex.split`
pub(super) fn split(args: &[Value]) -> Result {
    let (pattern, text) = (string(&args[0], 1)?, string(&args[1], 2)?);
    let regex = compile(pattern)?;
    if text.is_empty() && !pattern.is_empty() {
        return Ok(Value::from(vec![Value::from("")]));
    }
    let (mut parts, mut begin, mut end) = (Vec::new(), 0, 0);
    for found in regex.find_iter(text) {
        end = found.start();
        // An empty match at the very start splits off nothing.
        if found.end() != 0 {
            parts.push(Value::from(&text[begin..end]));
            check_collection(parts.len())?;
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(Value::from(&text[begin..]));
    }
    Ok(Value::from(parts))
}

/// How many matches are wanted: all when negative.
fn wanted(value: &Value) -> Result<usize> {
    Ok(usize::try_from(int(value, 3)?).unwrap_or(usize::MAX))
}

/// `regex.find_n`
pub(super) fn find_n(args: &[Value]) -> Result {
    let (pattern, text, wanted) = (string(&args[0], 1)?, string(&args[1], 2)?, wanted(&args[2])?);
    let mut found = Vec::new();
    for part in compile(pattern)?.find_iter(text).take(wanted) {
        found.push(Value::from(part.as_str()));
        check_collection(found.len())?;
    }
    Ok(Value::from(found))
}

/// `regex.find_all_string_submatch_n`
pub(super) fn find_all_string_submatch_n(args: &[Value]) -> Result {
    let (pattern, text, wanted) = (string(&args[0], 1)?, string(&args[1], 2)?, wanted(&args[2])?);
    let mut found = Vec::new();
    for captures in compile(pattern)?.captures_iter(text).take(wanted) {
        let groups = captures.iter().map(|group| Value::from(group.map_or("", |group| group.as_str())));
        found.push(Value::from(groups.collect::<Vec<_>>()));
        check_collection(found.len().saturating_mul(captures.len()))?;
    }
    Ok(Value::from(found))
}

/// `regex.replace`
pub(super) fn replace(args: &[Value]) -> Result {
    let (text, pattern, replacement) = (string(&args[0], 1)?, string(&args[1], 2)?, string(&args[2], 3)?);
    let regex = compile(pattern)?;
    let (mut out, mut copied) = (String::new(), 0);
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(&text[copied..whole.start()]);
        expand(&mut out, replacement, &captures)?;
        copied = whole.end();
    }
    out.push_str(&text[copied..]);
    check_string(out.len())?;
    Ok(Value::from(out))
}

/// Appends `template` with `$1`, `$name` and `${name}` replaced by the groups; `$$` is a dollar.
fn expand(out: &mut String, template: &str, captures: &Captures<'_>) -> Result<()> {
    let mut rest = template;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let braced = rest.strip_prefix('{');
        let name = braced.unwrap_or(rest);
        let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        let (name, after) = name.split_at(length);
        let after = if braced.is_some() { after.strip_prefix('}') } else { Some(after) };
        match after {
            Some(after) if !name.is_empty() => {
                let group = match name.parse::<usize>() {
                    Ok(number) if name.bytes().all(|byte| byte.is_ascii_digit()) => captures.get(number),
                    _ => captures.name(name),
                };
                out.push_str(group.map_or("", |group| group.as_str()));
                rest = after;
            }
            // Not well-formed: a dollar like any character.
            _ => out.push('$'),
        }
        check_string(out.len())?;
    }
    out.push_str(rest);
    check_string(out.len())
}

/// `regex.template_match`
pub(super) fn template_match(args: &[Value]) -> Result {
    let (template, text) = (string(&args[0], 1)?, string(&args[1], 2)?);
    let (start, end) = (string(&args[2], 3)?, string(&args[3], 4)?);
    let (&[start], &[end]) = (start.as_bytes(), end.as_bytes()) else {
        return failed("a delimiter has to be exactly one character long");
    };
    let key = format!("template {}{}{template}", char::from(start), char::from(end));
    let regex = cached(&key, || template_pattern(template, start, end))?;
    Ok(Value::from(regex.is_match(text)))
}

/// What is between the outermost delimiters is a pattern, all else is text.
fn template_pattern(template: &str, start: u8, end: u8) -> Result<String> {
    let (mut pattern, mut level, mut begin, mut copied) = (String::from("^"), 0usize, 0, 0);
    for (offset, byte) in template.bytes().enumerate() {
        if byte == start {
            level += 1;
            if level == 1 {
                begin = offset;
            }
        } else if byte == end {
            let Some(outer) = level.checked_sub(1) else {
                return failed("unbalanced braces in the template");
            };
            level = outer;
            if level == 0 {
                let inner = regex_syntax::translate(&template[begin + 1..offset])?;
                pattern.push_str(&regex::escape(&template[copied..begin]));
                pattern.extend(["(", &inner, ")"]);
                copied = offset + 1;
            }
        }
    }
    if level != 0 {
        return failed("unbalanced braces in the template");
    }
    pattern.push_str(&regex::escape(&template[copied..]));
    pattern.push('$');
    Ok(pattern)
}

/// `regex.globs_match`
pub(super) fn globs_match(args: &[Value]) -> Result {
    Ok(Value::from(globs_match::intersect(string(&args[0], 1)?, string(&args[1], 2)?)?))
}
