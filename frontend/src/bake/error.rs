//! What is wrong with a bake or Compose definition.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The file's name as it was given; empty for what no file says.
    pub file: Arc<str>,
    /// From 1; 0 where only the file is known.
    pub line: usize,
    /// From 1, in characters; 0 where only the line is known.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.file, self.line, self.column) {
            ("", ..) => formatter.write_str("command line"),
            (file, 0, _) => formatter.write_str(file),
            (file, line, 0) => write!(formatter, "{file}:{line}"),
            (file, line, column) => write!(formatter, "{file}:{line}:{column}"),
        }
    }
}

/// A definition from which no builds come.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BakeError {
    /// None of the default files is there.
    #[error("no bake definition in `{directory}`: name one with `--bake`, or add a `docker-bake.hcl`")]
    NoDefinition {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is malformed, or says what buildx refuses.
    #[error("{at}: {message}")]
    Invalid {
        /// Where.
        at: Position,
        /// What is wrong.
        message: String,
    },
    /// A target, group or override that the command names does not fit the definition.
    #[error("{0}")]
    Target(String),
    /// A construct that is right, as far as is known, but whose meaning cannot be found out here.
    #[error("{at}: cannot resolve {construct}: {reason}")]
    Unresolved {
        /// Where.
        at: Position,
        /// What.
        construct: String,
        /// Why not.
        reason: String,
    },
    /// The definition lies in a repository.
    #[error("cannot read the remote bake definition `{0}`: check it out and name its files")]
    Remote(String),
}

impl BakeError {
    /// Whether the definition or its use is wrong (exit 2), rather than not to be resolved (exit 3).
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Unresolved { .. } | Self::Remote(_))
    }

    pub(crate) fn invalid(at: &Position, message: impl Into<String>) -> Self {
        Self::Invalid { at: at.clone(), message: message.into() }
    }

    pub(crate) fn unresolved(at: &Position, construct: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unresolved { at: at.clone(), construct: construct.into(), reason: reason.into() }
    }
}
