//! Which names a term mentions.

use super::super::ast::{Loc, Name, Node, TemplatePart, Term};

/// Variables that a pattern declares.
pub(super) fn pattern_names(term: &Term, names: &mut Vec<(Loc, Name)>) {
    match &term.node {
        Node::Var(name) if &**name != "_" => names.push((term.loc, name.clone())),
        Node::Array(items) => items.iter().for_each(|t| pattern_names(t, names)),
        Node::Object(fields) => fields.iter().for_each(|(_, v)| pattern_names(v, names)),
        _ => {}
    }
}

/// Whether a term that is no call is the name of a built-in function.
pub(super) fn names_builtin(term: &Term) -> bool {
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
pub(super) fn direct_names(term: &Term, names: &mut Vec<Name>) {
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
