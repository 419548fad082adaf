//! The syntax of HCL, from its native form and from JSON, as one tree.

mod json;
mod literals;
mod native;
mod template;

use std::ops::Range;
use std::sync::Arc;

use super::error::{BakeError, Position};
use super::value::Value;

/// How many levels of expressions a file may nest.
const MAX_DEPTH: usize = 256;

/// An expression, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) at: Position,
}

#[derive(Debug, Clone)]
pub(crate) enum ExprKind {
    Literal(Value),
    /// The parts as strings, joined.
    Template(Vec<Expr>),
    /// The elements of a sequence as strings, joined: what a `%{ for }` makes.
    Joined(Box<Expr>),
    Variable(Arc<str>),
    Tuple(Vec<Expr>),
    /// Keys that are identifiers are literals.
    Object(Vec<(Expr, Expr)>),
    Attribute(Box<Expr>, Arc<str>),
    Index(Box<Expr>, Box<Expr>),
    /// The second expression for each element of the first, which it has as the variable [`EACH`].
    Splat(Box<Expr>, Box<Expr>),
    Call {
        name: Arc<str>,
        arguments: Vec<Expr>,
        /// The last argument's elements are arguments.
        expand: bool,
    },
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    For(Box<For>),
}

/// `[for …]` and `{for …}`.
#[derive(Debug, Clone)]
pub(crate) struct For {
    pub(crate) key_name: Option<Arc<str>>,
    pub(crate) value_name: Arc<str>,
    pub(crate) collection: Expr,
    /// `None` makes a tuple.
    pub(crate) key: Option<Expr>,
    pub(crate) value: Expr,
    pub(crate) condition: Option<Expr>,
    /// Values of one key become a tuple.
    pub(crate) grouping: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
}

/// The variable that a splat's second expression has the element in; no identifier is that.
pub(crate) const EACH: &str = "*";

/// The content of a file or block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: Arc<str>,
    pub(crate) value: Expr,
    pub(crate) at: Position,
}

#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) kind: Arc<str>,
    pub(crate) labels: Vec<Arc<str>>,
    pub(crate) body: Body,
    pub(crate) at: Position,
}

impl Body {
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name == name)
    }
}

impl Expr {
    fn new(kind: ExprKind, at: Position) -> Self {
        Self { kind, at }
    }

    /// The identifier that the expression consists of.
    pub(crate) fn keyword(&self) -> Option<&Arc<str>> {
        match &self.kind {
            ExprKind::Variable(name) => Some(name),
            _ => None,
        }
    }
}

/// Reads a file in HCL's native syntax.
pub(crate) fn parse_native(file: &str, text: &str) -> Result<Body, BakeError> {
    native::parse(&Source::new(file, text))
}

/// Reads a file in HCL's JSON syntax.
pub(crate) fn parse_json(file: &str, text: &str) -> Result<Body, BakeError> {
    json::parse(&Source::new(file, text))
}

/// A text of which places are told, or a part of a file of which one place is.
struct Source<'a> {
    name: Arc<str>,
    text: &'a str,
    /// Where lines begin; empty for a part of a file.
    lines: Vec<usize>,
    /// The place of a part of a file.
    fixed: Option<Position>,
    /// The text that lines are counted in, and where in it `text` begins.
    whole: (&'a str, usize),
}

impl<'a> Source<'a> {
    fn new(name: &str, text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1)).collect();
        Self { name: name.into(), text, lines, fixed: None, whole: (text, 0) }
    }

    fn part(text: &'a str, at: Position) -> Self {
        Self { name: Arc::clone(&at.file), text, lines: Vec::new(), fixed: Some(at), whole: (text, 0) }
    }

    /// A range of the text, read on its own.
    fn within(&self, range: Range<usize>) -> Self {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let whole = (self.whole.0, self.whole.1 + range.start);
        Self {
            name: Arc::clone(&self.name),
            text,
            lines: self.lines.clone(),
            fixed: self.fixed.clone(),
            whole,
        }
    }

    fn position(&self, offset: usize) -> Position {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        let offset = self.whole.1 + offset;
        let line = self.lines.partition_point(|&start| start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or(0);
        let column = self.whole.0.get(start..offset).map_or(0, |before| before.chars().count() + 1);
        Position { file: Arc::clone(&self.name), line, column }
    }

    fn invalid(&self, offset: usize, message: impl Into<String>) -> BakeError {
        BakeError::invalid(&self.position(offset), message)
    }
}
