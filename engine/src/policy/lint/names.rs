//! Names that nothing uses, or that hide something.

use std::collections::HashMap;

use super::reads::{Part, each_part};
use super::{Finding, Subject, is_docker};
use crate::builtins;
use crate::rego::ast::{Import, LiteralKind, Loc, Module, Name, Node, Rule, With};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let used = Uses::of(subject.modules);
    let mut findings = Vec::new();
    for module in subject.modules.iter().filter(|module| is_own(subject, module)) {
        findings.extend(module.imports.iter().filter_map(|import| unused_import(module, import)));
    }
    for module in subject.modules.iter().filter(|module| is_own(subject, module)) {
        findings.extend(module.rules.iter().flat_map(unused_variables));
    }
    let is_asked = subject.rules().any(|(module, rule)| is_docker(module) && &*rule.name == "decision");
    for module in subject.policies() {
        let mut seen: Vec<&Name> = Vec::new();
        for rule in &module.rules {
            if let Some(name) = rule.args.iter().flatten().find_map(|arg| match &arg.node {
                Node::Var(name) if hides(name) => Some((name, arg.loc)),
                _ => None,
            }) {
                findings.push(shadowed(name.0, name.1, "this parameter"));
            }
            if seen.contains(&&rule.name) {
                continue;
            }
            seen.push(&rule.name);
            if hides(&rule.name) {
                findings.push(shadowed(&rule.name, rule.loc, "this rule"));
            }
            // Of `deny_msg` it is said that nobody sees it: `lost-message`.
            let has_say = ["decision", "deny_msg"].contains(&&*rule.name) || used.elsewhere(&rule.name);
            if is_asked && is_docker(module) && !has_say {
                findings.push(unused_rule(rule));
            }
        }
    }
    findings
}

fn is_own(subject: &Subject<'_>, module: &Module) -> bool {
    subject.test_files.contains(&module.package_loc.file)
        || subject.policies().any(|own| std::ptr::eq(own, module))
}

fn hides(name: &str) -> bool {
    builtins::lookup(name).is_some() || name == "print"
}

fn shadowed(name: &str, loc: Loc, what: &str) -> Finding {
    Finding::new(
        "shadowed-builtin",
        loc,
        format!("{what} hides the built-in function `{name}`"),
        "call it something else",
    )
}

fn unused_rule(rule: &Rule) -> Finding {
    let (name, kind) = (&rule.name, if rule.args.is_some() { "function" } else { "rule" });
    Finding::new(
        "unused-rule",
        rule.loc,
        format!("nothing uses the {kind} `{name}`, so it has no say in the decision"),
        "use it, or remove it",
    )
}

/// Variables that get a value by `:=` or `some … in` and are not mentioned again.
fn unused_variables(rule: &Rule) -> Vec<Finding> {
    let mut mentions: HashMap<&Name, usize> = HashMap::new();
    let mut bound: Vec<(&Name, Loc)> = Vec::new();
    each_part(rule, &mut |part| match part {
        Part::Term(term) => {
            if let Node::Var(name) = &term.node {
                *mentions.entry(name).or_default() += 1;
            }
            if let Some([variable, _]) = term.operands("assign")
                && let Node::Var(name) = &variable.node
            {
                bound.push((name, variable.loc));
            }
        }
        Part::Literal(literal) => {
            if let LiteralKind::SomeIn { key, value, .. } = &literal.kind {
                bound.extend(key.iter().chain([value]).filter_map(|term| match &term.node {
                    Node::Var(name) => Some((name, term.loc)),
                    _ => None,
                }));
            }
        }
    });
    let is_unused = |(name, _): &&(&Name, Loc)| {
        let bindings = bound.iter().filter(|(other, _)| other == name).count();
        !name.starts_with('_') && mentions.get(name).copied().unwrap_or_default() <= bindings
    };
    let finding = |(name, loc): &(&Name, Loc)| {
        let message = format!("nothing uses the variable `{name}`");
        Finding::new("unused-variable", *loc, message, "use it, remove it, or call it `_`")
    };
    bound.iter().filter(is_unused).map(finding).collect()
}

fn unused_import(module: &Module, import: &Import) -> Option<Finding> {
    if matches!(&*import.path[0], "rego" | "future") || import.path.len() < 2 {
        return None;
    }
    let name = import.alias.as_ref().or(import.path.last())?;
    let mut used = false;
    for rule in &module.rules {
        names(rule, &mut |used_name, _| used |= used_name == name);
    }
    // Tests load what they test by importing it, and may name it in full.
    let path = import.path.join(".");
    let in_full = || module.rules.iter().any(|rule| names_in_full(rule, &import.path));
    (!used && !in_full()).then(|| {
        Finding::new("unused-import", import.loc, format!("nothing uses the import `{path}`"), "remove it")
    })
}

fn names_in_full(rule: &Rule, path: &[Name]) -> bool {
    let mut found = false;
    let is_path =
        |whole: &[&str]| whole.len() >= path.len() && path.iter().zip(whole).all(|(a, b)| **a == **b);
    each_part(rule, &mut |part| match part {
        Part::Term(term) => match &term.node {
            Node::Ref(head, keys) => {
                if let Node::Var(root) = &head.node {
                    let keys = keys.iter().map_while(|key| key.as_string());
                    found |= is_path(&std::iter::once(&**root).chain(keys).collect::<Vec<_>>());
                }
            }
            Node::Call(name, _) => found |= is_path(&name.iter().map(|part| &**part).collect::<Vec<_>>()),
            _ => {}
        },
        Part::Literal(literal) => {
            for With { target, .. } in &literal.with {
                found |= is_path(&target.iter().map(|part| &**part).collect::<Vec<_>>());
            }
        }
    });
    found
}

/// Calls `each` with every name that a rule uses and the constant keys behind it.
fn names<'r>(rule: &'r Rule, each: &mut dyn FnMut(&'r Name, Vec<&'r str>)) {
    each_part(rule, &mut |part| match part {
        Part::Term(term) => match &term.node {
            Node::Var(name) => each(name, Vec::new()),
            Node::Ref(head, keys) => {
                if let Node::Var(name) = &head.node {
                    each(name, keys.iter().map_while(|key| key.as_string()).collect());
                }
            }
            Node::Call(path, _) => {
                if let Some((first, rest)) = path.split_first() {
                    each(first, rest.iter().map(|part| &**part).collect());
                }
            }
            _ => {}
        },
        Part::Literal(literal) => {
            for With { target, .. } in &literal.with {
                if let Some((first, rest)) = target.split_first() {
                    each(first, rest.iter().map(|part| &**part).collect());
                }
            }
        }
    });
}

/// Which rules of package `docker` are used, and by which.
struct Uses(HashMap<Name, Vec<Name>>);

impl Uses {
    fn of(modules: &[Module]) -> Self {
        let mut uses: HashMap<Name, Vec<Name>> = HashMap::new();
        for module in modules {
            for rule in &module.rules {
                // A name from elsewhere is not the rule of the own package.
                let by = if is_docker(module) { rule.name.clone() } else { Name::from("") };
                names(rule, &mut |name, keys| {
                    let used: &str = match (&**name, keys.as_slice()) {
                        ("data", ["docker", rule, ..]) => rule,
                        ("data", ["docker"]) => "*",
                        _ => name,
                    };
                    uses.entry(Name::from(used)).or_default().push(by.clone());
                });
            }
        }
        Self(uses)
    }

    /// Whether another rule uses this one, or something uses its whole package.
    fn elsewhere(&self, rule: &Name) -> bool {
        let by_others = self.0.get(rule).is_some_and(|by| by.iter().any(|by| by != rule));
        by_others || self.0.contains_key("*")
    }
}
