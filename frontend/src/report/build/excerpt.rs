//! Lines of a file with a mark below what is meant, as compilers show them.

use anstyle::Style;

use crate::report::human::{FAINT, line};

/// Lines of one instruction that are shown; real ones have a few.
const MAX_LINES: usize = 12;

/// Where in a file, and what stands there.
pub(crate) struct Excerpt<'a> {
    /// `Dockerfile:3`.
    pub(crate) place: String,
    /// The lines, each with its number.
    pub(crate) lines: Vec<(u32, &'a str)>,
    /// First character that is marked, from 1: on the first line. The mark goes to the line's end.
    pub(crate) column: usize,
}

/// Appends excerpts to `out`, below each other.
pub(crate) fn write(out: &mut String, excerpts: &[Excerpt<'_>], mark: Style) {
    let numbers = excerpts.iter().flat_map(|excerpt| excerpt.shown().map(|(number, _)| *number));
    let width = numbers.max().unwrap_or_default().to_string().len();
    for excerpt in excerpts {
        excerpt.write(out, width, mark);
    }
}

/// Appends one line with a mark from `column` (from 1) to its end; the place has been told.
pub(crate) fn one_line(out: &mut String, number: u32, text: &str, column: usize, mark: Style) {
    Excerpt { place: String::new(), lines: vec![(number, text)], column }.lines(
        out,
        number.to_string().len(),
        mark,
    );
}

impl Excerpt<'_> {
    fn shown(&self) -> impl Iterator<Item = &(u32, &str)> {
        self.lines.iter().take(MAX_LINES)
    }

    fn write(&self, out: &mut String, width: usize, mark: Style) {
        line(out, format_args!("  {FAINT}{:width$}-->{FAINT:#} {}", "", self.place));
        if !self.lines.is_empty() {
            self.lines(out, width, mark);
        }
    }

    fn lines(&self, out: &mut String, width: usize, mark: Style) {
        line(out, format_args!("  {FAINT}{:width$} |{FAINT:#}", ""));
        for (number, text) in self.shown() {
            line(out, format_args!("  {FAINT}{number:>width$} |{FAINT:#} {}", expanded(text)));
        }
        if self.lines.len() > MAX_LINES {
            line(out, format_args!("  {FAINT}{:width$} | …{FAINT:#}", ""));
        } else if let [(_, text)] = self.lines.as_slice() {
            let before = expanded(&text.chars().take(self.column.saturating_sub(1)).collect::<String>());
            let (indent, all) = (before.chars().count(), expanded(text.trim_end()).chars().count());
            let carets = "^".repeat(all.saturating_sub(indent).max(1));
            let gap = " ".repeat(indent);
            line(out, format_args!("  {FAINT}{:width$} |{FAINT:#} {gap}{mark}{carets}{mark:#}", ""));
        }
    }
}

/// Tabs would shift the mark.
fn expanded(text: &str) -> String {
    text.replace('\t', "    ")
}
