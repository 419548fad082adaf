//! Parser directives: comments such as `# syntax=docker/dockerfile:1` at the very beginning of a file.

use super::LineRange;
use super::lines::MAX_LINE;

/// The directives that there are.
const KNOWN: [&str; 3] = ["syntax", "escape", "check"];

/// Reads directives line by line, as long as there are any.
#[derive(Debug, Default)]
pub(super) struct Directives {
    seen: Vec<&'static str>,
    done: bool,
}

impl Directives {
    /// The directive that a line is, its name in lower case and its value. The first line that is none ends them.
    pub(super) fn line<'a>(
        &mut self,
        line: &'a str,
        comment: &str,
    ) -> Result<Option<(&'static str, &'a str)>, String> {
        if self.done {
            return Ok(None);
        }
        let Some((name, value)) = line.strip_prefix(comment).and_then(|text| directive(text.trim_start()))
        else {
            self.done = true;
            return Ok(None);
        };
        if self.seen.contains(&name) {
            return Err(format!("the parser directive `{name}` is given twice"));
        }
        self.seen.push(name);
        Ok(Some((name, value)))
    }
}

/// `name = value`.
fn directive(text: &str) -> Option<(&'static str, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim_end_matches(is_space);
    let name = KNOWN.into_iter().find(|known| name.eq_ignore_ascii_case(known))?;
    let value = value.trim_matches(is_space);
    (!value.is_empty()).then_some((name, value))
}

fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

/// The frontend that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syntax {
    /// The image: `docker/dockerfile:1`.
    pub image: String,
    /// Where it is asked for.
    pub lines: LineRange,
}

/// The frontend that a file asks for: in the directive `# syntax=`, or, for files of other languages, `// syntax=` or
/// a JSON object with a `syntax`. A first line `#!…` doesn't count.
pub fn detect_syntax(text: &str) -> Option<Syntax> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (text, skipped) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("#!") => (rest, 1),
        None if text.starts_with("#!") => ("", 1),
        _ => (text, 0),
    };
    let found = |value: &str, line: u32| {
        let image = value.split(' ').next().unwrap_or_default().to_owned();
        Syntax { image, lines: LineRange { first: line, last: line } }
    };
    for comment in ["#", "//"] {
        let mut directives = Directives::default();
        for (line, number) in text.split('\n').zip(skipped + 1..) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if directives.done || line.len() >= MAX_LINE {
                break;
            }
            match directives.line(line, comment) {
                Ok(Some(("syntax", value))) => return Some(found(value, number)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    Some(found(json.get("syntax")?.as_str()?, skipped + 1))
}
