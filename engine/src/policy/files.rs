//! A policy's files, and positions in them.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

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

    /// A line by its number, from 1, without its end.
    fn line(&self, number: u32) -> Option<&str> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.line_starts.get(index)?;
        self.text.get(start..)?.lines().next()
    }
}

pub(super) fn position(files: &[SourceFile], loc: Loc) -> Position {
    files.get(loc.file as usize).map(|file| file.position(loc.offset as usize)).unwrap_or_default()
}

/// The line at a position.
pub(super) fn line<'f>(files: &'f [SourceFile], position: &Position) -> Option<&'f str> {
    files.iter().find(|file| file.name == position.file)?.line(position.line)
}

/// `sha256:…` over names and texts, each with its length before it, so that no two lists of files look alike.
pub(super) fn digest(files: &[SourceFile]) -> String {
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|file| [&file.name, &file.text]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("sha256:{}", HEXLOWER.encode(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_tell_files_apart() {
        let of = |files: &[(&str, &str)]| {
            let files: Vec<_> =
                files.iter().map(|(name, text)| SourceFile::new((*name).into(), (*text).into())).collect();
            digest(&files)
        };
        assert_eq!(of(&[]), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(&[("a", "b")]), of(&[("a", "b")]));
        let different = [
            of(&[("a", "bc")]),
            of(&[("ab", "c")]),
            of(&[("a", "b"), ("c", "")]),
            of(&[("c", ""), ("a", "b")]),
        ];
        for (at, one) in different.iter().enumerate() {
            assert!(different[at + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let files = [SourceFile::new("a.rego".into(), "package a\n\nx := \"é\" + y\n".into())];
        let at = |offset| position(&files, Loc { file: 0, offset }).to_string();
        assert_eq!(at(0), "a.rego:1:1");
        assert_eq!(at(11), "a.rego:3:1");
        assert_eq!(at(23), "a.rego:3:12");
    }

    #[test]
    fn lines_are_found_by_position() {
        let files = [SourceFile::new("a.rego".into(), "package a\r\n\nx := 1".into())];
        let at = |file: &str, number| line(&files, &Position { file: file.into(), line: number, column: 1 });
        assert_eq!(
            [at("a.rego", 1), at("a.rego", 2), at("a.rego", 3)],
            [Some("package a"), Some(""), Some("x := 1")]
        );
        assert_eq!([at("a.rego", 0), at("a.rego", 4), at("b.rego", 1)], [None; 3]);
    }
}
