//! `.env` files: `NAME=value` lines, quoted where need be, with variables of those before.

use std::collections::BTreeMap;

use super::interpolate::{Variables, string};
use crate::bake::error::{BakeError, Position};
use crate::bake::files::File;

/// Adds the variables of a file that are not set yet.
pub(super) fn add(file: &File, variables: &mut BTreeMap<String, String>) -> Result<(), BakeError> {
    for (name, value) in parse(file, variables)? {
        variables.entry(name).or_insert(value);
    }
    Ok(())
}

/// The variables of a file; those that are set already are seen by the others.
pub(super) fn parse(
    file: &File,
    set: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BakeError> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut visible = set.clone();
    let mut rest = file.text.as_str();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let consumed = file.text.len() - rest.len();
        let line = file.text.get(..consumed).map_or(0, |before| before.matches('\n').count() + 1);
        let at = Position { file: file.name.as_str().into(), line, column: 0 };
        let statement = match rest.strip_prefix("export") {
            Some(after) if after.starts_with([' ', '\t']) => after.trim_start_matches([' ', '\t']),
            _ => rest,
        };
        let end = statement.find(['=', ':', '\n']).unwrap_or(statement.len());
        let (name, after) = statement.split_at(end);
        let name = name.trim_end();
        let allowed = |one: char| one.is_alphanumeric() || "_.-[]".contains(one);
        if name.is_empty() || !name.chars().all(allowed) {
            return Err(BakeError::invalid(&at, format!("`{name}` is no name of a variable")));
        }
        let Some(after) = after.strip_prefix(['=', ':']) else {
            if let Some(value) = set.get(name) {
                found.insert(name.to_owned(), value.clone());
            }
            rest = after;
            continue;
        };
        let (value, after) = read_value(after.trim_start_matches([' ', '\t', '\r']), &visible)
            .map_err(|message| BakeError::invalid(&at, format!("variable `{name}`: {message}")))?;
        found.insert(name.to_owned(), value.clone());
        if !set.contains_key(name) {
            visible.insert(name.to_owned(), value);
        }
        rest = after;
    }
}

fn read_value<'a>(text: &'a str, visible: &BTreeMap<String, String>) -> Result<(String, &'a str), String> {
    let expand = |text: &str| string(text, &mut Variables { known: visible, missed: Vec::new() });
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        let line = line.split_once(" #").map_or(line, |(value, _)| value);
        return Ok((expand(line.trim_end())?, rest));
    };
    let inner = text.get(1..).unwrap_or_default();
    let mut raw = String::new();
    let mut escaped = false;
    for (index, one) in inner.char_indices() {
        if one == quote && !escaped {
            let rest = inner.get(index + 1..).unwrap_or_default();
            let value = if quote == '"' { expand(&unescape(&raw))? } else { raw };
            return Ok((value, rest));
        }
        if escaped && one != quote {
            raw.push('\\');
        }
        escaped = one == '\\' && !escaped;
        if !escaped {
            raw.push(one);
        }
    }
    Err("a quote is missing at its end".to_owned())
}

fn unescape(text: &str) -> String {
    let mut output = String::new();
    let mut rest = text.chars();
    while let Some(one) = rest.next() {
        if one != '\\' {
            output.push(one);
            continue;
        }
        match rest.next() {
            Some('n') => output.push('\n'),
            Some('r') => output.push('\r'),
            Some('t') => output.push('\t'),
            Some('$') => output.push_str("$$"),
            Some(other @ ('"' | '\\')) => output.push(other),
            Some(other) => output.extend(['\\', other]),
            None => output.push('\\'),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines() {
        let text =
            "# c\nA=1\nexport B='x $A'\nC=\"y ${A}\\n\" # c\nD = z # c\nINHERITED\nE: yaml\nF=${SET}\n";
        let file = File { name: ".env".to_owned(), text: text.to_owned() };
        let set =
            BTreeMap::from([("SET".to_owned(), "s".to_owned()), ("INHERITED".to_owned(), "i".to_owned())]);
        let error = parse(&file, &set);
        // What follows a quoted value on its line is read as the next statement, which `# c` is not.
        let found = error.unwrap();
        let wanted = [
            ("A", "1"),
            ("B", "x $A"),
            ("C", "y 1\n"),
            ("D", "z"),
            ("INHERITED", "i"),
            ("E", "yaml"),
            ("F", "s"),
        ];
        assert_eq!(found, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let broken = File { name: ".env".to_owned(), text: "A=1\nB=\"x".to_owned() };
        assert_eq!(
            parse(&broken, &set).unwrap_err().to_string(),
            ".env:2: variable `B`: a quote is missing at its end"
        );
    }
}
