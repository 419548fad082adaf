//! Rules that look at signatures and at nobody who signed.

use super::reads::{Aliases, Part, each_literal, each_part, each_term};
use super::values::names;
use super::{Finding, Subject};
use crate::rego::ast::{LiteralKind, Name, Node, Rule, Term};

/// What of a signature tells who made it.
const WHO: [&str; 5] = ["kind", "signer", "isDHI", "dockerReference", "trustRoot"];
const VERIFIERS: [&str; 7] = [
    "verify_git_signature",
    "verify_git_signature_strict",
    "verify_http_pgp_signature",
    "verify_http_pgp_signature_lenient",
    "verify_image_key",
    "artifact_attestation",
    "github_attestation",
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = Aliases::of(module, rule);
        findings.extend(any_signature(rule, &aliases));
        each_literal(rule, &mut |literal| {
            if let LiteralKind::Not(term) = &literal.kind {
                findings.extend(negated(rule, term));
            }
        });
    }
    findings
}

fn is_signatures(term: &Term, aliases: &Aliases) -> bool {
    aliases.path(term).is_some_and(|path| matches!(names(&path)[..], ["image" | "ociLayout", "signatures"]))
}

fn any_signature(rule: &Rule, aliases: &Aliases) -> Vec<Finding> {
    let mut findings = Vec::new();
    let finding = |loc| {
        Finding::new(
            "any-signature",
            loc,
            "any signature will do here, and everybody can sign an image",
            "say who: `sig.signer.subjectAlternativeName`, `sig.kind`, or a function such as `docker_github_builder`",
        )
    };
    each_term(rule, &mut |term| {
        for name in ["gt", "gte", "neq"] {
            if let Some([left, right]) = term.operands(name)
                && left
                    .operands("count")
                    .is_some_and(|args| args.iter().any(|arg| is_signatures(arg, aliases)))
                && is_least(name, right)
            {
                findings.push(finding(left.loc));
            }
        }
    });
    each_literal(rule, &mut |literal| match &literal.kind {
        LiteralKind::SomeIn { value, domain, .. } if is_signatures(domain, aliases) => {
            let asks = match &value.node {
                Node::Var(name) => asks_who(rule, name),
                _ => true,
            };
            if !asks {
                findings.push(finding(literal.loc));
            }
        }
        LiteralKind::Expr(term) => {
            if let Node::Ref(head, _) = &term.node
                && matches!(&head.node, Node::Var(name) if &**name == "input")
                && let Some(path) = aliases.path(term)
                && let ["image" | "ociLayout", "signatures", step, rest @ ..] = &names(&path)[..]
                && is_index(step)
                && rest.first().is_none_or(|field| !WHO.contains(field))
            {
                findings.push(finding(term.loc));
            }
        }
        _ => {}
    });
    findings
}

fn is_index(step: &str) -> bool {
    step == "_" || step.bytes().all(|b| b.is_ascii_digit())
}

/// `> 0`, `>= 1`, `!= 0`
fn is_least(operator: &str, than: &Term) -> bool {
    let least = u64::from(operator == "gte");
    matches!(&than.node, Node::Scalar(value) if *value == regorus::Value::from(least))
}

/// Whether a rule looks at who made the signature, or hands it on.
fn asks_who(rule: &Rule, signature: &Name) -> bool {
    let is_signature = |term: &Term| matches!(&term.node, Node::Var(name) if name == signature);
    let mut asks = false;
    each_part(rule, &mut |part| {
        let Part::Term(term) = part else { return };
        match &term.node {
            Node::Ref(head, keys) if is_signature(head) => {
                asks |= keys.first().and_then(Term::as_string).is_none_or(|field| WHO.contains(&field));
            }
            Node::Call(_, args) | Node::Array(args) | Node::Set(args) => {
                asks |= args.iter().any(is_signature);
            }
            Node::ArrayCompr(value, _) | Node::SetCompr(value, _) => asks |= is_signature(value),
            _ => {}
        }
    });
    asks || rule.element.as_ref().is_some_and(is_signature)
        || rule.alternatives.iter().any(|a| a.value.as_ref().is_some_and(is_signature))
}

fn negated(rule: &Rule, term: &Term) -> Option<Finding> {
    let Node::Call(path, _) = &term.node else { return None };
    let [name] = path.as_slice() else { return None };
    let name = &**name;
    if !VERIFIERS.contains(&name) {
        return None;
    }
    let is_error = name.starts_with("verify_git_signature");
    let denies = rule.name.contains("deny") || rule.element.is_some();
    // A message about what is not signed is what `not` is for, unless it is never reached.
    if denies && !is_error {
        return None;
    }
    let message = if is_error {
        format!("`not {name}(…)` never holds: a signature that doesn't verify is an error")
    } else {
        format!("`not {name}(…)` also holds of every source that it isn't about")
    };
    let help = format!("let a rule that allows call `{name}(…)`, and deny what no rule allows");
    Some(Finding::new("negated-verification", term.loc, message, help))
}
