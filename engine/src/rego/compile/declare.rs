//! Declarations: which names of a body are its variables.

use std::collections::HashSet;

use super::super::ast::{Body, LiteralKind, Loc, Name, Node, TemplatePart, Term};
use super::scope::Frame;
use super::{Compiler, Problem, Result};

impl Compiler<'_> {
    /// Gives the body's variables their slots: what `some` and `:=` declare, and names that mean nothing yet.
    pub(super) fn declare(&mut self, frame: &mut Frame, body: &Body, heads: &[&Term]) -> Result<()> {
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
                declare_one(frame, loc, &name, &mentioned)?;
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
}

/// Gives a declared variable its slot, unless the name is taken.
fn declare_one(frame: &mut Frame, loc: Loc, name: &Name, mentioned: &HashSet<Name>) -> Result<()> {
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

/// What stands left of `:=` must be variables, alone or in arrays and objects.
fn check_target(term: &Term) -> Result<()> {
    match &term.node {
        Node::Var(_) | Node::Scalar(_) => Ok(()),
        Node::Array(items) => items.iter().try_for_each(check_target),
        Node::Object(fields) => fields.iter().try_for_each(|(_, value)| check_target(value)),
        _ => Err(Problem::new(term.loc, "assignment-target", "only variables can be assigned with `:=`")),
    }
}

/// Variables that a pattern declares.
fn pattern_names(term: &Term, names: &mut Vec<(Loc, Name)>) {
    match &term.node {
        Node::Var(name) if &**name != "_" => names.push((term.loc, name.clone())),
        Node::Array(items) => items.iter().for_each(|t| pattern_names(t, names)),
        Node::Object(fields) => fields.iter().for_each(|(_, v)| pattern_names(v, names)),
        _ => {}
    }
}

/// Whether a term that is no call is the name of a built-in function.
fn names_builtin(term: &Term) -> bool {
    let mut path: Vec<&str> = Vec::new();
    match &term.node {
        Node::Var(name) => path.push(name),
        Node::Ref(head, keys) => {
            let Node::Var(name) = &head.node else { return false };
            path.push(name);
            path.extend(keys.iter().filter_map(Term::as_string));
        }
        _ => return false,
    }
    crate::builtins::lookup(&path.join(".")).is_some()
}

/// Names in a term, those inside closures left out.
fn direct_names(term: &Term, names: &mut Vec<Name>) {
    match &term.node {
        Node::Var(name) if &**name != "_" => names.push(name.clone()),
        Node::Ref(head, keys) => {
            direct_names(head, names);
            keys.iter().for_each(|t| direct_names(t, names));
        }
        Node::Call(_, items) | Node::Array(items) | Node::Set(items) => {
            items.iter().for_each(|t| direct_names(t, names));
        }
        Node::Object(fields) => fields.iter().for_each(|(k, v)| {
            direct_names(k, names);
            direct_names(v, names);
        }),
        Node::Template(parts) => parts.iter().for_each(|part| {
            if let TemplatePart::Expr(term) = part {
                direct_names(term, names);
            }
        }),
        _ => {}
    }
}
