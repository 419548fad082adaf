//! Lines of a file with a mark below what is meant, as compilers show them.

use crate::report::human::{FAINT, line};

/// Lines of one instruction that are shown; real ones have a few.
const MAX_LINES: usize = 12;

/// Where in a file, and what stands there.
pub(super) struct Excerpt<'a> {
    /// `Dockerfile:3`.
    pub(super) place: String,
    /// The lines, each with its number.
    pub(super) lines: Vec<(u32, &'a str)>,
    /// First character that is marked, from 1: on the first line. The mark goes to the line's end.
    pub(super) column: usize,
}

impl Excerpt<'_> {
    /// Appends the excerpt to `out`.
    pub(super) fn write(&self, out: &mut String, mark: anstyle::Style) {
        let last = self.lines.iter().take(MAX_LINES).last();
        let width = last.map_or(1, |(number, _)| number.to_string().len());
        line(out, format_args!("  {FAINT}{:width$}-->{FAINT:#} {}", "", self.place));
        if self.lines.is_empty() {
            return;
        }
        line(out, format_args!("  {FAINT}{:width$} |{FAINT:#}", ""));
        for (number, text) in self.lines.iter().take(MAX_LINES) {
            line(out, format_args!("  {FAINT}{number:>width$} |{FAINT:#} {}", expanded(text)));
        }
        if self.lines.len() > MAX_LINES {
            line(out, format_args!("  {FAINT}{:width$} | …{FAINT:#}", ""));
        } else if let [(_, text)] = self.lines.as_slice() {
            let before = expanded(&text.chars().take(self.column.saturating_sub(1)).collect::<String>());
            let (indent, all) = (before.chars().count(), expanded(text.trim_end()).chars().count());
            let carets = "^".repeat(all.saturating_sub(indent).max(1));
            line(out, format_args!("  {FAINT}{:width$} |{FAINT:#} {:indent$}{mark}{carets}{mark:#}", "", ""));
        }
    }
}

/// Tabs would shift the mark.
fn expanded(text: &str) -> String {
    text.replace('\t', "    ")
}
