//! What an expression refers to: it must be known before the expression is evaluated.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::syntax::{EACH, Expr, ExprKind};

/// What an expression refers to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependencies {
    pub(crate) functions: BTreeSet<Arc<str>>,
    /// One that is referred to twice is there twice.
    pub(crate) variables: Vec<Reference>,
}

/// A variable, and the attributes that are read of it directly: `target.app.args` is one with two attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) name: Arc<str>,
    /// At most two; `None` where an index or a splat follows instead.
    pub(crate) path: Vec<Option<Arc<str>>>,
}

/// What `expr` refers to, without names that it introduces itself and those in `bound`.
pub(crate) fn of(expr: &Expr, bound: &BTreeSet<Arc<str>>) -> Dependencies {
    let mut found = Dependencies::default();
    let mut bound: Vec<Arc<str>> = bound.iter().cloned().collect();
    bound.push(Arc::from(EACH));
    walk(expr, &mut bound, &mut found);
    found
}

/// The tree is as deep as its parser lets it be.
fn walk(expr: &Expr, bound: &mut Vec<Arc<str>>, found: &mut Dependencies) {
    match &expr.kind {
        ExprKind::Literal(_) => {}
        ExprKind::Variable(_) | ExprKind::Attribute(..) | ExprKind::Index(..) => {
            reference(expr, bound, found);
        }
        ExprKind::Template(parts) | ExprKind::Tuple(parts) => {
            parts.iter().for_each(|part| walk(part, bound, found));
        }
        ExprKind::Joined(inner) | ExprKind::Negate(inner) | ExprKind::Not(inner) => walk(inner, bound, found),
        ExprKind::Object(entries) => {
            for (key, value) in entries {
                walk(key, bound, found);
                walk(value, bound, found);
            }
        }
        ExprKind::Splat(inner, each) => {
            walk(inner, bound, found);
            walk(each, bound, found);
        }
        ExprKind::Call { name, arguments, .. } => {
            found.functions.insert(Arc::clone(name));
            // Those of types in the second argument of `convert` too: bake looks for variables of these names.
            arguments.iter().for_each(|argument| walk(argument, bound, found));
        }
        ExprKind::Binary(_, left, right) => {
            walk(left, bound, found);
            walk(right, bound, found);
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            [condition, then, otherwise].into_iter().for_each(|part| walk(part, bound, found));
        }
        ExprKind::For(body) => {
            walk(&body.collection, bound, found);
            let before = bound.len();
            bound.push(Arc::clone(&body.value_name));
            bound.extend(body.key_name.clone());
            let inner = body.key.iter().chain([&body.value]).chain(&body.condition);
            inner.for_each(|part| walk(part, bound, found));
            bound.truncate(before);
        }
    }
}

/// A variable with what follows it.
fn reference(expr: &Expr, bound: &mut Vec<Arc<str>>, found: &mut Dependencies) {
    // From the outermost step to the variable.
    let mut path = Vec::new();
    let mut current = expr;
    loop {
        match &current.kind {
            ExprKind::Attribute(inner, name) => {
                path.push(Some(Arc::clone(name)));
                current = inner;
            }
            ExprKind::Index(inner, key) => {
                walk(key, bound, found);
                path.push(None);
                current = inner;
            }
            ExprKind::Variable(name) => {
                if !bound.contains(name) {
                    path.reverse();
                    path.truncate(2);
                    found.variables.push(Reference { name: Arc::clone(name), path });
                }
                return;
            }
            _ => return walk(current, bound, found),
        }
    }
}
