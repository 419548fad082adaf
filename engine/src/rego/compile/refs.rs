//! References: what a name with keys refers to, and which of its keys are variables to be found.

use std::collections::HashMap;

use regorus::Value;

use super::super::ast::{Loc, Module, Name, Node, Term};
use super::super::ir::{Expr, NodeId, Pattern, RuleId, RuleKind, Stmt, StmtKind};
use super::body::{emit, unsafe_variable};
use super::scope::Frame;
use super::{Compiler, InputRef, Problem, Result};
use crate::input;

/// A module's aliases: `import data.lib.x` makes `x` mean `data.lib.x`.
pub(super) fn imports(module: &Module) -> Result<HashMap<Name, Vec<Name>>> {
    let mut aliases: HashMap<Name, Vec<Name>> = HashMap::new();
    for import in &module.imports {
        if !matches!(&*import.path[0], "data" | "input") {
            let known = matches!(
                import.path.iter().map(|n| &**n).collect::<Vec<_>>().as_slice(),
                ["rego", "v1"]
                    | ["future", "keywords"]
                    | ["future", "keywords", "in" | "if" | "contains" | "every" | "not"]
            );
            if known {
                continue;
            }
            let message = format!("there is nothing to import at `{}`", import.path.join("."));
            return Err(Problem::new(import.loc, "unknown-import", message));
        }
        let alias = import.alias.clone().or_else(|| import.path.last().cloned()).unwrap_or_default();
        if aliases.insert(alias.clone(), import.path.clone()).is_some() {
            let message = format!("import must not shadow import {}", import.path.join("."));
            return Err(Problem::new(import.loc, "duplicate-import", message));
        }
    }
    Ok(aliases)
}

impl Compiler<'_> {
    /// A reference: `head[key]…`. Keys that are unbound variables are found by going through what they index.
    pub(super) fn reference(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        head: &Term,
        keys: &[Term],
    ) -> Result<Expr> {
        let mut keys = keys;
        let base = match &head.node {
            Node::Var(name) if frame.lookup(name).is_none() && &**name != "_" => {
                let Some(mut path) = self.global(frame, name) else {
                    return Err(unsafe_variable(head.loc, name));
                };
                let constant = keys.iter().take_while(|k| k.as_string().is_some()).count();
                path.extend(keys[..constant].iter().filter_map(Term::as_string).map(Name::from));
                keys = &keys[constant..];
                if &*path[0] == "input" {
                    self.input_path(frame, loc, &path[1..])
                } else {
                    self.data_path(frame, loc, &path[1..])?
                }
            }
            _ => self.expr(frame, out, head)?,
        };
        self.keyed(frame, out, loc, base, keys)
    }

    fn keyed(
        &mut self,
        frame: &mut Frame,
        out: &mut Vec<Stmt>,
        loc: Loc,
        base: Expr,
        keys: &[Term],
    ) -> Result<Expr> {
        let mut base = base;
        let mut known: Vec<Expr> = Vec::new();
        for key in keys {
            if !is_to_be_found(frame, key) {
                if key.as_string().is_some_and(input::may_be_unresolved_name) {
                    frame.traits.may_ask = true;
                }
                known.push(self.expr(frame, out, key)?);
                continue;
            }
            let domain = get(loc, base, std::mem::take(&mut known));
            let snapshot = frame.snapshot();
            let pattern = self.pattern(frame, out, key)?;
            let slot = frame.unnamed();
            frame.bind(slot);
            let kind = StmtKind::Scan { domain, key: pattern, value: Pattern::Bind(slot) };
            emit(frame, &snapshot, out, key.loc, kind);
            base = Expr::Local(slot);
        }
        Ok(get(loc, base, known))
    }

    /// The path that a name stands for outside of any body: an import, a rule of the package, `input` or `data`.
    pub(super) fn global(&self, frame: &Frame, name: &Name) -> Option<Vec<Name>> {
        if let Some(path) = self.imports[frame.module].get(name) {
            return Some(path.clone());
        }
        let package = &self.modules[frame.module].package;
        let node = self.walk(package).0;
        if self.at_end_of(package) && self.compiled.program.tree[node].children.contains_key(name) {
            let data = Name::from("data");
            return Some(
                std::iter::once(data).chain(package.iter().cloned()).chain([name.clone()]).collect(),
            );
        }
        matches!(&**name, "input" | "data").then(|| vec![name.clone()])
    }

    pub(super) fn means_something(&self, frame: &Frame, name: &Name) -> bool {
        self.global(frame, name).is_some()
    }

    fn at_end_of(&self, path: &[Name]) -> bool {
        self.walk(path).1 == path.len()
    }

    /// The deepest node on `path` and how many steps it is from the root.
    fn walk(&self, path: &[Name]) -> (NodeId, usize) {
        let tree = &self.compiled.program.tree;
        let mut node = 0;
        for (depth, name) in path.iter().enumerate() {
            if tree[node].rule.is_some() {
                return (node, depth);
            }
            let Some(child) = tree[node].children.get(name) else { return (node, depth) };
            node = *child;
        }
        (node, path.len())
    }

    fn input_path(&mut self, frame: &mut Frame, loc: Loc, path: &[Name]) -> Expr {
        self.compiled.input_refs.push(InputRef { loc, path: path.to_vec() });
        frame.traits.may_ask |= input::may_be_unresolved(path);
        Expr::Input(loc, path.iter().map(|name| Value::String(name.clone())).collect())
    }

    fn data_path(&mut self, frame: &mut Frame, loc: Loc, path: &[Name]) -> Result<Expr> {
        let (node, depth) = self.walk(path);
        if let Some(rule) = self.compiled.program.tree[node].rule {
            frame.traits.add(self.rule(rule, loc)?);
            if let RuleKind::Function(_) = self.definitions[rule].kind {
                let name = self.definitions[rule].name();
                return Err(Problem::new(
                    loc,
                    "function-as-value",
                    format!("`{name}` is a function: call it"),
                ));
            }
            let keys: Vec<Expr> =
                path[depth..].iter().map(|n| Expr::Const(Value::String(n.clone()))).collect();
            if path[depth..].iter().any(|n| input::may_be_unresolved_name(n)) {
                frame.traits.may_ask = true;
            }
            return Ok(get(loc, Expr::Rule(rule), keys));
        }
        if depth < path.len() {
            return Ok(Expr::Data(path.to_vec()));
        }
        self.everything_below(frame, loc, node)?;
        Ok(Expr::Tree(node))
    }

    /// A whole package depends on all that is in it.
    fn everything_below(&mut self, frame: &mut Frame, loc: Loc, node: NodeId) -> Result<()> {
        let tree_node = &self.compiled.program.tree[node];
        let rule = tree_node.rule;
        let children: Vec<NodeId> = tree_node.children.values().copied().collect();
        if let Some(rule) = rule {
            frame.traits.add(self.rule(rule, loc)?);
        }
        children.into_iter().try_for_each(|child| self.everything_below(frame, loc, child))
    }

    /// Whether `path` below `data` leads into what a rule defines.
    pub(super) fn rule_above(&self, path: &[Name]) -> bool {
        let (node, depth) = self.walk(path);
        self.compiled.program.tree[node].rule.is_some() && depth < path.len()
    }

    /// The rule at exactly `path` below `data`.
    pub(super) fn rule_at(&self, path: &[Name]) -> Option<RuleId> {
        let (node, depth) = self.walk(path);
        self.compiled.program.tree[node].rule.filter(|_| depth == path.len())
    }
}

/// Whether a key is a pattern with variables that have no value yet.
fn is_to_be_found(frame: &Frame, key: &Term) -> bool {
    match &key.node {
        Node::Var(name) if &**name == "_" => true,
        Node::Var(name) => frame.lookup(name).is_some_and(|slot| !frame.is_bound(slot)),
        Node::Array(items) => items.iter().any(|t| is_to_be_found(frame, t)),
        Node::Object(fields) => fields.iter().any(|(_, v)| is_to_be_found(frame, v)),
        _ => false,
    }
}

fn get(loc: Loc, base: Expr, keys: Vec<Expr>) -> Expr {
    if keys.is_empty() { base } else { Expr::Get(loc, Box::new(base), keys) }
}
