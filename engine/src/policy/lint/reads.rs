//! What expressions read of the input, as far as that can be told without evaluating them.

use std::collections::HashMap;

use crate::rego::ast::{Body, Literal, LiteralKind, Module, Name, Node, Rule, TemplatePart, Term};

/// A path below `input`: names, and `_` for an index or a key that isn't constant.
pub(super) type Path = Vec<String>;

/// Variables of a rule that stand for a part of the input: `some sig in input.image.signatures`,
/// `image := input.image`, `import input.image`.
#[derive(Debug, Default)]
pub(super) struct Aliases(HashMap<Name, Path>);

impl Aliases {
    /// Those of a rule. A variable that stands for several things is none.
    pub(super) fn of(module: &Module, rule: &Rule) -> Self {
        let mut aliases = Self::default();
        for import in module.imports.iter().filter(|import| &*import.path[0] == "input") {
            if let Some(name) = import.alias.as_ref().or(import.path.last()) {
                let path = import.path[1..].iter().map(ToString::to_string).collect();
                aliases.0.insert(name.clone(), path);
            }
        }
        each_literal(rule, &mut |literal| match &literal.kind {
            LiteralKind::SomeIn { value, domain, .. } => aliases.bind(value, domain, true),
            LiteralKind::Every { value, domain, .. } => {
                let value = Term::new(domain.loc, Node::Var(value.clone()));
                aliases.bind(&value, domain, true);
            }
            LiteralKind::Expr(term) => {
                if let Some([variable, value]) = term.operands("assign") {
                    aliases.bind(variable, value, false);
                }
            }
            LiteralKind::Some(_) | LiteralKind::Not(_) => {}
        });
        aliases
    }

    fn bind(&mut self, variable: &Term, value: &Term, is_element: bool) {
        let Node::Var(name) = &variable.node else { return };
        let Some(mut path) = self.path(value) else { return };
        if is_element {
            path.push("_".to_owned());
        }
        self.0.insert(name.clone(), path);
    }

    /// The path that a term reads; the whole input is the empty one.
    pub(super) fn path(&self, term: &Term) -> Option<Path> {
        match &term.node {
            Node::Var(name) if &**name == "input" => Some(Path::new()),
            Node::Var(name) => self.0.get(name).cloned(),
            Node::Ref(head, keys) => {
                let mut path = self.path(head)?;
                path.extend(keys.iter().map(|key| key.as_string().unwrap_or("_").to_owned()));
                Some(path)
            }
            _ => None,
        }
    }
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
                found.push(Comparison { term, path, values, negated });
            }
        }
    });
    found
}
