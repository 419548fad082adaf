//! The syntax tree of a policy file.

use std::sync::Arc;

use regorus::Value;

/// A name in a policy.
pub(crate) type Name = Arc<str>;

/// A place in one of a policy's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Loc {
    /// Index of the file in its policy.
    pub(crate) file: u32,
    /// Byte offset in the file's text.
    pub(crate) offset: u32,
}

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) package: Vec<Name>,
    pub(crate) package_loc: Loc,
    pub(crate) imports: Vec<Import>,
    pub(crate) rules: Vec<Rule>,
}

/// `import data.lib.x as y`.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) loc: Loc,
    /// With its root: `data`, `input`, `future` or `rego`.
    pub(crate) path: Vec<Name>,
    pub(crate) alias: Option<Name>,
}

/// One definition of a rule: its head and its chain of bodies (the first, then each `else`).
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) loc: Loc,
    pub(crate) is_default: bool,
    /// What the rule is called: a name, then keys (`a.b[k]`).
    pub(crate) name: Name,
    pub(crate) keys: Vec<Term>,
    /// Parameters, for a function.
    pub(crate) args: Option<Vec<Term>>,
    /// `contains` element.
    pub(crate) element: Option<Term>,
    pub(crate) alternatives: Vec<Alternative>,
}

/// A body with the value it gives.
#[derive(Debug, Clone)]
pub(crate) struct Alternative {
    pub(crate) loc: Loc,
    /// `None` is `true`.
    pub(crate) value: Option<Term>,
    /// Empty when the rule has no body.
    pub(crate) body: Body,
}

/// Statements that must all hold.
pub(crate) type Body = Vec<Literal>;

/// A statement of a body.
#[derive(Debug, Clone)]
pub(crate) struct Literal {
    pub(crate) loc: Loc,
    pub(crate) kind: LiteralKind,
    pub(crate) with: Vec<With>,
}

/// `with input.x as v`.
#[derive(Debug, Clone)]
pub(crate) struct With {
    pub(crate) loc: Loc,
    pub(crate) target: Vec<Name>,
    pub(crate) value: Term,
}

/// What a statement says.
#[derive(Debug, Clone)]
pub(crate) enum LiteralKind {
    /// `some x, y`
    Some(Vec<Name>),
    /// `some k, v in domain`
    SomeIn { key: Option<Term>, value: Term, domain: Term },
    /// `every k, v in domain { … }`
    Every { key: Option<Name>, value: Name, domain: Term, body: Body },
    /// `not expression`
    Not(Term),
    /// An expression that must be defined and not false.
    Expr(Term),
}

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) loc: Loc,
    pub(crate) node: Node,
}

/// Kinds of expressions. Operators are calls of the built-ins they stand for (`plus`, `equal`, …);
/// `=` is a call of `eq`, `:=` of `assign`, `x in xs` of `internal.member_2`.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Scalar(Value),
    /// `_` is a variable of that name; each of its uses is a variable of its own.
    Var(Name),
    /// A head and at least one key: `a.b[c]`.
    Ref(Box<Term>, Vec<Term>),
    Call(Vec<Name>, Vec<Term>),
    Array(Vec<Term>),
    Set(Vec<Term>),
    Object(Vec<(Term, Term)>),
    ArrayCompr(Box<Term>, Body),
    SetCompr(Box<Term>, Body),
    ObjectCompr(Box<Term>, Box<Term>, Body),
    Template(Vec<TemplatePart>),
}

/// A piece of a template string.
#[derive(Debug, Clone)]
pub(crate) enum TemplatePart {
    Text(Arc<str>),
    Expr(Term, Vec<With>),
}

impl Term {
    pub(crate) fn new(loc: Loc, node: Node) -> Self {
        Self { loc, node }
    }

    pub(crate) fn string(loc: Loc, text: &str) -> Self {
        Self { loc, node: Node::Scalar(Value::from(text)) }
    }

    /// The operands, if this is a call of the built-in `name`.
    pub(crate) fn operands(&self, name: &str) -> Option<&[Term]> {
        match &self.node {
            Node::Call(path, args) if path.len() == 1 && &*path[0] == name => Some(args),
            _ => None,
        }
    }

    /// The text of a string constant.
    pub(crate) fn as_string(&self) -> Option<&str> {
        match &self.node {
            Node::Scalar(Value::String(s)) => Some(s),
            _ => None,
        }
    }
}
