//! Shell patterns in substitutions: `?` is any character, `*` any text.

use regex::Regex;

use super::{ExpandError, MAX_WORD};

/// Whether `*` takes as much as it can, or as little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Greed {
    Longest,
    Shortest,
}

/// `${value#pattern}`.
pub(super) fn trim_prefix(pattern: &str, value: &str, greed: Greed) -> Result<String, ExpandError> {
    let regex = to_regex(pattern, greed, "^")?;
    Ok(match regex.find(value) {
        Some(found) => value[found.end()..].to_owned(),
        None => value.to_owned(),
    })
}

/// `${value%pattern}`. A regular expression searches from the left, so both are turned round.
pub(super) fn trim_suffix(pattern: &str, value: &str, greed: Greed) -> Result<String, ExpandError> {
    let value: String = value.chars().rev().collect();
    let rest = trim_prefix(&reverse(pattern), &value, greed)?;
    Ok(rest.chars().rev().collect())
}

/// `${value/pattern/text}`, or with `all` `${value//pattern/text}`. In the latter `text` may name groups of the
/// match (`$0`), as BuildKit happens to allow.
pub(super) fn replace(pattern: &str, value: &str, text: &str, all: bool) -> Result<String, ExpandError> {
    let regex = to_regex(pattern, Greed::Longest, "")?;
    if !all {
        return Ok(regex.replacen(value, 1, regex::NoExpand(text)).into_owned());
    }
    let groups = text.matches('$').count();
    let most = regex.find_iter(value).fold(value.len(), |most, found| {
        most.saturating_add(text.len()).saturating_add(groups.saturating_mul(found.len()))
    });
    if most > MAX_WORD {
        return Err(ExpandError::TooLong);
    }
    Ok(regex.replace_all(value, text).into_owned())
}

fn to_regex(pattern: &str, greed: Greed, anchor: &str) -> Result<Regex, ExpandError> {
    let error = |reason: String| ExpandError::Pattern { pattern: pattern.to_owned(), reason };
    let mut out = anchor.to_owned();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if greed == Greed::Longest => out.push_str(".*"),
            '*' => out.push_str(".*?"),
            '?' => out.push('.'),
            // Escaped for the substitution's own sake.
            '\\' if matches!(chars.peek(), Some('}' | '/')) => {}
            '\\' => match chars.next() {
                Some(c @ ('*' | '?' | '\\')) => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
                Some(c) => return Err(error(format!("invalid escape `\\{c}`"))),
                None => return Err(error("it ends in an escape character".to_owned())),
            },
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    Regex::new(&out).map_err(|_| error("it is too long".to_owned()))
}

/// The pattern from behind; escapes stay before what they escape.
fn reverse(pattern: &str) -> String {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        pieces.push((c, escaped));
    }
    pieces.into_iter().rev().flat_map(|(c, escaped)| std::iter::once(c).chain(escaped)).collect()
}
