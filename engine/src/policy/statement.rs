//! A statement of a policy as its text, and what it read of the input.

use regorus::Value;

use crate::builtins;
use crate::rego::lexer::{Lexer, Token, TokenKind};
use crate::rego::unknown;

/// Characters of a value that are shown.
const VALUE_LIMIT: usize = 200;
/// Tokens of a statement that are looked at.
const TOKEN_LIMIT: usize = 1_000;

/// A property of the input that a statement names, with its value as a term of Rego; without one it was absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadValue {
    /// `input.image.host`
    pub property: String,
    /// `"docker.io"`
    pub value: Option<String>,
}

/// The text of the statement at `offset` on one line, and what of `input` it names.
pub(super) fn read(text: &str, offset: usize, input: &Value) -> (String, Vec<ReadValue>) {
    let (tokens, end) = tokens(text, offset);
    let statement = text.get(offset..end).unwrap_or_default();
    let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut read: Vec<ReadValue> = Vec::new();
    for at in 0..tokens.len() {
        let value =
            path(text, &tokens[at..]).filter(|path| !path.is_empty()).and_then(|path| value(input, &path));
        if let Some(value) = value
            && !read.contains(&value)
        {
            read.push(value);
        }
    }
    (statement, read)
}

/// The tokens of the statement that begins at `offset`, and where it ends: at a line's end outside of brackets, a
/// semicolon, or the bracket that closes the body.
fn tokens(text: &str, offset: usize) -> (Vec<Token>, usize) {
    let mut lexer = Lexer::new(text, 0);
    lexer.position = offset;
    let (mut found, mut depth, mut end) = (Vec::new(), 0_usize, offset);
    while let Ok(token) = lexer.next() {
        let ends_line = token.on_new_line && depth == 0 && !found.is_empty();
        match &token.kind {
            _ if ends_line || found.len() == TOKEN_LIMIT => break,
            TokenKind::End | TokenKind::Symbol(";") => break,
            TokenKind::TemplateStart { .. } => {
                // What is inside is read by the parser alone.
                end = text[offset..].find('\n').map_or(text.len(), |length| offset + length);
                break;
            }
            TokenKind::Symbol("(" | "[" | "{") => depth += 1,
            TokenKind::Symbol(")" | "]" | "}") if depth == 0 => break,
            TokenKind::Symbol(")" | "]" | "}") => depth -= 1,
            _ => {}
        }
        end = token.end;
        found.push(token);
    }
    (found, end)
}

/// The constant path below `input` that the tokens begin with.
fn path(text: &str, tokens: &[Token]) -> Option<Vec<String>> {
    let word = |token: &Token| text.get(token.start..token.end).unwrap_or_default().to_owned();
    let is_symbol = |token: Option<&Token>, symbol: &str| matches!(token.map(|token| &token.kind), Some(TokenKind::Symbol(found)) if *found == symbol);
    let first = tokens.first().filter(|token| token.kind == TokenKind::Ident)?;
    if word(first) != "input" {
        return None;
    }
    let (mut path, mut at) = (Vec::new(), 1);
    loop {
        match tokens.get(at + 1).map(|token| (&token.kind, token)) {
            Some((TokenKind::Ident, token)) if is_symbol(tokens.get(at), ".") => {
                path.push(word(token));
                at += 2;
            }
            Some((TokenKind::String(key), _))
                if is_symbol(tokens.get(at), "[") && is_symbol(tokens.get(at + 2), "]") =>
            {
                path.push(key.clone());
                at += 3;
            }
            _ => return Some(path),
        }
    }
}

/// The property's value, unless it has not been looked up.
fn value(input: &Value, path: &[String]) -> Option<ReadValue> {
    if *input == Value::Undefined {
        return None;
    }
    let mut value = Some(input);
    for step in path {
        value = match value {
            Some(Value::Object(fields)) => fields.get(&Value::from(step.as_str())),
            _ => None,
        };
        if value.is_some_and(unknown::is_unknown) {
            return None;
        }
    }
    let shown = value.filter(|value| unknown::inside(value).is_none()).map(|value| match value {
        Value::String(text) => format!("{:?}", cut(text)),
        other => cut(&builtins::term_text(other)),
    });
    if value.is_some() && shown.is_none() {
        return None;
    }
    let property = path.iter().fold(String::from("input"), |whole, step| {
        let is_name = step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_name { format!("{whole}.{step}") } else { format!("{whole}[{step:?}]") }
    });
    Some(ReadValue { property, value: shown })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_LIMIT) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ReadValue, read};
    use regorus::Value;

    #[test]
    fn statements_and_what_they_read() {
        let input = r#"{"image": {"host": "docker.io", "repo": "alpine", "labels": {"a.b": "1"}, "isCanonical": true}}"#;
        let input = Value::from_json_str(input).unwrap_or(Value::Undefined);
        for (text, statement, values) in [
            (
                "input.image.host == \"x\"\n\tnext",
                "input.image.host == \"x\"",
                &["input.image.host is \"docker.io\""][..],
            ),
            (
                "not input.image.isCanonical }",
                "not input.image.isCanonical",
                &["input.image.isCanonical is true"],
            ),
            (
                "input.image.labels[\"a.b\"] == 2; x",
                "input.image.labels[\"a.b\"] == 2",
                &["input.image.labels[\"a.b\"] is \"1\""],
            ),
            (
                "input.image.tag in {\n\t\"a\",\n}\n",
                "input.image.tag in { \"a\", }",
                &["input.image.tag is absent"],
            ),
            (
                "startswith(input.image.repo, input.git.branch)",
                "startswith(input.image.repo, input.git.branch)",
                &["input.image.repo is \"alpine\"", "input.git.branch is absent"],
            ),
            ("allowed(x)", "allowed(x)", &[]),
            ("", "", &[]),
        ] {
            let (shown, read) = read(text, 0, &input);
            let read: Vec<String> = read
                .into_iter()
                .map(|ReadValue { property, value }| {
                    format!("{property} is {}", value.as_deref().unwrap_or("absent"))
                })
                .collect();
            assert_eq!(
                (&*shown, read),
                (statement, values.iter().map(|v| (*v).to_owned()).collect()),
                "{text}"
            );
        }
    }
}
