//! Patterns: where a value is taken apart and variables get theirs.

use super::super::ast::{Loc, Node, Term};
use super::super::ir::{Pattern, Stmt, StmtKind};
use super::body::{UNSAFE, emit, unsafe_variable};
use super::scope::Frame;
use super::{Compiler, Problem, Result};

impl Compiler<'_> {
    /// `left = right`: whichever side has a value gives the other's variables theirs.
    pub(super) fn unify(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        left: &Term,
        right: &Term,
    ) -> Result<()> {
        let mut problem = None;
        for (value, pattern) in [(right, left), (left, right)] {
            let snapshot = frame.snapshot();
            let length = out.len();
            let attempt = self.expr(frame, out, value).and_then(|value| {
                let before = frame.snapshot();
                let pattern = self.pattern(frame, out, pattern)?;
                emit(frame, &before, out, loc, StmtKind::Match(pattern, value));
                Ok(())
            });
            match attempt {
                Ok(()) => return Ok(()),
                Err(p) if p.code == UNSAFE => {
                    frame.restore(snapshot);
                    out.truncate(length);
                    problem.get_or_insert(p);
                }
                Err(p) => return Err(p),
            }
        }
        // Neither side has a value as a whole: part by part they may, in whichever order.
        let mut parts = Vec::new();
        if !paired(left, right, &mut parts) || parts.len() < 2 {
            return problem.map_or(Ok(()), Err);
        }
        loop {
            let before = parts.len();
            let mut problem = None;
            let mut waiting = Vec::new();
            for (left, right) in parts {
                let snapshot = frame.snapshot();
                let length = out.len();
                match self.unify(frame, out, loc, left, right) {
                    Ok(()) => {}
                    Err(p) if p.code == UNSAFE => {
                        frame.restore(snapshot);
                        out.truncate(length);
                        problem.get_or_insert(p);
                        waiting.push((left, right));
                    }
                    Err(p) => return Err(p),
                }
            }
            match problem {
                None => return Ok(()),
                Some(problem) if waiting.len() == before => return Err(problem),
                Some(_) => parts = waiting,
            }
        }
    }

    /// What `term` looks like as a pattern. Unbound variables are bound by it.
    pub(super) fn pattern(&mut self, frame: &mut Frame, out: &mut Vec<Stmt>, term: &Term) -> Result<Pattern> {
        Ok(match &term.node {
            Node::Var(name) if &**name == "_" => {
                if !frame.wildcards_allowed() {
                    return Err(unsafe_variable(term.loc, name));
                }
                Pattern::Any
            }
            Node::Var(name) => match frame.lookup(name) {
                Some(slot) if frame.can_bind(slot) => {
                    frame.bind(slot);
                    Pattern::Bind(slot)
                }
                _ => Pattern::Equal(self.expr(frame, out, term)?),
            },
            Node::Array(items) => {
                Pattern::Array(items.iter().map(|t| self.pattern(frame, out, t)).collect::<Result<_>>()?)
            }
            Node::Object(fields) => {
                let mut patterns = Vec::new();
                for (key, value) in fields {
                    let key = self.expr(frame, out, key)?;
                    patterns.push((key, self.pattern(frame, out, value)?));
                }
                Pattern::Object(patterns)
            }
            _ => Pattern::Equal(self.expr(frame, out, term)?),
        })
    }

    /// A function's parameter.
    pub(super) fn parameter(&mut self, frame: &mut Frame, term: &Term) -> Result<Pattern> {
        match &term.node {
            Node::Var(name) if matches!(&**name, "input" | "data") => {
                let message = format!("variables must not shadow {name} (use a different variable name)");
                Err(Problem::new(term.loc, "shadowed-root", message))
            }
            Node::Var(name) if &**name == "_" => Ok(Pattern::Any),
            Node::Var(name) => {
                if !frame.in_innermost(name) {
                    frame.declare_from(name, 0);
                }
                self.pattern(frame, &mut Vec::new(), term)
            }
            Node::Scalar(_) => self.pattern(frame, &mut Vec::new(), term),
            Node::Array(items) => {
                Ok(Pattern::Array(items.iter().map(|t| self.parameter(frame, t)).collect::<Result<_>>()?))
            }
            Node::Object(fields) => {
                let mut patterns = Vec::new();
                for (key, value) in fields {
                    let key = self.expr(frame, &mut Vec::new(), key)?;
                    patterns.push((key, self.parameter(frame, value)?));
                }
                Ok(Pattern::Object(patterns))
            }
            // The value itself. Variables in it are those of parameters before this one.
            Node::Set(_)
            | Node::ArrayCompr(..)
            | Node::SetCompr(..)
            | Node::ObjectCompr(..)
            | Node::Template(_) => {
                let mut stmts = Vec::new();
                let value = self.expr(frame, &mut stmts, term)?;
                if !stmts.is_empty() {
                    let message = "a value that a parameter must be may not iterate";
                    return Err(Problem::new(term.loc, "parameter", message));
                }
                Ok(Pattern::Equal(value))
            }
            Node::Ref(..) | Node::Call(..) => Err(Problem::new(
                term.loc,
                "parameter",
                "a parameter is a variable, a value, or an array or object of these",
            )),
        }
    }
}

/// Takes two terms of one shape apart into the parts that must be equal; says whether that is possible.
fn paired<'t>(left: &'t Term, right: &'t Term, parts: &mut Vec<(&'t Term, &'t Term)>) -> bool {
    match (&left.node, &right.node) {
        (Node::Array(a), Node::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).all(|(a, b)| paired(a, b, parts))
        }
        (Node::Object(a), Node::Object(b)) if a.len() == b.len() => a.iter().all(|(key, value)| {
            let other = b.iter().find(|(k, _)| same_constant(k, key));
            other.is_some_and(|(_, other)| paired(value, other, parts))
        }),
        _ => {
            parts.push((left, right));
            true
        }
    }
}

fn same_constant(a: &Term, b: &Term) -> bool {
    matches!((&a.node, &b.node), (Node::Scalar(a), Node::Scalar(b)) if a == b)
}
