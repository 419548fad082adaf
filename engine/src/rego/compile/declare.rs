//! Which names are variables of a body, and from where on.

use std::collections::HashSet;

use super::super::ast::{Body, LiteralKind, Loc, Name, Node, TemplatePart, Term};
use super::super::ir::Slot;
use super::scope::Frame;
use super::{Compiler, Problem, Result};

impl Compiler<'_> {
    /// Gives the body's variables their slots: what `some` and `:=` declare, and names that mean nothing
    /// yet. Returns what `some x` declares, which must be used.
    pub(super) fn declare(
        &mut self,
        frame: &mut Frame,
        body: &Body,
        heads: &[&Term],
    ) -> Result<Vec<(Loc, Slot)>> {
        let mut mentioned: HashSet<Name> = HashSet::new();
        let mut must_be_used = Vec::new();
        for (index, literal) in body.iter().enumerate() {
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
                LiteralKind::Not(term) if term.operands("assign").is_some() => {
                    let message = "variables cannot be assigned inside a negated expression";
                    return Err(Problem::new(term.loc, "assignment-target", message));
                }
                LiteralKind::Not(term) | LiteralKind::Every { domain: term, .. } => {
                    direct_names(term, &mut read);
                }
            }
            // `with f as count` names a function.
            let with = literal.with.iter().filter(|with| !self.names_builtin(frame, &with.value));
            with.for_each(|with| direct_names(&with.value, &mut read));
            for (loc, name) in declared {
                let slot = declare_one(frame, loc, &name, &mentioned, position(index) + 1)?;
                if matches!(literal.kind, LiteralKind::Some(_)) {
                    must_be_used.push((loc, slot));
                }
                mentioned.insert(name);
            }
            mentioned.extend(read);
        }
        let mut names: Vec<Name> = mentioned.into_iter().collect();
        for head in heads {
            direct_names(head, &mut names);
        }
        for name in names {
            if !frame.knows(&name) && !self.means_something(frame, &name) {
                frame.declare(&name);
            }
        }
        Ok(must_be_used)
    }
}

/// Declares a variable in so many words.
fn declare_one(
    frame: &mut Frame,
    loc: Loc,
    name: &Name,
    mentioned: &HashSet<Name>,
    from: usize,
) -> Result<Slot> {
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
    Ok(frame.declare_from(name, from))
}

/// The position (see [`Frame::move_to`]) of a body's statement; what it declares is seen from the next on.
pub(super) fn position(index: usize) -> usize {
    2 * index
}

/// Refuses variables that are declared for nothing.
pub(super) fn check_used(frame: &Frame, variables: &[(Loc, Slot)]) -> Result<()> {
    match variables.iter().find(|(_, slot)| !frame.is_used(*slot)) {
        None => Ok(()),
        Some((loc, slot)) => {
            let message = format!("declared var {} unused", frame.name(*slot));
            Err(Problem::new(*loc, "unused-variable", message))
        }
    }
}

/// What stands left of `:=` must be variables, alone or in arrays and objects.
fn check_target(term: &Term) -> Result<()> {
    match &term.node {
        Node::Var(_) => Ok(()),
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

/// Names in a term, those inside closures left out.
fn direct_names(term: &Term, names: &mut Vec<Name>) {
    match &term.node {
        Node::Var(name) if &**name != "_" => names.push(name.clone()),
        Node::Ref(head, keys) => {
            direct_names(head, names);
            for key in keys {
                direct_names(key, names);
            }
        }
        Node::Call(_, items) | Node::Array(items) | Node::Set(items) => {
            for item in items {
                direct_names(item, names);
            }
        }
        Node::Object(fields) => fields.iter().for_each(|(k, v)| {
            direct_names(k, names);
            direct_names(v, names);
        }),
        Node::Template(parts) => parts.iter().for_each(|part| {
            if let TemplatePart::Expr(term, with) = part {
                direct_names(term, names);
                for with in with {
                    direct_names(&with.value, names);
                }
            }
        }),
        _ => {}
    }
}
