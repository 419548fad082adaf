//! Which parts of the input functions are called with and rules stand for, over all modules of a policy.
//!
//! A parameter stands for a part if every call passes that part, a rule if every definition gives it. What is called
//! from elsewhere, or with something else as well, stands for nothing: the rules that look at it stay silent.

use std::collections::HashMap;

use super::reads::{Aliases, Part, Path, each_part};
use crate::rego::ast::{Module, Name, Node, Rule, Term, With};

/// Functions may hand a part on to functions this often.
const MAX_DEPTH: usize = 16;

/// What is known of functions and rules, by their full name: `docker.allow`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Of each parameter; `None` where calls differ.
    parameters: HashMap<(String, usize), Option<Path>>,
    /// Of each rule.
    values: HashMap<String, Option<Path>>,
}

impl Flow {
    /// Of modules without tests.
    pub(super) fn of(modules: &[&Module]) -> Self {
        let mut flow = Self::default();
        for _ in 0..MAX_DEPTH {
            let next = flow.further(modules);
            if next == flow {
                break;
            }
            flow = next;
        }
        flow
    }

    /// What the `at`th parameter of a function stands for.
    pub(super) fn parameter(&self, module: &Module, function: &Name, at: usize) -> Option<&Path> {
        self.parameters.get(&(full_name(module, function), at))?.as_ref()
    }

    /// What a rule stands for.
    pub(super) fn value(&self, module: &Module, rule: &Name) -> Option<&Path> {
        self.values.get(&full_name(module, rule))?.as_ref()
    }

    /// What can be told when this much is known.
    fn further(&self, modules: &[&Module]) -> Self {
        let mut next = Self::default();
        let mut replaced = Vec::new();
        for module in modules {
            for rule in &module.rules {
                let aliases = Aliases::of(self, module, rule);
                next.add_value(module, rule, &aliases);
                each_part(rule, &mut |part| match part {
                    Part::Term(Term { node: Node::Call(name, args), .. }) => {
                        if let Some(function) = resolve(module, name) {
                            for (at, arg) in args.iter().enumerate() {
                                agree(&mut next.parameters, (function.clone(), at), aliases.path(arg));
                            }
                        }
                    }
                    Part::Term(_) => {}
                    Part::Literal(literal) => {
                        // A function that stands in for another is called with what that is called with.
                        let by = literal.with.iter().filter_map(|With { value, .. }| named(value));
                        replaced.extend(by.filter_map(|name| resolve(module, &name)));
                    }
                });
            }
        }
        next.parameters.retain(|(function, _), _| !replaced.contains(function));
        next
    }

    fn add_value(&mut self, module: &Module, rule: &Rule, aliases: &Aliases) {
        let is_complete = rule.args.is_none() && rule.keys.is_empty() && rule.element.is_none();
        for alternative in &rule.alternatives {
            let value = alternative.value.as_ref().filter(|_| is_complete);
            let path = value.and_then(|value| aliases.path(value));
            agree(&mut self.values, full_name(module, &rule.name), path);
        }
    }
}

/// Adds a path to a name; names that stand for several things stand for nothing.
fn agree<K: Eq + std::hash::Hash>(known: &mut HashMap<K, Option<Path>>, key: K, path: Option<Path>) {
    known
        .entry(key)
        .and_modify(|known| {
            if *known != path {
                *known = None;
            }
        })
        .or_insert(path);
}

fn full_name(module: &Module, name: &Name) -> String {
    module.package.iter().chain([name]).map(|part| &**part).collect::<Vec<_>>().join(".")
}

/// The full name of what a module calls by this one.
fn resolve(module: &Module, name: &[Name]) -> Option<String> {
    let (first, rest) = name.split_first()?;
    let imported = |import: &&crate::rego::ast::Import| {
        import.alias.as_ref().or(import.path.last()) == Some(first) && &*import.path[0] == "data"
    };
    let path: Vec<&Name> = match module.imports.iter().find(imported) {
        Some(import) => import.path[1..].iter().chain(rest).collect(),
        None if &**first == "data" => rest.iter().collect(),
        None if rest.is_empty() => return Some(full_name(module, first)),
        None => return None,
    };
    Some(path.into_iter().map(|part| &**part).collect::<Vec<_>>().join("."))
}

/// The name that a term is.
fn named(term: &Term) -> Option<Vec<Name>> {
    match &term.node {
        Node::Var(name) => Some(vec![name.clone()]),
        Node::Ref(head, keys) => {
            let Node::Var(first) = &head.node else { return None };
            let keys = keys.iter().map(|key| key.as_string().map(Name::from));
            std::iter::once(Some(first.clone())).chain(keys).collect()
        }
        _ => None,
    }
}
