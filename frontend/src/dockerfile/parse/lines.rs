//! The lines of a Dockerfile, joined where they continue.

use super::directives::Directives;
use super::{HereDocument, LineRange, ParseError};

/// How long a line may be, in bytes, as BuildKit has it.
pub(super) const MAX_LINE: usize = 64 * 1024;

pub(super) struct Lines<'a> {
    rest: &'a str,
    number: u32,
    escape: char,
    directives: Directives,
    too_long: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, number: 0, escape: '\\', directives: Directives::default(), too_long: false }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn escape(&self) -> char {
        self.escape
    }

    /// Whether all lines could be read.
    pub(super) fn finish(&self) -> Result<(), ParseError> {
        if self.too_long {
            return Err(
                self.error(self.number + 1, format!("the line is longer than {} bytes", MAX_LINE - 1))
            );
        }
        Ok(())
    }

    /// The next line that is no comment, with the lines that continue it, and the number of its first line.
    pub(super) fn next_instruction(&mut self) -> Result<Option<(String, u32)>, ParseError> {
        while let Some(raw) = self.next_raw() {
            let first = self.number;
            let line = raw.trim_end_matches(['\r', '\n']).trim_start();
            match self.directives.line(line, "#").map_err(|message| self.error(first, message))? {
                Some(("escape", value)) => self.set_escape(value, first)?,
                Some(_) => {}
                None if is_comment(line) => {}
                None => {
                    let (line, mut continues) = self.without_continuation(line);
                    if line.is_empty() && !continues {
                        continue;
                    }
                    let mut joined = line.to_owned();
                    while continues && let Some(raw) = self.next_raw() {
                        let line = raw.trim_end_matches(['\r', '\n']);
                        if is_comment(line) || line.trim_start().is_empty() {
                            continue;
                        }
                        let (line, more) = self.without_continuation(line);
                        joined.push_str(line);
                        continues = more;
                    }
                    return Ok(Some((joined, first)));
                }
            }
        }
        Ok(None)
    }

    /// Reads the text of a here-document that was announced in line `first`.
    pub(super) fn here_document(
        &mut self,
        mut document: HereDocument,
        first: u32,
    ) -> Result<HereDocument, ParseError> {
        while let Some(raw) = self.next_raw() {
            let mut line = raw.trim_end_matches(['\r', '\n']);
            if document.strip_tabs {
                line = line.trim_start_matches('\t');
            }
            if line == document.name {
                return Ok(document);
            }
            document.text.push_str(raw);
        }
        let message = format!("the here-document `{}` does not end", document.name);
        Err(ParseError { lines: LineRange { first, last: self.number }, message })
    }

    /// The next line, with its end.
    fn next_raw(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() || self.too_long {
            return None;
        }
        let end = self.rest.find('\n').map_or(self.rest.len(), |end| end + 1);
        if end > MAX_LINE {
            self.too_long = true;
            return None;
        }
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.number += 1;
        Some(line)
    }

    /// The line without the escape character at its end, and whether there was one. One that is escaped itself is
    /// none.
    fn without_continuation<'b>(&self, line: &'b str) -> (&'b str, bool) {
        match line.trim_end_matches([' ', '\t']).strip_suffix(self.escape) {
            Some(before) if !before.ends_with(self.escape) => (before, true),
            _ => (line, false),
        }
    }

    fn set_escape(&mut self, value: &str, line: u32) -> Result<(), ParseError> {
        self.escape = match value {
            "\\" => '\\',
            "`" => '`',
            _ => {
                let message = format!("the escape character must be `\\` or a backtick, not {value:?}");
                return Err(self.error(line, message));
            }
        };
        Ok(())
    }

    fn error(&self, line: u32, message: String) -> ParseError {
        ParseError { lines: LineRange { first: line, last: line.max(self.number) }, message }
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}
