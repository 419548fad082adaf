//! Rules that look at signatures and at nobody who signed.

use super::reads::{Aliases, Part, comparisons, each_literal, each_part, each_term, within};
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
        let aliases = subject.aliases(module, rule);
        findings.extend(any_signature(rule, &aliases));
        findings.extend(untrusted(rule, &aliases));
        each_literal(rule, &mut |literal| {
            if let LiteralKind::Not(term) = &literal.kind {
                findings.extend(negated(rule, term));
            }
        });
    }
    findings
}

fn is_signatures(term: &Term, aliases: &Aliases) -> bool {
    aliases
        .path(term)
        .is_some_and(|path| matches!(names(within(&path))[..], ["image" | "ociLayout", "signatures"]))
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
                && !all_are_asked(rule, aliases)
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
        LiteralKind::Every { domain, .. }
            if is_signatures(domain, aliases) && !is_denial(rule) && !wants_one(rule, aliases) =>
        {
            findings.push(Finding::new(
                "any-signature",
                literal.loc,
                "`every` also holds of an image without any signature",
                "add `count(input.image.signatures) > 0`, or write `some sig in input.image.signatures`",
            ));
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

/// Whether a rule looks at who made each signature: then their number says that there are some.
fn all_are_asked(rule: &Rule, aliases: &Aliases) -> bool {
    let mut asked = false;
    each_literal(rule, &mut |literal| {
        if let LiteralKind::Every { value, domain, .. } = &literal.kind {
            asked |= is_signatures(domain, aliases) && asks_who(rule, value);
        }
    });
    asked
}

/// Whether a rule says what is not allowed.
pub(super) fn is_denial(rule: &Rule) -> bool {
    rule.name.contains("deny") || rule.element.is_some()
}

/// Whether a rule wants a signature elsewhere, by their number or as an element.
fn wants_one(rule: &Rule, aliases: &Aliases) -> bool {
    let mut wants = false;
    each_part(rule, &mut |part| match part {
        Part::Term(term) => {
            let counted = term.operands("count").unwrap_or_default();
            wants |= counted.iter().any(|arg| is_signatures(arg, aliases));
        }
        Part::Literal(literal) => {
            wants |=
                matches!(&literal.kind, LiteralKind::SomeIn { domain, .. } if is_signatures(domain, aliases));
        }
    });
    wants
}

/// `sig.kind == "untrusted"`
fn untrusted(rule: &Rule, aliases: &Aliases) -> Option<Finding> {
    let all = if is_denial(rule) { Vec::new() } else { comparisons(rule, aliases) };
    let accepts = all.iter().find(|comparison| {
        let path = names(within(&comparison.path));
        let is_kind = matches!(path[..], ["image" | "ociLayout", "signatures", _, "kind"]);
        is_kind && !comparison.negated && comparison.values.contains(&"untrusted")
    })?;
    Some(Finding::new(
        "any-signature",
        accepts.term.loc,
        "a signature of kind \"untrusted\" may be anybody's",
        "name another kind, or who signed: `sig.signer.subjectAlternativeName`",
    ))
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
    // A message about what is not signed is what `not` is for.
    if is_denial(rule) {
        return None;
    }
    let message = format!("`not {name}(…)` holds of whatever is not signed");
    let help = format!("let a rule that allows call `{name}(…)`, and deny what no rule allows");
    Some(Finding::new("negated-verification", term.loc, message, help))
}
