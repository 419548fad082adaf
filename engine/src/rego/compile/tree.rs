//! Rules grouped by what they define, and `data` as a tree of them.

use std::collections::BTreeMap;

use super::super::ast::{Loc, Module, Name, Node, Rule, Term};
use super::super::ir::{NodeId, RuleKind, TreeNode};
use super::Problem;

/// All that defines one path.
#[derive(Debug, Clone)]
pub(super) struct Definition<'m> {
    pub(super) loc: Loc,
    pub(super) path: Vec<Name>,
    pub(super) kind: RuleKind,
    pub(super) parts: Vec<Part<'m>>,
}

impl Definition<'_> {
    pub(super) fn name(&self) -> String {
        std::iter::once("data").chain(self.path.iter().map(|n| &**n)).collect::<Vec<_>>().join(".")
    }
}

/// One rule of a definition.
#[derive(Debug, Clone)]
pub(super) struct Part<'m> {
    pub(super) module: usize,
    pub(super) rule: &'m Rule,
    /// Keys below the definition's path.
    pub(super) keys: Vec<Term>,
}

/// A rule's full path, as far as it is constant, and the keys behind that.
struct Located<'m> {
    module: usize,
    rule: &'m Rule,
    path: Vec<Name>,
    keys: Vec<Term>,
}

/// Groups the rules of all modules and lays them out as a tree.
pub(super) fn build(modules: &[Module]) -> Result<(Vec<Definition<'_>>, Vec<TreeNode>), Vec<Problem>> {
    let mut located: Vec<Located<'_>> = Vec::new();
    for (module, parsed) in modules.iter().enumerate() {
        located.extend(parsed.rules.iter().map(|rule| locate(module, parsed, rule)));
    }
    fold_into_keyed(&mut located);

    let mut by_path: BTreeMap<Vec<Name>, Vec<Located<'_>>> = BTreeMap::new();
    for rule in located {
        by_path.entry(rule.path.clone()).or_default().push(rule);
    }
    let mut problems = Vec::new();
    let mut definitions = Vec::new();
    let mut tree = vec![TreeNode::default()];
    for module in modules {
        add(&mut tree, &module.package);
    }
    for (path, rules) in &by_path {
        if let Some(outer) = (1..path.len()).find(|len| by_path.contains_key(&path[..*len])) {
            let (outer, inner) = (join(&path[..outer]), join(path));
            let message = format!("rule `data.{outer}` conflicts with `data.{inner}`, which is inside of it");
            problems.push(Problem::new(rules[0].rule.loc, "conflicting-rules", message));
        }
    }
    for (path, rules) in by_path {
        let kind = match kind(&path, &rules) {
            Ok(kind) => kind,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let node = add(&mut tree, &path);
        if let Some(module) = modules.iter().find(|m| m.package == path) {
            let message = format!("package `data.{}` conflicts with the rule of that name", join(&path));
            problems.push(Problem::new(module.package_loc, "conflicting-rules", message));
        }
        tree[node].rule = Some(definitions.len());
        let parts: Vec<Part<'_>> =
            rules.into_iter().map(|r| Part { module: r.module, rule: r.rule, keys: r.keys }).collect();
        definitions.push(Definition { loc: parts[0].rule.loc, path, kind, parts });
    }
    if problems.is_empty() { Ok((definitions, tree)) } else { Err(problems) }
}

fn locate<'m>(module: usize, parsed: &Module, rule: &'m Rule) -> Located<'m> {
    let mut path = parsed.package.clone();
    path.push(rule.name.clone());
    let mut keys = rule.keys.clone();
    // Constant keys are part of the path: `a.b.c := 1` defines `c` in `a.b`.
    let constant = keys.iter().take_while(|k| k.as_string().is_some()).count();
    for key in keys.drain(..constant) {
        if let Node::Scalar(regorus::Value::String(text)) = key.node {
            path.push(text);
        }
    }
    Located { module, rule, path, keys }
}

/// Where one rule has keys below a path (`o[k] := …`), rules with constant keys there (`o.a := …`) are
/// further entries of the same object.
fn fold_into_keyed(rules: &mut [Located<'_>]) {
    let anchors: Vec<Vec<Name>> =
        rules.iter().filter(|r| !r.keys.is_empty()).map(|r| r.path.clone()).collect();
    for rule in rules.iter_mut() {
        let anchor = anchors
            .iter()
            .filter(|a| a.len() < rule.path.len() && rule.path.starts_with(a))
            .min_by_key(|a| a.len());
        if let Some(anchor) = anchor {
            let mut keys: Vec<Term> =
                rule.path.drain(anchor.len()..).map(|k| Term::string(rule.rule.loc, &k)).collect();
            keys.append(&mut rule.keys);
            rule.keys = keys;
        }
    }
}

fn kind(path: &[Name], rules: &[Located<'_>]) -> Result<RuleKind, Problem> {
    let of = |rule: &Located<'_>| match (&rule.rule.args, &rule.rule.element) {
        (Some(args), _) => RuleKind::Function(args.len()),
        (None, _) if !rule.keys.is_empty() => RuleKind::Object,
        (None, Some(_)) => RuleKind::Set,
        (None, None) => RuleKind::Complete,
    };
    let kind = of(&rules[0]);
    for rule in rules {
        if of(rule) != kind {
            let message =
                format!("conflicting rules `data.{}`: they define different kinds of things", join(path));
            return Err(Problem::new(rule.rule.loc, "conflicting-rules", message));
        }
    }
    let defaults: Vec<_> = rules.iter().filter(|r| r.rule.is_default).collect();
    if let [_, second, ..] = defaults.as_slice() {
        let message = format!("`data.{}` has more than one default", join(path));
        return Err(Problem::new(second.rule.loc, "conflicting-rules", message));
    }
    if let (Some(default), RuleKind::Set | RuleKind::Object) = (defaults.first(), kind) {
        let message = format!("`data.{}` has many values, it cannot have a default", join(path));
        return Err(Problem::new(default.rule.loc, "conflicting-rules", message));
    }
    Ok(kind)
}

fn join(path: &[Name]) -> String {
    path.join(".")
}

fn add(tree: &mut Vec<TreeNode>, path: &[Name]) -> NodeId {
    let mut node = 0;
    for (depth, name) in path.iter().enumerate() {
        node = if let Some(child) = tree[node].children.get(name) {
            *child
        } else {
            tree.push(TreeNode { path: path[..=depth].to_vec(), ..TreeNode::default() });
            let child = tree.len() - 1;
            tree[node].children.insert(name.clone(), child);
            child
        };
    }
    node
}
