//! Statements of one body that exclude each other, that say too little, or that depend on an order that isn't there.

use regorus::Value;

use super::reads::{Aliases, Comparison, comparisons, each_term};
use super::values::{names, shown};
use super::{Finding, Subject, is_docker};
use crate::rego::ast::{Literal, LiteralKind, Module, Node, Rule, Term};

/// Of these, a source has one.
const DOCUMENTS: [&str; 5] = ["image", "git", "http", "local", "ociLayout"];
/// Nanoseconds since 1970 of a time in 1970, and of a span that nobody waits for.
const EARLY: u64 = 1_000_000_000_000_000;
const SHORT: u64 = 1_000_000_000;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        findings.extend(negations_alone(module, rule));
        findings.extend(other_value(module, rule));
        for alternative in &rule.alternatives {
            let statements: Vec<&Literal> =
                alternative.body.iter().filter(|literal| literal.with.is_empty()).collect();
            findings.extend(documents(&statements));
            findings.extend(values(rule, &statements, &aliases));
        }
        each_term(rule, &mut |term| {
            findings.extend(text_order(term, &aliases));
            findings.extend(time_unit(term));
        });
    }
    findings
}

/// `allow if not input.image.tag == "latest"`
fn negations_alone(module: &Module, rule: &Rule) -> Option<Finding> {
    if !is_docker(module) || &*rule.name != "allow" {
        return None;
    }
    rule.alternatives.iter().find_map(|alternative| {
        let negated = |literal: &Literal| match &literal.kind {
            LiteralKind::Not(term) => needed(term).first().map(|(document, _)| (*document).to_owned()),
            _ => None,
        };
        let first = alternative.body.first()?;
        let document =
            negated(first).filter(|_| alternative.body.iter().all(|literal| negated(literal).is_some()))?;
        Some(Finding::new(
            "negation-alone",
            first.loc,
            format!("this also allows every source that has no `input.{document}`: there, `not` holds"),
            format!("add a statement that says what is allowed, such as `input.{document}`"),
        ))
    })
}

/// `allow := true`, and `allow := false if …`
fn other_value(module: &Module, rule: &Rule) -> Option<Finding> {
    let constant = |rule: &Rule| {
        let [alternative] = rule.alternatives.as_slice() else { return None };
        match alternative.value.as_ref().map(|value| &value.node) {
            None => Some(Value::from(true)),
            Some(Node::Scalar(value)) => Some(value.clone()),
            Some(_) => None,
        }
    };
    let is_complete = |rule: &Rule| {
        !rule.is_default && rule.args.is_none() && rule.keys.is_empty() && rule.element.is_none()
    };
    let own = constant(rule).filter(|_| is_complete(rule) && !rule.alternatives[0].body.is_empty())?;
    let always = module.rules.iter().find_map(|other| {
        let holds = other.name == rule.name && is_complete(other) && other.alternatives[0].body.is_empty();
        constant(other).filter(|value| holds && *value != own)
    })?;
    let name = &rule.name;
    Some(Finding::new(
        "contradiction",
        rule.loc,
        format!("`{name}` is always {always}, so that it is an error where this makes it {own}"),
        format!("write `default {name} := {always}`"),
    ))
}

/// `input.image` and `input.git`
fn documents(statements: &[&Literal]) -> Option<Finding> {
    let mut found: Option<&str> = None;
    for statement in statements {
        let (LiteralKind::Expr(term) | LiteralKind::SomeIn { domain: term, .. }) = &statement.kind else {
            continue;
        };
        for (document, at) in needed(term) {
            match found {
                Some(other) if other != document => {
                    return Some(Finding::new(
                        "contradiction",
                        at.loc,
                        format!(
                            "no source has both `input.{other}` and `input.{document}`, so this never holds"
                        ),
                        "write a definition of the rule for each",
                    ));
                }
                _ => found = Some(document),
            }
        }
    }
    None
}

/// The documents without which a term is undefined.
fn needed(term: &Term) -> Vec<(&str, &Term)> {
    match &term.node {
        Node::Ref(head, keys) => match (&head.node, keys.first().and_then(Term::as_string)) {
            (Node::Var(name), Some(document)) if &**name == "input" => {
                DOCUMENTS.iter().filter(|known| **known == document).map(|known| (*known, term)).collect()
            }
            _ => Vec::new(),
        },
        // Functions of the policy may be defined for what isn't there; these are not.
        Node::Call(path, args) if path.len() == 1 => match &*path[0] {
            "equal" | "neq" | "lt" | "lte" | "gt" | "gte" | "internal.member_2" | "startswith"
            | "endswith" | "contains" => args.iter().flat_map(needed).collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// `host == "a"` and `host == "b"`
fn values(rule: &Rule, statements: &[&Literal], aliases: &Aliases) -> Option<Finding> {
    let all = comparisons(rule, aliases);
    let is_own = |comparison: &&Comparison<'_>| {
        statements.iter().any(
            |literal| matches!(&literal.kind, LiteralKind::Expr(term) if std::ptr::eq(term, comparison.term)),
        )
    };
    let own: Vec<&Comparison<'_>> = all
        .iter()
        .filter(|comparison| !comparison.negated && !comparison.path.contains(&"_".to_owned()))
        .filter(is_own)
        .collect();
    own.iter().enumerate().find_map(|(index, later)| {
        let earlier = own[..index].iter().find(|earlier| {
            earlier.path == later.path && !earlier.values.iter().any(|value| later.values.contains(value))
        })?;
        let whole = shown(&later.path);
        let (first, second) = (earlier.values.first()?, later.values.first()?);
        Some(Finding::new(
            "contradiction",
            later.term.loc,
            format!("`{whole}` is not {first:?} and {second:?} at once, so this never holds"),
            format!("write `{whole} in {{{first:?}, {second:?}}}`, or a definition of the rule for each"),
        ))
    })
}

/// `input.image.tag >= "3.9"`
fn text_order(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let operands = ["lt", "lte", "gt", "gte"].iter().find_map(|name| term.operands(name))?;
    let [left, right] = operands else { return None };
    let (property, text) = [(left, right), (right, left)].into_iter().find_map(|(property, text)| {
        Some((aliases.path(property).filter(|path| !path.is_empty())?, text.as_string()?))
    })?;
    let text_of_version = text.trim_start_matches('v');
    let is_version = !text_of_version.is_empty()
        && text_of_version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && names(&property).last() != Some(&"createdTime");
    is_version.then(|| {
        Finding::new(
            "text-order",
            term.loc,
            format!(
                "`{}` and {text:?} are compared letter by letter: \"3.10\" comes before \"3.9\"",
                shown(&property)
            ),
            "write `semver.compare(a, b) >= 0` for versions of three numbers, `to_number` for one",
        )
    })
}

/// `time.now_ns() > 1767225600`
fn time_unit(term: &Term) -> Option<Finding> {
    let operands = ["lt", "lte", "gt", "gte"].iter().find_map(|name| term.operands(name))?;
    let [left, right] = operands else { return None };
    let number = |term: &Term| match &term.node {
        Node::Scalar(value) => value.as_u64().ok().filter(|number| *number > 0),
        _ => None,
    };
    let (time, number) =
        [(left, right), (right, left)].into_iter().find_map(|(time, limit)| Some((time, number(limit)?)))?;
    let is_time = |term: &Term| matches!(&term.node, Node::Call(path, _) if path.len() == 2 && &*path[0] == "time" && path[1].ends_with("_ns"));
    let is_span = time.operands("minus").is_some_and(|operands| operands.iter().any(is_time));
    if !(is_time(time) && number < EARLY || is_span && number < SHORT) {
        return None;
    }
    Some(Finding::new(
        "time-unit",
        term.loc,
        format!("`time` counts nanoseconds, so that {number} of them is next to nothing"),
        "write `time.parse_duration_ns(\"24h\")`, or nine zeros behind the seconds",
    ))
}
