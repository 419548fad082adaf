//! What a policy is compiled to: rules whose bodies are ordered, whose variables are numbered slots, and
//! in which it is settled where a variable is bound and where it is only read.

use std::collections::{BTreeMap, HashMap};

use regorus::Value;

use super::ast::{Loc, Name};
use crate::builtins::Builtin;

/// A variable's place in the frame of its rule.
pub(crate) type Slot = usize;
/// Index into [`Program::rules`].
pub(crate) type RuleId = usize;
/// Index into [`Program::tree`].
pub(crate) type NodeId = usize;

/// A compiled policy.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) rules: Vec<Rule>,
    /// `data`, by path; the root is node 0.
    pub(crate) tree: Vec<TreeNode>,
}

/// A package, a rule, or a step on the way to one.
#[derive(Debug, Default)]
pub(crate) struct TreeNode {
    pub(crate) children: BTreeMap<Name, NodeId>,
    pub(crate) rule: Option<RuleId>,
    pub(crate) path: Vec<Name>,
}

impl Program {
    /// The node at `path`, if the policy has one.
    pub(crate) fn node(&self, path: &[&str]) -> Option<NodeId> {
        path.iter().try_fold(0, |node, key| self.tree[node].children.get(*key).copied())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RuleKind {
    /// One value.
    Complete,
    /// `contains`.
    Set,
    /// Keyed: `name[key] := value`, `name[key] contains value`.
    Object,
    /// With this many parameters.
    Function(usize),
}

/// Everything that defines one name.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) loc: Loc,
    /// `data.docker.allow`.
    pub(crate) path: Vec<Name>,
    pub(crate) kind: RuleKind,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) default: Option<Clause>,
    pub(crate) index: Index,
    /// All clauses give this value, have no `else`, and none gives another: the first that holds will do.
    pub(crate) constant: Option<Value>,
    pub(crate) traits: Traits,
}

impl Rule {
    /// `data.docker.allow`
    pub(crate) fn name(&self) -> String {
        std::iter::once("data").chain(self.path.iter().map(|n| &**n)).collect::<Vec<_>>().join(".")
    }
}

/// What can be said about a piece of program without running it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// It may read a property that has to be resolved first, so it is tried after what cannot.
    pub(crate) may_ask: bool,
    /// It may end in an error (not just be undefined): a failing built-in of ours, a conflict.
    pub(crate) may_fail: bool,
}

impl Traits {
    pub(crate) fn add(&mut self, other: Self) {
        self.may_ask |= other.may_ask;
        self.may_fail |= other.may_fail;
    }
}

/// One definition of a rule.
#[derive(Debug)]
pub(crate) struct Clause {
    /// Parameters; empty for anything but a function.
    pub(crate) args: Vec<Pattern>,
    /// Names of its variables, by slot; those that the compiler made up begin with a NUL.
    pub(crate) names: Vec<Name>,
    /// The body, then each `else`: the first that holds gives the value.
    pub(crate) alternatives: Vec<Alternative>,
}

#[derive(Debug)]
pub(crate) struct Alternative {
    pub(crate) loc: Loc,
    pub(crate) body: Vec<Stmt>,
    /// Keys of an [`RuleKind::Object`] rule.
    pub(crate) keys: Vec<Expr>,
    /// The value, or the element of a set.
    pub(crate) value: Expr,
    /// `name[key] contains value`: the value is an element of the set at the keys.
    pub(crate) is_element: bool,
}

/// A statement of a body.
#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) loc: Loc,
    pub(crate) kind: StmtKind,
    /// Slots that it binds.
    pub(crate) binds: Vec<Slot>,
    pub(crate) traits: Traits,
}

#[derive(Debug)]
pub(crate) enum StmtKind {
    /// Must be defined and not false.
    Test(Expr),
    /// The value must fit the pattern.
    Match(Pattern, Expr),
    /// Once for each element: of an object or array by key, of a set by element.
    Scan { domain: Expr, key: Pattern, value: Pattern },
    /// The statements have no solution.
    Not(Vec<Stmt>),
    /// The body has a solution for each element.
    Every { domain: Expr, key: Pattern, value: Pattern, body: Vec<Stmt> },
    /// The statements, while something is replaced.
    With { replacements: Vec<Replacement>, body: Vec<Stmt> },
    /// Says something in the log; always holds.
    Print(Vec<Expr>),
    /// A case of a parametrized test begins: the keys that name it. Always holds.
    Case(Vec<Expr>),
}

/// One `with … as …`.
#[derive(Debug)]
pub(crate) enum Replacement {
    Input {
        path: Vec<Value>,
        value: Expr,
    },
    Data {
        path: Vec<Name>,
        value: Expr,
    },
    /// A function answers `value` whatever it is called with.
    FunctionByValue {
        function: Callee,
        value: Expr,
    },
    FunctionByFunction {
        function: Callee,
        by: Callee,
    },
}

/// What a call calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Callee {
    Builtin(&'static Builtin),
    /// One of the product's own built-ins, which need more than their arguments.
    Own(OwnBuiltin),
    Rule(RuleId),
}

/// Built-ins of policy-check and buildx, and those of Rego that need context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OwnBuiltin {
    LoadJson,
    PinImage,
    VerifyGitSignature,
    VerifyGitSignatureStrict,
    VerifyImageKey,
    VerifyHttpPgpSignature,
    VerifyHttpPgpSignatureLenient,
    ArtifactAttestation,
    GithubAttestation,
    NowNs,
    RandIntn,
    UuidRfc4122,
}

/// How a value is taken apart.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Anything, remembered.
    Bind(Slot),
    /// Anything.
    Any,
    /// This very value.
    Equal(Expr),
    /// An array of this length.
    Array(Vec<Pattern>),
    /// An object with exactly these keys.
    Object(Vec<(Expr, Pattern)>),
}

/// An expression with one value, or none. All its variables are bound.
#[derive(Debug)]
pub(crate) enum Expr {
    Const(Value),
    Local(Slot),
    /// A constant path from `input`; empty for the whole.
    Input(Loc, Vec<Value>),
    /// A base and its keys.
    Get(Loc, Box<Expr>, Vec<Expr>),
    /// A rule that is no function.
    Rule(RuleId),
    /// Everything below a node of `data`.
    Tree(NodeId),
    /// A constant path below `data` at which there is no rule.
    Data(Vec<Name>),
    Call(Loc, Callee, Vec<Expr>),
    /// `==`, or `!=` if negated.
    Equal {
        left: Box<Expr>,
        right: Box<Expr>,
        negated: bool,
    },
    Order(Order, Box<Expr>, Box<Expr>),
    /// `x in xs`, `k, x in xs`.
    Member {
        key: Option<Box<Expr>>,
        value: Box<Expr>,
        domain: Box<Expr>,
    },
    Array(Vec<Expr>),
    Set(Vec<Expr>),
    Object(Loc, Vec<(Expr, Expr)>),
    Comprehension(Loc, Box<Comprehension>),
    Template(Vec<TemplatePart>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) kind: ComprehensionKind,
    pub(crate) body: Vec<Stmt>,
    /// The key of an object comprehension.
    pub(crate) key: Option<Expr>,
    pub(crate) value: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ComprehensionKind {
    Array,
    Set,
    Object,
}

#[derive(Debug)]
pub(crate) enum TemplatePart {
    Text(String),
    Expr(Expr),
}

/// Which clauses can hold at all, by what they compare constant input paths with: a clause that demands
/// `input.image.repo == "alpine"` first is not even looked at for another repository.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Clauses without such a comparison, ascending.
    pub(crate) always: Vec<usize>,
    pub(crate) by_path: Vec<PathIndex>,
}

/// Clauses that compare one input path.
#[derive(Debug)]
pub(crate) struct PathIndex {
    pub(crate) path: Vec<Value>,
    /// Every clause of this path, ascending; all are candidates while the path is unresolved.
    pub(crate) all: Vec<usize>,
    pub(crate) by_value: HashMap<Name, Vec<usize>>,
}
