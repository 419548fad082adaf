//! A statement of a policy as its text.

use crate::rego::lexer::{Lexer, TokenKind};

/// Tokens of a statement that are looked at.
const TOKEN_LIMIT: usize = 1_000;

/// The text of the statement at `offset`, on one line.
pub(super) fn text(text: &str, offset: usize) -> String {
    let statement = text.get(offset..end(text, offset)).unwrap_or_default();
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the statement that begins at `offset` ends: at a line's end outside of brackets, a semicolon, or the bracket
/// that closes the body.
fn end(text: &str, offset: usize) -> usize {
    let mut lexer = Lexer::new(text, 0);
    lexer.position = offset;
    let (mut depth, mut end) = (0_usize, offset);
    for index in 0..TOKEN_LIMIT {
        let Ok(token) = lexer.next() else { break };
        match &token.kind {
            _ if token.on_new_line && depth == 0 && index > 0 => break,
            TokenKind::End | TokenKind::Symbol(";") => break,
            TokenKind::TemplateStart { .. } => {
                // What is inside is read by the parser alone.
                return text[offset..].find('\n').map_or(text.len(), |length| offset + length);
            }
            TokenKind::Symbol("(" | "[" | "{") => depth += 1,
            TokenKind::Symbol(")" | "]" | "}") if depth == 0 => break,
            TokenKind::Symbol(")" | "]" | "}") => depth -= 1,
            _ => {}
        }
        end = token.end;
    }
    end
}

#[cfg(test)]
mod tests {
    #[test]
    fn statements() {
        for (text, statement) in [
            ("input.image.host == \"x\"\n\tnext", "input.image.host == \"x\""),
            ("not input.image.isCanonical }", "not input.image.isCanonical"),
            ("input.image.labels[\"a.b\"] == 2; x", "input.image.labels[\"a.b\"] == 2"),
            ("input.image.tag in {\n\t\"a\",\n}\n", "input.image.tag in { \"a\", }"),
            ("allowed(x)", "allowed(x)"),
            ("", ""),
        ] {
            assert_eq!(super::text(text, 0), statement);
        }
    }
}
