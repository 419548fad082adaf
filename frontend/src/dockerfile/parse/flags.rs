//! The flags of an instruction: words that begin with `--`, before its arguments.

use std::borrow::Cow;

/// The flags of `text`, and what follows them. A `--` alone ends them. BuildKit reads them byte by byte, so a byte
/// beyond ASCII counts as the character with its number.
pub(super) fn split(text: &str, escape: char) -> (Vec<String>, Cow<'_, str>) {
    let bytes = text.as_bytes();
    let rest = |at: usize| String::from_utf8_lossy(bytes.get(at..).unwrap_or_default());
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|b| char::from(*b).is_whitespace()) {
            at += 1;
        }
        if !bytes.get(at..).is_some_and(|rest| rest.starts_with(b"--")) {
            return (flags, rest(at));
        }
        let (word, end) = read_word(bytes, at, escape);
        at = end;
        match word.as_deref() {
            Some("--") => return (flags, rest(at)),
            Some(_) => flags.extend(word),
            None => {}
        }
    }
}

/// The word at `at` without its quotes, and its end. A word that a quote is left open in is dropped only if empty.
fn read_word(bytes: &[u8], mut at: usize, escape: char) -> (Option<String>, usize) {
    let mut word = String::new();
    let mut quoted = false;
    let mut quote = None;
    while let Some(c) = bytes.get(at).map(|b| char::from(*b)) {
        if quote.is_none() && c.is_whitespace() {
            break;
        }
        at += 1;
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
            quoted = true;
        } else if c == escape {
            // At the end of the line it is dropped.
            if let Some(escaped) = bytes.get(at) {
                word.push(char::from(*escaped));
                at += 1;
            }
        } else {
            word.push(c);
        }
    }
    ((quoted || !word.is_empty()).then_some(word), at)
}
