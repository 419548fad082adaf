//! Bodies: variables are declared, statements ordered and lowered.
//!
//! The order is OPA's, first of all: a statement comes when the variables it reads are bound. Among those
//! that could come next, statements that cannot ask for metadata go first, so that a cheap condition
//! saves a fetch wherever it is written; unless they may fail, for then the conditions before them are
//! there to keep them from being tried.

use super::super::ast::{Body, Literal, LiteralKind, Loc, Name, Node, Term};
use super::super::ir::{Expr, Pattern, Replacement, Slot, Stmt, StmtKind, Traits};
use super::declare::{check_used, position};
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
        let must_be_used = self.declare(frame, body, heads)?;
        let mut stmts = Vec::new();
        let mut waiting: Vec<Waiting<'_>> = body
            .iter()
            .enumerate()
            .filter(|(_, literal)| !matches!(literal.kind, LiteralKind::Some(_)))
            .map(|(index, literal)| Waiting { index, literal, held: None })
            .collect();
        while !waiting.is_empty() {
            self.next_statement(frame, &mut waiting, &mut stmts)?;
        }
        frame.move_to(usize::MAX);
        let mut lowered_heads = Vec::new();
        for term in heads {
            let snapshot = frame.snapshot();
            let expr = self.expr(frame, &mut stmts, term)?;
            // A head that can be undefined or fail is a statement like any other.
            let expr = if matches!(expr, Expr::Const(_) | Expr::Local(_)) {
                expr
            } else {
                let slot = frame.unnamed();
                frame.bind(slot);
                let kind = StmtKind::Match(Pattern::Bind(slot), expr);
                emit(frame, &snapshot, &mut stmts, term.loc, kind);
                Expr::Local(slot)
            };
            lowered_heads.push(expr);
        }
        check_used(frame, &must_be_used)?;
        let mut traits = Traits::default();
        for stmt in &stmts {
            traits.add(stmt.traits);
        }
        frame.traits = outer;
        frame.traits.add(traits);
        Ok(LoweredBody { stmts, heads: lowered_heads, traits })
    }

    /// Lowers the first of the waiting statements that can be, one that asks for nothing if there is one.
    fn next_statement(
        &mut self,
        frame: &mut Frame,
        waiting: &mut Vec<Waiting<'_>>,
        stmts: &mut Vec<Stmt>,
    ) -> Result<()> {
        let mut unsafe_problem = None;
        let mut progress = false;
        // Whether a statement that is held back may ask.
        let mut passed_over = false;
        let mut i = 0;
        while i < waiting.len() {
            // If it was lowered before and binds the same variables, it would come out the same again.
            let held = waiting[i].held.take().filter(|held| binds(held).all(|slot| !frame.is_bound(slot)));
            let lowered = match held {
                Some(lowered) => lowered,
                None => {
                    let snapshot = frame.snapshot();
                    frame.move_to(position(waiting[i].index));
                    let lowered = self.literal(frame, waiting[i].literal);
                    frame.restore(snapshot);
                    match lowered {
                        Ok(lowered) => lowered,
                        Err(problem) if problem.code == UNSAFE => {
                            unsafe_problem.get_or_insert(problem);
                            i += 1;
                            continue;
                        }
                        Err(problem) => return Err(problem),
                    }
                }
            };
            let may_ask = lowered.iter().any(|s| s.traits.may_ask);
            // A guard written before what may fail, or before what is printed, is one, even if it asks.
            let is_guarded = passed_over && lowered.iter().any(|s| s.traits.may_fail || prints(s));
            if may_ask || is_guarded {
                waiting[i].held = Some(lowered);
                passed_over |= may_ask;
                i += 1;
            } else {
                waiting.remove(i);
                take(frame, stmts, lowered);
                progress = true;
            }
        }
        if progress {
            return Ok(());
        }
        let first = waiting.iter_mut().enumerate().find_map(|(i, w)| Some((i, w.held.take()?)));
        let Some((i, lowered)) = first else { return unsafe_problem.map_or(Ok(()), Err) };
        waiting.remove(i);
        take(frame, stmts, lowered);
        Ok(())
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
        for stmt in &body {
            frame.traits.add(stmt.traits);
        }
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
                frame.see_declared();
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
                    let mut must_be_used = Vec::new();
                    let mut variable = |name: &Name| {
                        if &**name == "_" {
                            return Pattern::Any;
                        }
                        let slot = frame.declare_from(name, 0);
                        frame.bind(slot);
                        must_be_used.push((loc, slot));
                        Pattern::Bind(slot)
                    };
                    let key = key.as_ref().map_or(Pattern::Any, &mut variable);
                    let value = variable(value);
                    frame.enter();
                    let body = self.body(frame, body, &[])?;
                    frame.leave();
                    check_used(frame, &must_be_used)?;
                    Ok((key, value, body.stmts))
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
            frame.see_declared();
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
        for stmt in &body {
            frame.traits.add(stmt.traits);
        }
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
            Node::Var(name) if all && &**name != "_" && !frame.knows(name) => {
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
}

fn prints(stmt: &Stmt) -> bool {
    match &stmt.kind {
        StmtKind::Print(_) => true,
        StmtKind::With { body, .. } => body.iter().any(prints),
        _ => false,
    }
}

/// Puts the statement that a case begins behind the one that binds the last of its keys.
pub(super) fn mark_case(loc: Loc, body: &mut Vec<Stmt>, keys: &[Expr]) {
    let mut at = 0;
    let mut copies = Vec::with_capacity(keys.len());
    for key in keys {
        copies.push(match key {
            Expr::Const(value) => Expr::Const(value.clone()),
            Expr::Local(slot) => {
                let bound = body.iter().position(|stmt| stmt.binds.contains(slot));
                at = at.max(bound.map_or(0, |index| index + 1));
                Expr::Local(*slot)
            }
            // Other heads are statements of the body, whose values are in slots.
            _ => return,
        });
    }
    let kind = StmtKind::Case(copies);
    body.insert(at, Stmt { loc, kind, binds: Vec::new(), traits: Traits::default() });
}

/// A statement that has not been lowered yet.
struct Waiting<'a> {
    /// Its place in the body.
    index: usize,
    literal: &'a Literal,
    /// What it was lowered to, when other statements go first because it may ask for metadata.
    held: Option<Vec<Stmt>>,
}

/// Makes `lowered` the next statements.
fn take(frame: &mut Frame, stmts: &mut Vec<Stmt>, lowered: Vec<Stmt>) {
    binds(&lowered).for_each(|slot| frame.bind(slot));
    stmts.extend(lowered);
}

/// The variables that statements bind.
fn binds(stmts: &[Stmt]) -> impl Iterator<Item = Slot> {
    stmts.iter().flat_map(|stmt| stmt.binds.iter().copied())
}

/// Adds a statement with the slots bound since `snapshot` and what lowering it came across.
pub(super) fn emit(frame: &mut Frame, snapshot: &Snapshot, out: &mut Vec<Stmt>, loc: Loc, kind: StmtKind) {
    let traits = std::mem::take(&mut frame.traits);
    out.push(Stmt { loc, kind, binds: frame.bound_since(snapshot), traits });
}
