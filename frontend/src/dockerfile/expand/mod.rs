//! Expansion of variables and quotes in the words of a Dockerfile: `$x`, `${x}`, `${x:-word}`, `${x:+word}`,
//! `${x:?message}` (each without the colon too), `${x#pattern}`, `##`, `%`, `%%`, `${x/pattern/text}`, `//`.
//!
//! As the Dockerfile reference has it (section "Environment replacement"), with the corners of BuildKit.

mod pattern;
mod scan;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};

use scan::Scan;

/// How deep `${a:-${b:-…}}` may nest.
const MAX_DEPTH: usize = 64;
/// How much text one word may become, in bytes.
const MAX_WORD: usize = 1 << 20;
/// How much text all words of a Dockerfile may become together, in bytes.
const MAX_TOTAL: usize = 64 << 20;

/// Where variables are looked up.
pub(crate) trait Variables {
    /// The value of a variable that is set.
    fn get(&self, name: &str) -> Option<&str>;
}

/// No variables.
pub(crate) struct Unset;

impl Variables for Unset {
    fn get(&self, _: &str) -> Option<&str> {
        None
    }
}

/// Why a word can't be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExpandError {
    /// A quote or a brace that is not closed, or another mistake in `${…}`.
    #[error("{0}")]
    Syntax(String),
    /// `${x?message}`.
    #[error("{name}: {message}")]
    Required { name: String, message: String },
    /// A pattern with an escape that it can't have.
    #[error("invalid pattern {pattern:?} in a substitution: {reason}")]
    Pattern { pattern: String, reason: String },
    /// Substitutions within substitutions.
    #[error("substitutions nest deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A word that grows too much.
    #[error("a word becomes longer than {MAX_WORD} bytes")]
    TooLong,
    /// Words that grow too much together.
    #[error("the words of the Dockerfile become longer than {MAX_TOTAL} bytes together")]
    TooMuch,
}

/// What quotes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// They quote, and are removed.
    Removed,
    /// They quote, and stay.
    Kept,
    /// They are characters like others.
    Ignored,
}

/// What quotes and escapes become, and the escape character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// `\` or `` ` ``.
    pub escape: char,
    /// What quotes do.
    pub quotes: Quotes,
    /// Escape characters stay as they are written.
    pub raw_escapes: bool,
    /// Variables that aren't set stay as they are written, else they are empty.
    pub keep_unset: bool,
}

impl Rules {
    /// The rules for arguments of instructions.
    pub(crate) fn new(escape: char) -> Self {
        Self { escape, quotes: Quotes::Removed, raw_escapes: false, keep_unset: false }
    }

    /// One word, expanded. Spaces stay.
    pub(crate) fn word(self, word: &str, variables: &dyn Variables) -> Result<String, ExpandError> {
        Scan::new(word, self, variables).run().map(|(text, _)| text)
    }

    /// The words of a line, expanded first and split at spaces outside of quotes then.
    pub(crate) fn words(self, line: &str, variables: &dyn Variables) -> Result<Vec<String>, ExpandError> {
        Scan::new(line, self, variables).run().map(|(_, words)| words)
    }
}

/// Expands the words of one Dockerfile, and counts how much they become.
#[derive(Debug)]
pub(crate) struct Expander {
    rules: Rules,
    left: AtomicUsize,
}

impl Expander {
    /// For a Dockerfile with this escape character.
    pub(crate) fn new(escape: char) -> Self {
        Self { rules: Rules::new(escape), left: AtomicUsize::new(MAX_TOTAL) }
    }

    /// An argument of an instruction, expanded.
    pub(crate) fn word(&self, word: &str, variables: &dyn Variables) -> Result<String, ExpandError> {
        self.count(self.rules.word(word, variables)?)
    }

    /// The text of a here-document, expanded: quotes mean nothing in it.
    pub(crate) fn document(&self, text: &str, variables: &dyn Variables) -> Result<String, ExpandError> {
        let rules = Rules { quotes: Quotes::Ignored, ..Rules::new('\\') };
        self.count(rules.word(text, variables)?)
    }

    fn count(&self, text: String) -> Result<String, ExpandError> {
        let spend = |left: usize| left.checked_sub(text.len());
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Ok(text),
            Err(_) => Err(ExpandError::TooMuch),
        }
    }
}
