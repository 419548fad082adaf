//! Functions of strings. Positions and lengths count characters, not bytes.

use std::borrow::Cow;

use num_bigint::BigInt;
use regorus::Value;

use super::Result;
use super::big_float::BigFloat;
use super::operands::{check_collection, check_string, failed, int, object, string, strings, wrong_type};

/// The result of a function that often returns its first argument as it is: then it is shared, not copied.
fn same_or(original: &Value, text: &str, result: &str) -> Value {
    if text == result { original.clone() } else { Value::from(result) }
}

/// `concat`
pub(super) fn concat(args: &[Value]) -> Result {
    let (separator, parts) = (string(&args[0], 1)?, strings(&args[1], 2)?);
    let separators = separator.len().saturating_mul(parts.len().saturating_sub(1));
    check_string(parts.iter().map(|part| part.len()).sum::<usize>().saturating_add(separators))?;
    Ok(Value::from(parts.join(separator)))
}

/// `contains`
pub(super) fn contains(args: &[Value]) -> Result {
    Ok(Value::from(string(&args[0], 1)?.contains(string(&args[1], 2)?.as_ref())))
}

/// `startswith`
pub(super) fn startswith(args: &[Value]) -> Result {
    Ok(Value::from(string(&args[0], 1)?.starts_with(string(&args[1], 2)?.as_ref())))
}

/// `endswith`
pub(super) fn endswith(args: &[Value]) -> Result {
    Ok(Value::from(string(&args[0], 1)?.ends_with(string(&args[1], 2)?.as_ref())))
}

/// `strings.count`
pub(super) fn count(args: &[Value]) -> Result {
    Ok(Value::from(string(&args[0], 1)?.matches(string(&args[1], 2)?.as_ref()).count()))
}

/// `strings.any_prefix_match`
pub(super) fn any_prefix_match(args: &[Value]) -> Result {
    any_match(args, |text, prefix| text.starts_with(prefix))
}

/// `strings.any_suffix_match`
pub(super) fn any_suffix_match(args: &[Value]) -> Result {
    any_match(args, |text, suffix| text.ends_with(suffix))
}

fn any_match(args: &[Value], matches: fn(&str, &str) -> bool) -> Result {
    let (texts, parts) = (one_or_more(&args[0], 1)?, one_or_more(&args[1], 2)?);
    Ok(Value::from(texts.iter().any(|text| parts.iter().any(|part| matches(text, part)))))
}

fn one_or_more(value: &Value, position: usize) -> Result<Vec<&str>> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(_) | Value::Set(_) => strings(value, position),
        other => wrong_type(position, "one of {string, set, array}", other),
    }
}

/// `format_int`
pub(super) fn format_int(args: &[Value]) -> Result {
    let Some(number) = BigFloat::from_value(&args[0]) else { return wrong_type(1, "number", &args[0]) };
    let base = match &args[1] {
        Value::Number(base) => base.as_i64(),
        other => return wrong_type(2, "number", other),
    };
    let base = match base {
        Some(2) => 2,
        Some(8) => 8,
        Some(10) => 10,
        Some(16) => 16,
        _ => return failed("operand 2 must be one of {2, 8, 10, 16}"),
    };
    let int: BigInt = match &args[0] {
        // A whole number of 64 bits is printed as it is; others are rounded to 64 bits first, as OPA does.
        Value::Number(number) if number.as_i64().is_some() => number.as_i64().unwrap_or_default().into(),
        _ => number.truncated()?,
    };
    Ok(Value::from(int.to_str_radix(base)))
}

/// The characters before byte `offset`.
fn position_of(text: &str, offset: usize) -> usize {
    text[..offset].chars().count()
}

/// `indexof`
pub(super) fn indexof(args: &[Value]) -> Result {
    let (text, part) = (string(&args[0], 1)?, string(&args[1], 2)?);
    if part.is_empty() {
        return failed("empty search character");
    }
    Ok(match text.find(part.as_ref()) {
        Some(offset) => Value::from(position_of(text, offset)),
        None => Value::from(-1),
    })
}

/// `indexof_n`
/// also where matches overlap
pub(super) fn indexof_n(args: &[Value]) -> Result {
    let (text, part) = (string(&args[0], 1)?, string(&args[1], 2)?);
    if part.is_empty() {
        return failed("empty search character");
    }
    let (mut found, mut offset, mut position) = (Vec::new(), 0, 0);
    while let Some(next) = text[offset..].find(part.as_ref()) {
        position += position_of(&text[offset..], next);
        found.push(Value::from(position));
        check_collection(found.len())?;
        let first = text[offset + next..].chars().next().map_or(1, char::len_utf8);
        (offset, position) = (offset + next + first, position + 1);
    }
    Ok(Value::from(found))
}

/// `substring`
/// a negative length means all the rest
pub(super) fn substring(args: &[Value]) -> Result {
    let (text, start, length) = (string(&args[0], 1)?, int(&args[1], 2)?, int(&args[2], 3)?);
    let Ok(start) = usize::try_from(start) else { return failed("negative offset") };
    let mut rest = text.chars();
    if start > 0 && rest.nth(start - 1).is_none() {
        return Ok(Value::from(""));
    }
    let rest = rest.as_str();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let end = rest.char_indices().nth(length).map_or(rest.len(), |(offset, _)| offset);
    Ok(same_or(&args[0], text, &rest[..end]))
}

/// `lower`
pub(super) fn lower(args: &[Value]) -> Result {
    // Go maps character by character: Σ at a word's end is no special case, and İ becomes one character.
    let text = string(&args[0], 1)?;
    let lower: String = text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect();
    check_string(lower.len())?;
    Ok(same_or(&args[0], text, &lower))
}

/// `upper`
pub(super) fn upper(args: &[Value]) -> Result {
    // Go maps character by character: what has no single upper case character, such as ß, stays.
    let text = string(&args[0], 1)?;
    let upper: String = text
        .chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            if upper.len() == 1 { upper.next().unwrap_or(c) } else { c }
        })
        .collect();
    check_string(upper.len())?;
    Ok(same_or(&args[0], text, &upper))
}

/// `split`
pub(super) fn split(args: &[Value]) -> Result {
    let (text, delimiter) = (string(&args[0], 1)?, string(&args[1], 2)?);
    if delimiter.is_empty() {
        let mut one = [0; 4];
        check_collection(text.len() / 4)?;
        let characters: Vec<_> = text.chars().map(|c| Value::from(&*c.encode_utf8(&mut one))).collect();
        check_collection(characters.len())?;
        return Ok(Value::from(characters));
    }
    check_collection(text.matches(delimiter.as_ref()).count() + 1)?;
    Ok(Value::from(text.split(delimiter.as_ref()).map(Value::from).collect::<Vec<_>>()))
}

/// `replace`
pub(super) fn replace(args: &[Value]) -> Result {
    let (text, old, new) = (string(&args[0], 1)?, string(&args[1], 2)?, string(&args[2], 3)?);
    Ok(same_or(&args[0], text, &replaced(text, &[(old, new)])?))
}

/// `strings.replace_n`
pub(super) fn replace_n(args: &[Value]) -> Result {
    let (patterns, text) = (object(&args[0], 1)?, string(&args[1], 2)?);
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(patterns.len());
    for (old, new) in patterns.iter_sorted() {
        match (old, new) {
            (Value::String(old), Value::String(new)) => pairs.push((old, new)),
            (Value::String(_), _) => return failed("operand 1 non-string value found in pattern object"),
            _ => return failed("operand 1 non-string key found in pattern object"),
        }
    }
    Ok(Value::from(replaced(text, &pairs)?.as_ref()))
}

/// Replaces from the left, at each place by the first of the pairs that matches there. An empty pattern
/// matches once at each place, also at the end.
fn replaced<'a>(text: &'a str, pairs: &[(&str, &str)]) -> Result<Cow<'a, str>> {
    let mut starts = [pairs.iter().any(|(old, _)| old.is_empty()); 256];
    for (old, _) in pairs {
        if let Some(first) = old.as_bytes().first() {
            starts[usize::from(*first)] = true;
        }
    }
    let (mut result, mut copied, mut offset, mut after_empty) = (String::new(), 0, 0, false);
    loop {
        let rest = &text[offset..];
        let candidate = rest.as_bytes().first().is_none_or(|byte| starts[usize::from(*byte)]);
        let found = if candidate {
            pairs.iter().find(|(old, _)| rest.starts_with(old) && !(after_empty && old.is_empty()))
        } else {
            None
        };
        after_empty = found.is_some_and(|(old, _)| old.is_empty());
        if let Some((old, new)) = found {
            result.push_str(&text[copied..offset]);
            result.push_str(new);
            check_string(result.len())?;
            offset += old.len();
            copied = offset;
        } else {
            let Some(next) = rest.chars().next() else { break };
            offset += next.len_utf8();
        }
    }
    if copied == 0 && result.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    result.push_str(&text[copied..]);
    check_string(result.len())?;
    Ok(Cow::Owned(result))
}

/// `trim`
pub(super) fn trim(args: &[Value]) -> Result {
    let (text, cutset) = (string(&args[0], 1)?, string(&args[1], 2)?);
    Ok(same_or(&args[0], text, text.trim_matches(|c| cutset.contains(c))))
}

/// `trim_left`
pub(super) fn trim_left(args: &[Value]) -> Result {
    let (text, cutset) = (string(&args[0], 1)?, string(&args[1], 2)?);
    Ok(same_or(&args[0], text, text.trim_start_matches(|c| cutset.contains(c))))
}

/// `trim_right`
pub(super) fn trim_right(args: &[Value]) -> Result {
    let (text, cutset) = (string(&args[0], 1)?, string(&args[1], 2)?);
    Ok(same_or(&args[0], text, text.trim_end_matches(|c| cutset.contains(c))))
}

/// `trim_prefix`
pub(super) fn trim_prefix(args: &[Value]) -> Result {
    let (text, prefix) = (string(&args[0], 1)?, string(&args[1], 2)?);
    Ok(same_or(&args[0], text, text.strip_prefix(prefix.as_ref()).unwrap_or(text)))
}

/// `trim_suffix`
pub(super) fn trim_suffix(args: &[Value]) -> Result {
    let (text, suffix) = (string(&args[0], 1)?, string(&args[1], 2)?);
    Ok(same_or(&args[0], text, text.strip_suffix(suffix.as_ref()).unwrap_or(text)))
}

/// `trim_space`
pub(super) fn trim_space(args: &[Value]) -> Result {
    let text = string(&args[0], 1)?;
    Ok(same_or(&args[0], text, text.trim()))
}

/// `strings.reverse`
pub(super) fn reverse(args: &[Value]) -> Result {
    Ok(Value::from(string(&args[0], 1)?.chars().rev().collect::<String>()))
}
