//! A policy's files, and positions in them.

use crate::check::Position;
use crate::rego::ast::Loc;

/// A file with its line starts.
#[derive(Debug)]
pub(super) struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl SourceFile {
    pub(super) fn new(name: String, text: String) -> Self {
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1))
            .collect();
        Self { name, text, line_starts }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn position(&self, offset: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..offset).map_or(0, |text| text.chars().count());
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { file: self.name.clone(), line: number(line), column: number(column + 1) }
    }
}

pub(super) fn position(files: &[SourceFile], loc: Loc) -> Position {
    files.get(loc.file as usize).map(|file| file.position(loc.offset as usize)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let files = [SourceFile::new("a.rego".into(), "package a\n\nx := \"é\" + y\n".into())];
        let at = |offset| position(&files, Loc { file: 0, offset }).to_string();
        assert_eq!(at(0), "a.rego:1:1");
        assert_eq!(at(11), "a.rego:3:1");
        assert_eq!(at(23), "a.rego:3:12");
    }
}
