//! Pieces of the text of a template: words and strings.

/// What Go's templates take for blanks.
pub(super) fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// The letters, digits and underscores that `text` begins with.
pub(super) fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// How long an action is, up to the `}}` that is in no string.
pub(super) fn action_length(text: &str) -> Option<usize> {
    let mut offset = 0;
    loop {
        let rest = &text[offset..];
        let next = rest.find(['"', '`', '\'', '}'])?;
        offset += next;
        let rest = &text[offset..];
        offset += match rest.chars().next() {
            Some('}') if rest.starts_with("}}") => return Some(offset),
            Some('}') => 1,
            Some('`') => rest[1..].find('`')? + 2,
            Some(quote) => rest.len() - quoted(&rest[1..], quote)?.1.len(),
            None => return None,
        };
    }
}

/// The text up to the quote, and what follows.
pub(super) fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            character if character == quote => return Some((out, rest.as_str())),
            '\n' => return None,
            '\\' => {
                let code = |rest: &mut std::str::Chars<'_>, digits: usize| {
                    let (hex, after) = rest.as_str().split_at_checked(digits)?;
                    *rest = after.chars();
                    char::from_u32(u32::from_str_radix(hex, 16).ok()?)
                };
                out.push(match rest.next()? {
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    'x' => code(&mut rest, 2)?,
                    'u' => code(&mut rest, 4)?,
                    'U' => code(&mut rest, 8)?,
                    other if other == '\\' || other == quote => other,
                    _ => return None,
                });
            }
            other => out.push(other),
        }
    }
}
