//! Variables in Compose's strings: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:+other}`, `${NAME:?message}`.

use std::collections::BTreeMap;

use serde_json::Value;

/// How deep defaults may have defaults.
const MAX_DEPTH: usize = 64;
/// The longest string that may come out.
const MAX_LENGTH: usize = 4 * 1024 * 1024;

/// Where variables come from, and which are missed.
pub(super) struct Variables<'a> {
    pub(super) known: &'a BTreeMap<String, String>,
    pub(super) missed: Vec<String>,
}

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<&String> {
        self.known.get(name)
    }
}

/// All strings of a value, those that are keys excepted.
pub(super) fn value(value: &mut Value, variables: &mut Variables<'_>, path: &str) -> Result<(), String> {
    match value {
        Value::String(text) => {
            *text = string(text, variables).map_err(|message| format!("`{path}`: {message}"))?;
        }
        Value::Array(items) => {
            for item in items {
                self::value(item, variables, path)?;
            }
        }
        Value::Object(entries) => {
            for (name, item) in entries {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                self::value(item, variables, &path)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// One string.
pub(super) fn string(text: &str, variables: &mut Variables<'_>) -> Result<String, String> {
    substitute(text, variables, 0)
}

fn substitute(text: &str, variables: &mut Variables<'_>, depth: usize) -> Result<String, String> {
    if depth > MAX_DEPTH {
        return Err(format!("defaults are nested more than {MAX_DEPTH} levels deep"));
    }
    let mut output = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('$') {
        output.push_str(rest.get(..start).unwrap_or_default());
        let after = rest.get(start + 1..).unwrap_or_default();
        if let Some(after) = after.strip_prefix('$') {
            output.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let end = closing_brace(after).ok_or_else(|| invalid(text))?;
            let inner = after.get(..end).unwrap_or_default();
            output.push_str(&braced(inner, variables, depth).ok_or_else(|| invalid(text))??);
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            let end = name_length(after);
            let (name, after) = after.split_at(end);
            if name.is_empty() {
                output.push('$');
            } else {
                output.push_str(&required(name, variables));
            }
            rest = after;
        }
        if output.len() > MAX_LENGTH {
            return Err(format!("it comes to more than {MAX_LENGTH} bytes"));
        }
    }
    output.push_str(rest);
    Ok(output)
}

fn invalid(text: &str) -> String {
    format!("the variable in `{text}` is malformed: write `$$` for a `$`")
}

fn name_length(text: &str) -> usize {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if !first {
        return 0;
    }
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

/// Where the brace closes that is open before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 1;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(index);
                }
            }
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// A variable's value; of one that is not set, nothing, which is noted.
fn required(name: &str, variables: &mut Variables<'_>) -> String {
    if let Some(value) = variables.get(name) {
        return value.clone();
    }
    if !variables.missed.iter().any(|missed| missed == name) {
        variables.missed.push(name.to_owned());
    }
    String::new()
}

/// What stands between braces; `None` where it is malformed.
fn braced(inner: &str, variables: &mut Variables<'_>, depth: usize) -> Option<Result<String, String>> {
    let (name, rest) = inner.split_at(name_length(inner));
    if name.is_empty() {
        return None;
    }
    if rest.is_empty() {
        return Some(Ok(required(name, variables)));
    }
    let (filled, rest) = match rest.strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let value = variables.get(name).cloned();
    // With a colon, an empty value is as good as none.
    let present = value.as_ref().is_some_and(|value| !filled || !value.is_empty());
    let operand = rest.get(1..)?;
    Some(match rest.as_bytes().first()? {
        b'-' | b'?' if present => Ok(value.unwrap_or_default()),
        b'+' if !present => Ok(value.unwrap_or_default()),
        b'-' | b'+' => substitute(operand, variables, depth + 1),
        b'?' => substitute(operand, variables, depth + 1)
            .and_then(|message| Err(format!("variable `{name}` is required, but has no value: {message}"))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with(text: &str) -> Result<String, String> {
        let known = BTreeMap::from([("A".to_owned(), "a".to_owned()), ("E".to_owned(), String::new())]);
        string(text, &mut Variables { known: &known, missed: Vec::new() })
    }

    #[test]
    fn forms() {
        for (text, wanted) in [
            ("$A-${A}-$$A-$1", "a-a-$A-$1"),
            ("${E:-d}${E-d}${N-d}${N:-$A}", "dda"),
            ("${A:+x}${E:+x}${E+x}${N+x}", "xx"),
            ("${N:-${M:-{}}}", "{}"),
            ("$N.", "."),
        ] {
            assert_eq!(with(text).unwrap(), wanted, "{text}");
        }
        for text in ["${", "${A", "${1}", "${A!}", "${N:?needed}", "${E:?needed}"] {
            assert!(with(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bounded() {
        assert!(with(&format!("{}x{}", "${N:-".repeat(100), "}".repeat(100))).is_err());
    }
}
