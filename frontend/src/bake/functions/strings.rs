//! Strings.
#![expect(clippy::unnecessary_wraps, reason = "all functions have one signature")]

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use super::FunctionError;
use super::arguments::{string, text, texts, whole};
use crate::bake::value::{Type, Value};
use crate::bake::{Environment, paths};

/// A string may not become longer where it can become much longer than what it is made of.
pub(super) const MAX_LENGTH: usize = 16 * 1024 * 1024;

type Result<T = Value> = std::result::Result<T, FunctionError>;

pub(super) fn basename(arguments: &[Value], _: &Environment) -> Result {
    string(paths::base_name(text(arguments, 0)))
}

pub(super) fn dirname(arguments: &[Value], _: &Environment) -> Result {
    string(paths::directory(text(arguments, 0)))
}

pub(super) fn chomp(arguments: &[Value], _: &Environment) -> Result {
    string(text(arguments, 0).trim_end_matches(['\r', '\n']))
}

pub(super) fn homedir(_: &[Value], environment: &Environment) -> Result {
    match &environment.home {
        Some(home) => string(home),
        None => Err(FunctionError::Unresolved("the home directory is not known".to_owned())),
    }
}

pub(super) fn indent(arguments: &[Value], _: &Environment) -> Result {
    let spaces = usize::try_from(whole(arguments, 0)?).map_err(|_| "the number of spaces is negative")?;
    let text = text(arguments, 1);
    let lines = text.matches('\n').count();
    if spaces.saturating_mul(lines) > MAX_LENGTH || spaces > MAX_LENGTH {
        return Err(FunctionError::Unresolved(format!("it makes more than {MAX_LENGTH} bytes")));
    }
    string(text.replace('\n', &format!("\n{}", " ".repeat(spaces))))
}

pub(super) fn join(arguments: &[Value], _: &Environment) -> Result {
    let lists = arguments.get(1..).unwrap_or_default();
    if lists.is_empty() {
        return Err("at least one list is needed".into());
    }
    let parts =
        lists.iter().flat_map(|list| texts(list.items().unwrap_or_default())).collect::<Option<Vec<_>>>();
    let parts = parts.ok_or("null cannot be joined")?;
    let separator = text(arguments, 0);
    if separator.len().saturating_mul(parts.len()) > MAX_LENGTH {
        return Err(FunctionError::Unresolved(format!("it makes more than {MAX_LENGTH} bytes")));
    }
    string(parts.join(separator))
}

pub(super) fn lower(arguments: &[Value], _: &Environment) -> Result {
    string(text(arguments, 0).to_lowercase())
}

pub(super) fn upper(arguments: &[Value], _: &Environment) -> Result {
    string(text(arguments, 0).to_uppercase())
}

pub(super) fn title(arguments: &[Value], _: &Environment) -> Result {
    let mut start = true;
    let mut titled = String::new();
    for next in text(arguments, 0).chars() {
        if start {
            titled.extend(next.to_uppercase());
        } else {
            titled.push(next);
        }
        start = if next.is_ascii() {
            !(next.is_ascii_alphanumeric() || next == '_')
        } else {
            next.is_whitespace()
        };
    }
    string(titled)
}

pub(super) fn replace(arguments: &[Value], _: &Environment) -> Result {
    let (text, from, to) = (text(arguments, 0), text(arguments, 1), text(arguments, 2));
    if to.len().saturating_mul(text.matches(from).count()) > MAX_LENGTH {
        return Err(FunctionError::Unresolved(format!("it makes more than {MAX_LENGTH} bytes")));
    }
    string(text.replace(from, to))
}

pub(super) fn reverse(arguments: &[Value], _: &Environment) -> Result {
    string(text(arguments, 0).graphemes(true).rev().collect::<String>())
}

pub(super) fn sanitize(arguments: &[Value], _: &Environment) -> Result {
    let kept = |one: char| if one.is_ascii_alphanumeric() || one == '_' || one == '-' { one } else { '_' };
    string(text(arguments, 0).chars().map(kept).collect::<String>())
}

pub(super) fn split(arguments: &[Value], _: &Environment) -> Result {
    let (separator, text) = (text(arguments, 0), text(arguments, 1));
    let parts = if separator.is_empty() {
        text.chars().map(|one| Value::string(one.to_string())).collect()
    } else {
        text.split(separator).map(Value::string).collect()
    };
    Ok(Value::list(Type::String, parts))
}

pub(super) fn strlen(arguments: &[Value], _: &Environment) -> Result {
    let length = text(arguments, 0).graphemes(true).count();
    Ok(Value::Number(i64::try_from(length).unwrap_or(i64::MAX).into()))
}

/// Offset and length count characters as people see them; a negative offset counts from the end, a negative length
/// means the rest.
pub(super) fn substr(arguments: &[Value], _: &Environment) -> Result {
    let (offset, length) = (whole(arguments, 1)?, whole(arguments, 2)?);
    let all: Vec<&str> = text(arguments, 0).graphemes(true).collect();
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    if offset >= 0 && length == 0 {
        return string("");
    }
    let start = if offset < 0 { offset.saturating_add(total) } else { offset };
    let start = usize::try_from(start).unwrap_or(0);
    let rest = all.get(start..).unwrap_or_default();
    // A length of zero after a negative offset means the rest, as it does in bake.
    let taken = usize::try_from(length)
        .ok()
        .filter(|&length| length > 0)
        .map_or(rest.len(), |one| one.min(rest.len()));
    string(rest.get(..taken).unwrap_or_default().concat())
}

pub(super) fn trim(arguments: &[Value], _: &Environment) -> Result {
    let set = text(arguments, 1);
    string(text(arguments, 0).trim_matches(|one| set.contains(one)))
}

pub(super) fn trimprefix(arguments: &[Value], _: &Environment) -> Result {
    let whole = text(arguments, 0);
    string(whole.strip_prefix(text(arguments, 1)).unwrap_or(whole))
}

pub(super) fn trimsuffix(arguments: &[Value], _: &Environment) -> Result {
    let whole = text(arguments, 0);
    string(whole.strip_suffix(text(arguments, 1)).unwrap_or(whole))
}

pub(super) fn trimspace(arguments: &[Value], _: &Environment) -> Result {
    string(text(arguments, 0).trim())
}

fn compile(pattern: &str) -> Result<Regex> {
    regex::RegexBuilder::new(pattern).size_limit(1024 * 1024).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => {
            FunctionError::Unresolved(format!("the pattern takes more than {limit} bytes"))
        }
        error => format!("the pattern is invalid: {error}").into(),
    })
}

/// What a match is: its text, a tuple of its groups, or an object of its named groups.
fn captured(pattern: &Regex, captures: &regex::Captures<'_>) -> Result {
    let group = |found: Option<regex::Match<'_>>| {
        found.map_or_else(|| Value::Null(Type::String), |found| Value::string(found.as_str()))
    };
    let named = pattern.capture_names().skip(1).flatten().count();
    match (pattern.captures_len() - 1, named) {
        (0, _) => Ok(group(captures.get(0))),
        (_, 0) => Ok(Value::tuple(captures.iter().skip(1).map(group).collect())),
        (all, named) if all == named => {
            let entries =
                pattern.capture_names().flatten().map(|name| (Arc::from(name), group(captures.name(name))));
            Ok(Value::object(entries.collect::<BTreeMap<_, _>>()))
        }
        _ => Err("the pattern has groups with and without names".into()),
    }
}

pub(super) fn regex(arguments: &[Value], _: &Environment) -> Result {
    let pattern = compile(text(arguments, 0))?;
    let captures = pattern.captures(text(arguments, 1)).ok_or("the pattern does not match")?;
    captured(&pattern, &captures)
}

pub(super) fn regexall(arguments: &[Value], _: &Environment) -> Result {
    let pattern = compile(text(arguments, 0))?;
    let all: Vec<Value> = pattern
        .captures_iter(text(arguments, 1))
        .map(|captures| captured(&pattern, &captures))
        .collect::<Result<_>>()?;
    let element = all.first().map_or(Type::String, Value::type_of);
    Ok(Value::list(element, all))
}

pub(super) fn regex_replace(arguments: &[Value], _: &Environment) -> Result {
    let pattern = compile(text(arguments, 1))?;
    let (whole, replacement) = (text(arguments, 0), text(arguments, 2));
    if replacement.len().saturating_mul(whole.len() + 1) > MAX_LENGTH {
        return Err(FunctionError::Unresolved(format!("it may make more than {MAX_LENGTH} bytes")));
    }
    string(pattern.replace_all(whole, replacement))
}
