//! A Dockerfile, from text to instructions. Stands alone: nothing is expanded, and what an instruction means is left
//! to others.
//!
//! The format is that of the Dockerfile reference (<https://docs.docker.com/reference/dockerfile/>), read as BuildKit
//! reads it: parser directives, line continuations with comments and blank lines in between, here-documents, flags,
//! JSON arrays.

mod arguments;
mod directives;
mod flags;
mod here_document;
mod lines;
#[cfg(test)]
mod tests;

pub use directives::{Syntax, detect_syntax};
pub use here_document::HereDocument;

use lines::Lines;

/// How much text a Dockerfile may have, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// How many instructions it may have.
const MAX_INSTRUCTIONS: usize = 20_000;
/// How deep `ONBUILD ONBUILD …` is read. No build takes even two.
const MAX_ONBUILD: usize = 4;

/// A Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    /// The escape character: `\` or `` ` ``.
    pub escape: char,
    /// Its instructions, at least one.
    pub instructions: Vec<Instruction>,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The first word, as it is written; none of them is looked up here.
    pub keyword: String,
    /// The flags before the arguments, with their dashes, quotes and escapes resolved: `--from=build`.
    pub flags: Vec<String>,
    /// What follows.
    pub arguments: Arguments,
    /// The here-documents that its arguments announce, in their order.
    pub here_documents: Vec<HereDocument>,
    /// The instruction on one line, without comments and here-documents.
    pub text: String,
    /// Where it stands.
    pub lines: LineRange,
}

/// Lines of a file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LineRange {
    /// The first one.
    pub first: u32,
    /// The last one.
    pub last: u32,
}

/// The arguments of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Words, split as the instruction wants them, with quotes and escapes as they are written.
    Words(Vec<String>),
    /// The strings of a JSON array.
    Json(Vec<String>),
    /// `HEALTHCHECK`: its type, and the command.
    Health(String, Box<Arguments>),
    /// Names and values of `ENV` and `LABEL`.
    Pairs(Vec<(String, String)>),
    /// `ONBUILD`: another instruction.
    Instruction(Box<Instruction>),
}

/// Why a text is no Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Where.
    pub lines: LineRange,
    /// What is wrong.
    pub message: String,
}

impl Dockerfile {
    /// Parses a Dockerfile's text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            let message = format!("it is longer than the limit of {MAX_TEXT} bytes");
            return Err(ParseError { lines: LineRange::default(), message });
        }
        let mut lines = Lines::new(text);
        let mut instructions = Vec::new();
        while let Some((line, first)) = lines.next_instruction()? {
            let range = |lines: &Lines<'_>| LineRange { first, last: lines.number() };
            let error = |message, lines: &Lines<'_>| ParseError { lines: range(lines), message };
            if instructions.len() == MAX_INSTRUCTIONS {
                let message = format!("it has more than {MAX_INSTRUCTIONS} instructions, which is the limit");
                return Err(error(message, &lines));
            }
            let mut instruction =
                Instruction::parse(&line, lines.escape(), 0).map_err(|message| error(message, &lines))?;
            if instruction.takes_here_documents() && line.contains("<<") {
                for document in here_document::announced(&line).map_err(|message| error(message, &lines))? {
                    let document = lines.here_document(document, first)?;
                    instruction.here_documents.push(document);
                }
            }
            instruction.lines = range(&lines);
            instructions.push(instruction);
        }
        lines.finish()?;
        if instructions.is_empty() {
            let message = "it has no instructions".to_owned();
            return Err(ParseError { lines: LineRange::default(), message });
        }
        Ok(Self { escape: lines.escape(), instructions })
    }
}

impl Instruction {
    fn parse(line: &str, escape: char, depth: usize) -> Result<Self, String> {
        let text = line.trim();
        let (keyword, rest) = split_blanks(text).unwrap_or((text, ""));
        let (flags, rest) = flags::split(rest, escape);
        let arguments = Arguments::parse(keyword, rest.trim(), escape, depth)?;
        Ok(Self {
            keyword: keyword.to_owned(),
            flags,
            arguments,
            here_documents: Vec::new(),
            text: text.to_owned(),
            lines: LineRange::default(),
        })
    }

    /// Here-documents belong to `RUN`, `COPY` and `ADD`, also behind `ONBUILD`, but not in their JSON forms.
    fn takes_here_documents(&self) -> bool {
        let instruction = match &self.arguments {
            Arguments::Instruction(inner) if self.is("onbuild") => inner,
            _ => self,
        };
        ["add", "copy", "run"].iter().any(|keyword| instruction.is(keyword))
            && !matches!(instruction.arguments, Arguments::Json(_))
    }

    /// Whether this is the instruction `keyword`, in lower case.
    pub fn is(&self, keyword: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword)
    }
}

/// The blanks that separate words.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// What is before and behind the first blanks.
fn split_blanks(text: &str) -> Option<(&str, &str)> {
    let (before, behind) = text.split_once(is_blank)?;
    Some((before, behind.trim_start_matches(is_blank)))
}
