//! What expressions read of the input, as far as that can be told without evaluating them.

use std::collections::HashMap;

use super::flow::Flow;
use crate::rego::ast::{Body, Literal, LiteralKind, Module, Name, Node, Rule, TemplatePart, Term};

/// Steps of a path that are followed: materials have materials.
const MAX_STEPS: usize = 64;

/// A path below `input`: names, and `_` for an index or a key that isn't constant.
pub(super) type Path = Vec<String>;

/// Names in a rule that stand for a part of the input: `some sig in input.image.signatures`, `image := input.image`,
/// `import input.image`, parameters, other rules.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    /// Variables. One that stands for several things in the rule, or for something else, has no path.
    own: HashMap<Name, Option<Path>>,
    /// What the module and its package name.
    outer: HashMap<Name, Path>,
}

impl Aliases {
    /// Those of a rule.
    pub(super) fn of(flow: &Flow, module: &Module, rule: &Rule) -> Self {
        let mut aliases = Self::default();
        aliases.name_outer(flow, module, rule);
        for (at, arg) in rule.args.iter().flatten().enumerate() {
            match &arg.node {
                Node::Var(_) => {
                    let path = flow.parameter(module, &rule.name, at).cloned();
                    aliases.bind(arg, path);
                }
                _ => aliases.bind_inside(arg),
            }
        }
        each_literal(rule, &mut |literal| match &literal.kind {
            LiteralKind::SomeIn { key, value, domain } => {
                let path = aliases.path(domain).map(element);
                aliases.bind(value, path);
                key.iter().for_each(|key| aliases.bind(key, None));
            }
            LiteralKind::Every { key, value, domain, .. } => {
                let path = aliases.path(domain).map(element);
                aliases.agree(value, path);
                key.iter().for_each(|key| aliases.agree(key, None));
            }
            LiteralKind::Expr(term) => {
                if let Some([variable, value]) = term.operands("assign") {
                    let path = aliases.path(value);
                    aliases.bind(variable, path);
                }
            }
            LiteralKind::Some(names) => names.iter().for_each(|name| aliases.agree(name, None)),
            LiteralKind::Not(_) => {}
        });
        aliases.find_others(rule);
        aliases
    }

    fn name_outer(&mut self, flow: &Flow, module: &Module, rule: &Rule) {
        let used = |term: &Term| match &term.node {
            Node::Var(name) => Some(name.clone()),
            _ => None,
        };
        each_term(rule, &mut |term| {
            if let Some(name) = used(term)
                && let Some(path) = flow.value(module, &name)
            {
                self.outer.insert(name, path.clone());
            }
        });
        for import in module.imports.iter().filter(|import| &*import.path[0] == "input") {
            if let Some(name) = import.alias.as_ref().or(import.path.last()) {
                let path = import.path[1..].iter().map(ToString::to_string).collect();
                self.outer.insert(name.clone(), path);
            }
        }
    }

    /// Variables that get their value elsewhere: by `=`, or as a key that is to be found.
    fn find_others(&mut self, rule: &Rule) {
        each_term(rule, &mut |term| {
            if let Some([left, right]) = term.operands("eq") {
                for (variable, value) in [(left, right), (right, left)] {
                    match &variable.node {
                        Node::Var(name) if !self.own.contains_key(name) => {
                            let path = self.path(value);
                            self.own.insert(name.clone(), path);
                        }
                        Node::Array(_) | Node::Object(_) => self.bind_inside(variable),
                        _ => {}
                    }
                }
            }
            if let Node::Ref(_, keys) = &term.node {
                keys.iter().for_each(|key| self.bind_inside(key));
            }
        });
    }

    /// What a pattern stands for: `path`, where it is a variable.
    fn bind(&mut self, pattern: &Term, path: Option<Path>) {
        match &pattern.node {
            Node::Var(name) => self.agree(name, path),
            _ => self.bind_inside(pattern),
        }
    }

    /// The variables of a pattern stand for something else.
    fn bind_inside(&mut self, pattern: &Term) {
        in_term(pattern, &mut |part| {
            if let Part::Term(Term { node: Node::Var(name), .. }) = part
                && &**name != "input"
            {
                self.agree(name, None);
            }
        });
    }

    fn agree(&mut self, name: &Name, path: Option<Path>) {
        self.own
            .entry(name.clone())
            .and_modify(|known| {
                if *known != path {
                    *known = None;
                }
            })
            .or_insert(path);
    }

    /// The path that a term reads; the whole input is the empty one.
    pub(super) fn path(&self, term: &Term) -> Option<Path> {
        match &term.node {
            Node::Var(name) if &**name == "input" => Some(Path::new()),
            Node::Var(name) => match self.own.get(name) {
                Some(path) => path.clone(),
                None => self.outer.get(name).cloned(),
            },
            Node::Ref(head, keys) => {
                let mut path = self.path(head)?;
                path.extend(keys.iter().map(|key| key.as_string().unwrap_or("_").to_owned()));
                Some(path).filter(|path| path.len() <= MAX_STEPS)
            }
            _ => None,
        }
    }
}

/// An element of the collection at `path`.
fn element(mut path: Path) -> Path {
    path.push("_".to_owned());
    path
}

/// The path within the input that it belongs to: that of a material is as that of the source itself.
pub(super) fn within(path: &[String]) -> &[String] {
    let is_material = |steps: &[String]| steps[0] == "materials" && steps[1] == "_";
    let last = path.windows(2).rposition(is_material);
    last.map_or(path, |at| &path[at + 2..])
}

/// Calls `each` with every statement of a rule, those of comprehensions and `every` included.
pub(super) fn each_literal<'r>(rule: &'r Rule, each: &mut dyn FnMut(&'r Literal)) {
    each_part(rule, &mut |part| {
        if let Part::Literal(literal) = part {
            each(literal);
        }
    });
}

/// Calls `each` with every expression of a rule, outer ones first.
pub(super) fn each_term<'r>(rule: &'r Rule, each: &mut dyn FnMut(&'r Term)) {
    each_part(rule, &mut |part| {
        if let Part::Term(term) = part {
            each(term);
        }
    });
}

/// A piece of a rule.
pub(super) enum Part<'r> {
    Literal(&'r Literal),
    Term(&'r Term),
}

pub(super) fn each_part<'r>(rule: &'r Rule, each: &mut dyn FnMut(Part<'r>)) {
    for term in rule.keys.iter().chain(rule.args.iter().flatten()).chain(&rule.element) {
        in_term(term, each);
    }
    for alternative in &rule.alternatives {
        // What the value reads is bound in the body.
        in_body(&alternative.body, each);
        alternative.value.iter().for_each(|value| in_term(value, each));
    }
}

fn in_body<'r>(body: &'r Body, each: &mut dyn FnMut(Part<'r>)) {
    body.iter().for_each(|literal| in_literal(literal, each));
}

fn in_literal<'r>(literal: &'r Literal, each: &mut dyn FnMut(Part<'r>)) {
    each(Part::Literal(literal));
    match &literal.kind {
        LiteralKind::Some(_) => {}
        LiteralKind::SomeIn { key, value, domain } => {
            key.iter().chain([value, domain]).for_each(|term| in_term(term, each));
        }
        LiteralKind::Every { domain, body, .. } => {
            in_term(domain, each);
            in_body(body, each);
        }
        LiteralKind::Not(term) | LiteralKind::Expr(term) => in_term(term, each),
    }
    literal.with.iter().for_each(|with| in_term(&with.value, each));
}

/// Calls `each` with every expression in a term, itself first.
pub(super) fn in_term<'r>(term: &'r Term, each: &mut dyn FnMut(Part<'r>)) {
    each(Part::Term(term));
    match &term.node {
        Node::Scalar(_) | Node::Var(_) => {}
        Node::Ref(head, keys) => {
            in_term(head, each);
            keys.iter().for_each(|key| in_term(key, each));
        }
        Node::Call(_, terms) | Node::Array(terms) | Node::Set(terms) => {
            terms.iter().for_each(|term| in_term(term, each));
        }
        Node::Object(fields) => fields.iter().for_each(|(key, value)| {
            in_term(key, each);
            in_term(value, each);
        }),
        Node::ArrayCompr(value, body) | Node::SetCompr(value, body) => {
            in_body(body, each);
            in_term(value, each);
        }
        Node::ObjectCompr(key, value, body) => {
            in_body(body, each);
            in_term(key, each);
            in_term(value, each);
        }
        Node::Template(parts) => {
            for part in parts {
                if let TemplatePart::Expr(term, with) = part {
                    in_term(term, each);
                    with.iter().for_each(|with| in_term(&with.value, each));
                }
            }
        }
    }
}

/// A comparison of a part of the input with constant texts.
pub(super) struct Comparison<'r> {
    pub(super) term: &'r Term,
    pub(super) path: Path,
    /// One of them is what it is compared with: several for `in {…}`.
    pub(super) values: Vec<&'r str>,
    /// `!=`
    pub(super) negated: bool,
    /// `in`
    pub(super) is_member: bool,
    /// The path begins with `input` itself.
    pub(super) is_direct: bool,
}

/// Every such comparison in a rule.
pub(super) fn comparisons<'r>(rule: &'r Rule, aliases: &Aliases) -> Vec<Comparison<'r>> {
    let mut found = Vec::new();
    each_term(rule, &mut |term| {
        let operands = |names: &[&str]| names.iter().find_map(|name| term.operands(name));
        let (terms, negated) = match (operands(&["equal", "eq"]), operands(&["neq"])) {
            (Some(terms), _) => (terms, false),
            (_, Some(terms)) => (terms, true),
            _ => (operands(&["internal.member_2"]).unwrap_or_default(), false),
        };
        let [left, right] = terms else { return };
        let is_member = term.operands("internal.member_2").is_some();
        for (read, constant) in [(left, right), (right, left)] {
            let values: Vec<&str> = match &constant.node {
                Node::Array(items) | Node::Set(items) if is_member => {
                    items.iter().filter_map(Term::as_string).collect()
                }
                _ if is_member => Vec::new(),
                _ => constant.as_string().into_iter().collect(),
            };
            if let Some(path) = aliases.path(read).filter(|_| !values.is_empty()) {
                let is_direct = matches!(&read.node, Node::Ref(head, _) if matches!(&head.node, Node::Var(name) if &**name == "input"));
                found.push(Comparison { term, path, values, negated, is_member, is_direct });
            }
        }
    });
    found
}
