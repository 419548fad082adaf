//! Reads that buildx doesn't see when it looks for what a policy needs: it decides as if nothing were there. Here they
//! are looked up, so that both may decide differently.

use super::reads::{Aliases, each_literal, each_term};
use super::values::{names, shown};
use super::{Finding, Subject, is_docker};
use crate::input;
use crate::rego::ast::{LiteralKind, Module, Name, Node, Rule, Term};

const CODE: &str = "unresolved-in-buildx";
/// Documents that have properties to look up.
const DOCUMENTS: [&str; 3] = ["image", "git", "http"];
/// Functions that take a whole object apart.
const TAKE_APART: [&str; 9] = [
    "object.get",
    "object.keys",
    "object.filter",
    "object.remove",
    "object.union",
    "object.subset",
    "json.marshal",
    "json.filter",
    "json.patch",
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        each_term(rule, &mut |term| {
            findings.extend(call(term, &aliases));
            findings.extend(created_time(term, &aliases));
            findings.extend(variable_key(term, &aliases));
        });
        each_literal(rule, &mut |literal| {
            if let LiteralKind::SomeIn { domain, .. } | LiteralKind::Every { domain, .. } = &literal.kind
                && let Some(whole) = document(domain, &aliases)
            {
                findings.push(whole_object(domain, &whole, "goes through all of"));
            }
            for with in &literal.with {
                if with.target.len() == 1
                    && &*with.target[0] == "input"
                    && let Some(whole) = document(&with.value, &aliases)
                {
                    findings.push(whole_object(&with.value, &whole, "puts elsewhere the whole of"));
                }
            }
        });
        findings.extend(in_decision(module, rule, &aliases));
    }
    findings
}

/// A document with properties to look up, read as a whole.
fn document(term: &Term, aliases: &Aliases) -> Option<String> {
    let path = aliases.path(term)?;
    let is_document = match names(&path)[..] {
        [] => true,
        [name] => DOCUMENTS.contains(&name),
        _ => false,
    };
    is_document.then(|| shown(&path))
}

fn whole_object(term: &Term, whole: &str, does: &str) -> Finding {
    Finding::new(
        CODE,
        term.loc,
        format!("this {does} `{whole}`: buildx decides without what would have to be looked up for it"),
        format!("read the properties by name, e.g. `{whole}.{}`", example(whole)),
    )
}

fn example(whole: &str) -> &'static str {
    match whole {
        "input.git" => "commit",
        "input.http" => "checksum",
        "input" => "image.labels",
        _ => "labels",
    }
}

fn call(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let Node::Call(path, args) = &term.node else { return None };
    let name = path.iter().map(|part| &**part).collect::<Vec<_>>().join(".");
    if !TAKE_APART.contains(&&*name) {
        return None;
    }
    let whole = args.iter().find_map(|arg| document(arg, aliases))?;
    // `object.get(input.image, "tag", "")` reads what is always known.
    if name == "object.get"
        && let Some(field) = args.get(1).and_then(Term::as_string)
    {
        let steps: Vec<Name> = whole.split('.').skip(1).chain([field]).map(Name::from).collect();
        if steps.len() > 1 && !input::may_be_unresolved(&steps) {
            return None;
        }
        let help = format!("write `{whole}.{field}`, and `not {whole}.{field}` where it may be absent");
        let message = format!(
            "buildx doesn't look `{field}` up for `object.get({whole}, {field:?}, …)`: it takes the default"
        );
        return Some(Finding::new(CODE, term.loc, message, help));
    }
    Some(Finding { loc: term.loc, ..whole_object(term, &whole, &format!("gives `{name}` all of")) })
}

fn created_time(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let Node::Ref(..) = &term.node else { return None };
    let path = aliases.path(term)?;
    (names(&path) == ["image", "createdTime"]).then(|| {
        Finding::new(
            CODE,
            term.loc,
            "buildx never looks `input.image.createdTime` up: it is undefined there",
            "keep it if the policy is for `policy-check` alone, with `# lint:ignore unresolved-in-buildx`",
        )
    })
}

/// `input.image[field]`
fn variable_key(term: &Term, aliases: &Aliases) -> Option<Finding> {
    let Node::Ref(head, keys) = &term.node else { return None };
    let path = aliases.path(term)?;
    let [document, "_", ..] = names(&path)[..] else { return None };
    let base = aliases.path(head)?;
    let key = keys.get(1usize.checked_sub(base.len())?)?;
    if !DOCUMENTS.contains(&document) || key.as_string().is_some() {
        return None;
    }
    Some(Finding {
        loc: term.loc,
        ..whole_object(key, &format!("input.{document}"), "reads any property of")
    })
}

/// A property to look up that stands in `decision` itself.
fn in_decision(module: &Module, rule: &Rule, aliases: &Aliases) -> Option<Finding> {
    if !is_docker(module) || &*rule.name != "decision" {
        return None;
    }
    let mut found = None;
    each_term(rule, &mut |term| {
        let Some(path) = aliases.path(term) else { return };
        let steps: Vec<Name> = path.iter().map(|step| Name::from(step.as_str())).collect();
        if found.is_none() && steps.len() > 1 && input::may_be_unresolved(&steps) {
            found = Some(Finding::new(
                "property-in-decision",
                term.loc,
                format!("buildx doesn't look `{}` up where `decision` itself reads it", shown(&path)),
                "read it in a rule such as `allow`, and name that rule in `decision`",
            ));
        }
    });
    found
}
