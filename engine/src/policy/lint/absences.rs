//! `not f(input.image.labels.team)` where there may be no such label.
//!
//! What a call under `not` is given is read before the `not`, so where it is absent the statement is undefined and
//! does not hold: `not input.image.labels.team in teams` denies no image without the label. Only a plain property and
//! `==` are read inside of the `not`.

use super::reads::{Aliases, Part, Path, each_literal, in_term, within};
use super::values::shown;
use super::{Finding, Subject};
use crate::rego::ast::{Literal, LiteralKind, Node, Rule, Term};

/// Properties that a source of the kind need not have; below them, none.
#[rustfmt::skip]
const OPTIONAL: &[(&str, &[&str])] = &[
    ("image", OF_IMAGES),
    ("ociLayout", OF_IMAGES),
    ("git", &["tagName", "branch", "tag", "subDir"]),
    ("http", &["query"]),
    ("env", &["args", "labels", "target"]),
];
const OF_IMAGES: &[&str] = &[
    "labels",
    "tag",
    "user",
    "workingDir",
    "createdTime",
    "env",
    "volumes",
    "provenance",
    "signatures",
    "variant",
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in subject.policies() {
        let rules: Vec<(&Rule, Aliases)> =
            module.rules.iter().map(|rule| (rule, subject.aliases(module, rule))).collect();
        let absences = absences(&rules);
        for (rule, aliases) in rules.iter().filter(|(rule, _)| denies(rule)) {
            for alternative in &rule.alternatives {
                for literal in &alternative.body {
                    findings.extend(silent(literal, &alternative.body, aliases, &absences));
                }
            }
        }
    }
    findings
}

/// Elsewhere an undefined statement allows nothing.
fn denies(rule: &Rule) -> bool {
    rule.name.contains("deny") || rule.name.contains("deni")
}

/// What some rule of a module says of sources without a property: `not input.image.labels.team`.
fn absences(rules: &[(&Rule, Aliases)]) -> Vec<Path> {
    let mut found = Vec::new();
    for (rule, aliases) in rules {
        each_literal(rule, &mut |literal| {
            if let LiteralKind::Not(term) = &literal.kind {
                found.extend(aliases.path(term));
            }
        });
    }
    found
}

fn silent(literal: &Literal, body: &[Literal], aliases: &Aliases, absences: &[Path]) -> Option<Finding> {
    let LiteralKind::Not(term) = &literal.kind else { return None };
    let mut given = Vec::new();
    match term.operands("equal").or(term.operands("eq")) {
        Some(operands) => {
            let calls = operands.iter().filter(|operand| matches!(operand.node, Node::Call(..)));
            calls.for_each(|call| properties(call, aliases, &mut given));
        }
        None if matches!(term.node, Node::Call(..)) => properties(term, aliases, &mut given),
        None => {}
    }
    let path = given.into_iter().find(|path| {
        is_optional(path)
            && !absences.iter().any(|absence| path.starts_with(absence))
            && !body.iter().any(|other| demands(other, path, aliases))
    })?;
    let property = shown(&path);
    Some(Finding::new(
        "absent-under-not",
        term.loc,
        format!("where `{property}` is absent, this `not` doesn't hold either, so nothing is denied there"),
        format!(
            "give what is wanted a name (`wanted if …`) and write `not wanted`, or deny `not {property}` as well"
        ),
    ))
}

/// The properties that a call is given, those of calls inside included.
fn properties(term: &Term, aliases: &Aliases, found: &mut Vec<Path>) {
    match &term.node {
        Node::Ref(..) => found.extend(aliases.path(term)),
        Node::Call(_, terms) | Node::Array(terms) | Node::Set(terms) => {
            terms.iter().for_each(|term| properties(term, aliases, found));
        }
        _ => {}
    }
}

fn is_optional(path: &[String]) -> bool {
    let [document, property, ..] = within(path) else { return false };
    OPTIONAL.iter().any(|(of, names)| of == document && names.contains(&property.as_str()))
}

/// Whether a statement holds of sources with this property alone.
fn demands(literal: &Literal, path: &[String], aliases: &Aliases) -> bool {
    let mut demanded = false;
    let mut look = |term| {
        in_term(term, &mut |part| {
            if let Part::Term(term) = part {
                demanded |= aliases.path(term).is_some_and(|read| read.starts_with(path));
            }
        });
    };
    match &literal.kind {
        LiteralKind::Expr(term) => look(term),
        LiteralKind::SomeIn { domain, .. } => look(domain),
        LiteralKind::Not(_) | LiteralKind::Some(_) | LiteralKind::Every { .. } => {}
    }
    demanded
}
