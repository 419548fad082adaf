//! Bodies: variables are declared, statements ordered and lowered.
//!
//! The order is OPA's, first of all: a statement comes when the variables it reads are bound. Among those
//! that could come next, statements that cannot ask for metadata go first, so that a cheap condition
//! saves a fetch wherever it is written.

use std::collections::HashSet;

use super::super::ast::{Body, Literal, LiteralKind, Loc, Name, Node, Term};
use super::super::ir::{Expr, Pattern, Replacement, Stmt, StmtKind, Traits};
use super::names::{direct_names, names_builtin, pattern_names};
use super::scope::{Frame, Snapshot};
use super::{Compiler, Problem, Result};

/// Code of the problem that waiting for another statement may cure.
pub(super) const UNSAFE: &str = "unsafe-variable";

pub(super) fn unsafe_variable(loc: Loc, name: &str) -> Problem {
    Problem::new(loc, UNSAFE, format!("var {name} is unsafe: nothing gives it a value"))
}

/// A lowered body and the expressions of the head it belongs to.
pub(super) struct LoweredBody {
    pub(super) stmts: Vec<Stmt>,
    pub(super) heads: Vec<Expr>,
    pub(super) traits: Traits,
}

impl Compiler<'_> {
    /// Lowers `body` in the frame's innermost scope, and `heads` as if they came after its statements.
    pub(super) fn body(&mut self, frame: &mut Frame, body: &Body, heads: &[&Term]) -> Result<LoweredBody> {
        let outer = std::mem::take(&mut frame.traits);
        self.declare(frame, body, heads)?;
        let mut stmts = Vec::new();
        let mut waiting: Vec<(&Literal, bool)> =
            body.iter().filter(|l| !matches!(l.kind, LiteralKind::Some(_))).map(|l| (l, false)).collect();
        while !waiting.is_empty() {
            self.next_statement(frame, &mut waiting, &mut stmts)?;
        }
        let mut lowered_heads = Vec::new();
        for term in heads {
            let snapshot = frame.snapshot();
            let expr = self.expr(frame, &mut stmts, term)?;
            // A head that can be undefined or fail is a statement like any other.
            let expr = if matches!(expr, Expr::Const(_) | Expr::Local(_)) {
                expr
            } else {
                let slot = frame.fresh("head");
                frame.bind(slot);
                let kind = StmtKind::Match(Pattern::Bind(slot), expr);
                emit(frame, &snapshot, &mut stmts, term.loc, kind);
                Expr::Local(slot)
            };
            lowered_heads.push(expr);
        }
        let mut traits = Traits::default();
        stmts.iter().for_each(|s| traits.add(s.traits));
        frame.traits = outer;
        frame.traits.add(traits);
        Ok(LoweredBody { stmts, heads: lowered_heads, traits })
    }

    /// Lowers the first of the waiting statements that can be, one that asks for nothing if there is one.
    fn next_statement<'a>(
        &mut self,
        frame: &mut Frame,
        waiting: &mut Vec<(&'a Literal, bool)>,
        stmts: &mut Vec<Stmt>,
    ) -> Result<()> {
        let mut unsafe_problem = None;
        for asking in [false, true] {
            let mut i = 0;
            let mut progress = false;
            while i < waiting.len() {
                let (literal, known_to_ask) = waiting[i];
                if known_to_ask && !asking {
                    i += 1;
                    continue;
                }
                let snapshot = frame.snapshot();
                match self.literal(frame, literal) {
                    Ok(lowered) => {
                        if !asking && lowered.iter().any(|s| s.traits.may_ask) {
                            frame.restore(snapshot);
                            waiting[i].1 = true;
                            i += 1;
                            continue;
                        }
                        stmts.extend(lowered);
                        waiting.remove(i);
                        if asking {
                            return Ok(());
                        }
                        progress = true;
                    }
                    Err(problem) if problem.code == UNSAFE => {
                        frame.restore(snapshot);
                        unsafe_problem.get_or_insert(problem);
                        i += 1;
                    }
                    Err(problem) => return Err(problem),
                }
            }
            if progress {
                return Ok(());
            }
        }
        unsafe_problem.map_or(Ok(()), Err)
    }

    fn literal(&mut self, frame: &mut Frame, literal: &Literal) -> Result<Vec<Stmt>> {
        self.step(literal.loc)?;
        let mut stmts = Vec::new();
        if literal.with.is_empty() {
            self.literal_kind(frame, &mut stmts, literal)?;
            return Ok(stmts);
        }
        let mut replacements = Vec::new();
        for with in &literal.with {
            replacements.push(self.replacement(frame, &mut stmts, with)?);
        }
        let traits = std::mem::take(&mut frame.traits);
        let snapshot = frame.snapshot();
        let mut body = Vec::new();
        self.literal_kind(frame, &mut body, literal)?;
        frame.traits.add(traits);
        body.iter().for_each(|s| frame.traits.add(s.traits));
        if replacements.iter().any(|r| !matches!(r, Replacement::Input { .. })) {
            // What a replaced rule or function does instead is not known here.
            frame.traits.add(Traits { may_ask: true, may_fail: true });
        }
        emit(frame, &snapshot, &mut stmts, literal.loc, StmtKind::With { replacements, body });
        Ok(stmts)
    }

    fn literal_kind(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, literal: &Literal) -> Result<()> {
        let loc = literal.loc;
        match &literal.kind {
            LiteralKind::Some(_) => Ok(()),
            LiteralKind::SomeIn { key, value, domain } => {
                let domain = self.expr(frame, out, domain)?;
                let snapshot = frame.snapshot();
                let key = key.as_ref().map_or(Ok(Pattern::Any), |key| self.pattern(frame, out, key))?;
                let value = self.pattern(frame, out, value)?;
                emit(frame, &snapshot, out, loc, StmtKind::Scan { domain, key, value });
                Ok(())
            }
            LiteralKind::Every { key, value, domain, body } => {
                let domain = self.expr(frame, out, domain)?;
                let snapshot = frame.snapshot();
                let (key, value, body) = frame.closure(|frame| {
                    let mut variable = |name: &Name| {
                        if &**name == "_" {
                            return Pattern::Any;
                        }
                        let slot = frame.declare(name);
                        frame.bind(slot);
                        Pattern::Bind(slot)
                    };
                    let key = key.as_ref().map_or(Pattern::Any, &mut variable);
                    let value = variable(value);
                    frame.enter();
                    let body = self.body(frame, body, &[]);
                    frame.leave();
                    body.map(|body| (key, value, body.stmts))
                })?;
                emit(frame, &snapshot, out, loc, StmtKind::Every { domain, key, value, body });
                Ok(())
            }
            LiteralKind::Not(term) => self.negation(frame, out, loc, term),
            LiteralKind::Expr(term) => self.statement(frame, out, loc, term),
        }
    }

    /// An expression as a statement.
    pub(super) fn statement(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        term: &Term,
    ) -> Result<()> {
        if let Some([left, right]) = term.operands("assign") {
            let value = self.expr(frame, out, right)?;
            let snapshot = frame.snapshot();
            let pattern = self.pattern(frame, out, left)?;
            emit(frame, &snapshot, out, loc, StmtKind::Match(pattern, value));
            return Ok(());
        }
        if let Some([left, right]) = term.operands("eq") {
            return self.unify(frame, out, loc, left, right);
        }
        if let Node::Call(path, args) = &term.node {
            if path.len() == 1 && &*path[0] == "print" && self.local_function(frame, path).is_none() {
                return self.print(frame, out, loc, args);
            }
            // `f(x, y)` of a function with one parameter: its result must fit `y`.
            if let Some((call, output)) = self.call_with_output(frame, term, path, args)? {
                let value = self.expr(frame, out, &call)?;
                let snapshot = frame.snapshot();
                let pattern = self.pattern(frame, out, output)?;
                emit(frame, &snapshot, out, loc, StmtKind::Match(pattern, value));
                return Ok(());
            }
        }
        let snapshot = frame.snapshot();
        let expr = self.expr(frame, out, term)?;
        emit(frame, &snapshot, out, loc, StmtKind::Test(expr));
        Ok(())
    }

    /// `not`: calls, and references among a call's arguments, are evaluated before it (when they are
    /// undefined, so is the statement); the rest under it. That is OPA's order of rewriting.
    fn negation(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, loc: Loc, term: &Term) -> Result<()> {
        let is_equality = term.operands("equal").is_some() || term.operands("eq").is_some();
        let inner = match &term.node {
            Node::Call(path, args) => {
                let mut hoisted = Vec::with_capacity(args.len());
                for arg in args {
                    hoisted.push(self.hoist(frame, out, arg, !is_equality)?);
                }
                Term::new(term.loc, Node::Call(path.clone(), hoisted))
            }
            _ => self.hoist(frame, out, term, false)?,
        };
        let snapshot = frame.snapshot();
        let mut body = Vec::new();
        frame.negated(|frame| self.statement(frame, &mut body, loc, &inner))?;
        body.iter().for_each(|s| frame.traits.add(s.traits));
        emit(frame, &snapshot, out, loc, StmtKind::Not(body));
        Ok(())
    }

    /// Gives calls in `term`, and references and comprehensions too if `all`, a statement of their own
    /// before the one being lowered; what is left of the term refers to their values.
    fn hoist(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, term: &Term, all: bool) -> Result<Term> {
        let is_closure =
            matches!(term.node, Node::ArrayCompr(..) | Node::SetCompr(..) | Node::ObjectCompr(..));
        let node = match &term.node {
            Node::Call(path, _) if !matches!(&*path[0], "assign" | "eq") => {
                return self.hoisted(frame, out, term);
            }
            Node::Ref(..) if all => return frame.negated(|frame| self.hoisted(frame, out, term)),
            Node::Ref(head, keys) => {
                let head = self.hoist(frame, out, head, false)?;
                let keys = keys.iter().map(|k| self.hoist(frame, out, k, true)).collect::<Result<_>>()?;
                Node::Ref(Box::new(head), keys)
            }
            // A rule's name alone is a reference, too.
            Node::Var(name) if all && &**name != "_" && frame.lookup(name).is_none() => {
                return self.hoisted(frame, out, term);
            }
            _ if all && is_closure => return self.hoisted(frame, out, term),
            Node::Array(items) => {
                Node::Array(items.iter().map(|t| self.hoist(frame, out, t, true)).collect::<Result<_>>()?)
            }
            Node::Set(items) => {
                Node::Set(items.iter().map(|t| self.hoist(frame, out, t, true)).collect::<Result<_>>()?)
            }
            Node::Object(fields) => {
                let mut hoisted = Vec::new();
                for (key, value) in fields {
                    hoisted.push((self.hoist(frame, out, key, true)?, self.hoist(frame, out, value, true)?));
                }
                Node::Object(hoisted)
            }
            node => node.clone(),
        };
        Ok(Term::new(term.loc, node))
    }

    fn hoisted(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, term: &Term) -> Result<Term> {
        let snapshot = frame.snapshot();
        let expr = self.expr(frame, out, term)?;
        // A name that source text cannot contain.
        let name = Name::from(format!("\u{0}{}", frame.slots()));
        let slot = frame.declare(&name);
        frame.bind(slot);
        emit(frame, &snapshot, out, term.loc, StmtKind::Match(Pattern::Bind(slot), expr));
        Ok(Term::new(term.loc, Node::Var(name)))
    }

    fn print(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, loc: Loc, args: &[Term]) -> Result<()> {
        let snapshot = frame.snapshot();
        let before = frame.traits;
        let mut exprs = Vec::new();
        for arg in args {
            // Undefined arguments are shown as such; an array holds the value, or nothing.
            let wrapped = Term::new(arg.loc, Node::ArrayCompr(Box::new(arg.clone()), Vec::new()));
            exprs.push(self.expr(frame, out, &wrapped)?);
        }
        // What is printed decides nothing, so it may be unresolved; but it may end in an error.
        frame.traits.may_ask = before.may_ask;
        emit(frame, &snapshot, out, loc, StmtKind::Print(exprs));
        Ok(())
    }

    // ---- declarations ----

    /// Gives the body's variables their slots: what `some` and `:=` declare, and names that mean nothing yet.
    fn declare(&mut self, frame: &mut Frame, body: &Body, heads: &[&Term]) -> Result<()> {
        let mut mentioned: HashSet<Name> = HashSet::new();
        for literal in body {
            let mut declared: Vec<(Loc, Name)> = Vec::new();
            let mut read = Vec::new();
            match &literal.kind {
                LiteralKind::Some(names) => {
                    declared.extend(names.iter().map(|n| (literal.loc, n.clone())));
                }
                LiteralKind::SomeIn { key, value, domain } => {
                    key.iter().chain([value]).for_each(|term| pattern_names(term, &mut declared));
                    direct_names(domain, &mut read);
                }
                LiteralKind::Expr(term) => match term.operands("assign") {
                    Some([left, right]) => {
                        check_target(left)?;
                        pattern_names(left, &mut declared);
                        direct_names(right, &mut read);
                    }
                    _ => direct_names(term, &mut read),
                },
                LiteralKind::Not(term) | LiteralKind::Every { domain: term, .. } => {
                    direct_names(term, &mut read);
                }
            }
            // `with f as lower` names a built-in, no variable.
            let values = literal.with.iter().map(|with| &with.value).filter(|value| !names_builtin(value));
            values.for_each(|value| direct_names(value, &mut read));
            for (loc, name) in declared {
                self.declare_one(frame, loc, &name, &mentioned)?;
                mentioned.insert(name);
            }
            mentioned.extend(read);
        }
        let mut names: Vec<Name> = mentioned.into_iter().collect();
        for head in heads {
            direct_names(head, &mut names);
        }
        for name in names {
            if frame.lookup(&name).is_none() && !self.means_something(frame, &name) {
                frame.declare(&name);
            }
        }
        Ok(())
    }

    fn declare_one(
        &mut self,
        frame: &mut Frame,
        loc: Loc,
        name: &Name,
        mentioned: &HashSet<Name>,
    ) -> Result<()> {
        if matches!(&**name, "input" | "data") {
            let message = format!("variables must not shadow {name} (use a different variable name)");
            return Err(Problem::new(loc, "shadowed-root", message));
        }
        if frame.in_innermost(name) {
            return Err(Problem::new(loc, "redeclared-variable", format!("var {name} declared above")));
        }
        if mentioned.contains(name) {
            return Err(Problem::new(loc, "redeclared-variable", format!("var {name} referenced above")));
        }
        if frame.is_argument(name) {
            return Err(Problem::new(loc, "redeclared-variable", format!("arg {name} redeclared")));
        }
        frame.declare(name);
        Ok(())
    }
}

/// Adds a statement with the slots bound since `snapshot` and what lowering it came across.
pub(super) fn emit(frame: &mut Frame, snapshot: &Snapshot, out: &mut Vec<Stmt>, loc: Loc, kind: StmtKind) {
    let traits = std::mem::take(&mut frame.traits);
    out.push(Stmt { loc, kind, binds: frame.bound_since(snapshot), traits });
}

/// What stands left of `:=` must be variables, alone or in arrays and objects.
fn check_target(term: &Term) -> Result<()> {
    match &term.node {
        Node::Var(_) | Node::Scalar(_) => Ok(()),
        Node::Array(items) => items.iter().try_for_each(check_target),
        Node::Object(fields) => fields.iter().try_for_each(|(_, value)| check_target(value)),
        _ => Err(Problem::new(term.loc, "assignment-target", "only variables can be assigned with `:=`")),
    }
}
