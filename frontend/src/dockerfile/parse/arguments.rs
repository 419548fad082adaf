//! The arguments of an instruction, split as each wants them.

use super::{Arguments, Instruction, MAX_ONBUILD, split_blanks};

impl Arguments {
    /// Splits `rest`, what follows the flags of the instruction `keyword`.
    pub(super) fn parse(keyword: &str, rest: &str, escape: char, depth: usize) -> Result<Self, String> {
        let none = || Self::Words(Vec::new());
        Ok(match keyword.to_ascii_lowercase().as_str() {
            "add" | "copy" | "volume" => json(rest)?.unwrap_or_else(|| delimited(rest)),
            "cmd" | "entrypoint" | "run" | "shell" => json_or_text(rest)?,
            "arg" => Self::Words(words(rest, escape)),
            "env" | "label" => Self::Pairs(pairs(keyword, rest, escape)?),
            "expose" | "from" => delimited(rest),
            "maintainer" | "stopsignal" | "user" | "workdir" => text(rest),
            "healthcheck" => match rest.split_once(char::is_whitespace) {
                _ if rest.is_empty() => none(),
                Some((kind, rest)) => {
                    Self::Health(kind.to_owned(), Box::new(json_or_text(rest.trim_start())?))
                }
                None => Self::Health(rest.to_owned(), Box::new(none())),
            },
            "onbuild" if rest.is_empty() => none(),
            "onbuild" if depth == MAX_ONBUILD => return Err("ONBUILD is nested too deep".to_owned()),
            "onbuild" => Self::Instruction(Box::new(Instruction::parse(rest, escape, depth + 1)?)),
            _ => none(),
        })
    }

    /// All of them in a row.
    pub fn flat(&self) -> Vec<&str> {
        match self {
            Self::Words(words) | Self::Json(words) => words.iter().map(String::as_str).collect(),
            Self::Health(kind, command) => std::iter::once(kind.as_str()).chain(command.flat()).collect(),
            Self::Pairs(pairs) => pairs.iter().flat_map(|(k, v)| [k.as_str(), v.as_str()]).collect(),
            Self::Instruction(inner) => {
                std::iter::once(inner.keyword.as_str()).chain(inner.arguments.flat()).collect()
            }
        }
    }
}

fn text(rest: &str) -> Arguments {
    Arguments::Words(if rest.is_empty() { Vec::new() } else { vec![rest.to_owned()] })
}

fn delimited(rest: &str) -> Arguments {
    let mut words = Vec::new();
    let mut rest = Some(rest).filter(|rest| !rest.is_empty());
    while let Some(text) = rest {
        let (word, behind) = split_blanks(text).map_or((text, None), |(word, behind)| (word, Some(behind)));
        words.push(word.to_owned());
        rest = behind;
    }
    Arguments::Words(words)
}

/// A JSON array of strings. `None` for what is no JSON array at all; an error for one of other things.
fn json(rest: &str) -> Result<Option<Arguments>, String> {
    let rest = rest.trim_start();
    if !rest.starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(rest) else { return Ok(None) };
    let strings = values.into_iter().map(|value| match value {
        serde_json::Value::String(s) => Ok(s),
        _ => Err("a JSON array of arguments must hold strings only".to_owned()),
    });
    strings.collect::<Result<_, _>>().map(|strings| Some(Arguments::Json(strings)))
}

fn json_or_text(rest: &str) -> Result<Arguments, String> {
    if rest.is_empty() {
        return Ok(Arguments::Words(Vec::new()));
    }
    Ok(json(rest)?.unwrap_or_else(|| text(rest)))
}

/// `name=value …`, or the old form `name value` where everything behind the name is the value.
fn pairs(keyword: &str, rest: &str, escape: char) -> Result<Vec<(String, String)>, String> {
    let words = words(rest, escape);
    let Some(first) = words.first() else { return Ok(Vec::new()) };
    if !first.contains('=') {
        let keyword = keyword.to_ascii_uppercase();
        let (name, value) =
            split_blanks(rest).ok_or_else(|| format!("{keyword} needs a name and a value"))?;
        return Ok(vec![(name.to_owned(), value.to_owned())]);
    }
    let pair = |word: &String| match word.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(format!("{word:?} has no `=`, it must be of the form name=value")),
    };
    words.iter().map(pair).collect()
}

/// Words between spaces; quotes and escapes count, and stay.
fn words(rest: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            continue;
        }
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
        // Nothing can be escaped within single quotes. At the end of the line an escape character is dropped.
        if c == escape && quote != Some('\'') {
            let Some(escaped) = chars.next() else { break };
            word.push(c);
            word.push(escaped);
        } else {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}
