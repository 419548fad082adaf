//! Remarks on what a policy cannot mean: properties that do not exist, comparisons that never hold.

use super::super::Diagnostic;
use super::super::files::{self, SourceFile};
use super::reads::{comparisons, each_term, within};
use super::values::{names, shown};
use super::{Finding, Subject};
use crate::input::paths::{self, PathCheck};
use crate::rego::ast::{Loc, Module, Node, Term};
use crate::rego::compile::{Compiled, InputComparison, InputRef};

/// All remarks, by position.
pub(in super::super) fn remarks(compiled: &Compiled, files: &[SourceFile]) -> Vec<Diagnostic> {
    let unknown = compiled.input_refs.iter().filter_map(|r| unknown_property(r, compiled, files));
    let never = compiled.comparisons.iter().filter_map(|c| never_holds(c, files));
    let mut remarks: Vec<Diagnostic> = unknown.chain(never).collect();
    remarks.sort_by(|a, b| a.position.cmp(&b.position));
    // A body may be lowered more than once while its order is found.
    remarks.dedup();
    remarks
}

/// What loading doesn't see, as it follows no variables and functions.
pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if subject.replaces_input() {
        return findings;
    }
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        each_term(rule, &mut |term| {
            let Node::Ref(head, _) = &term.node else { return };
            if is_followed(head, module)
                && let Some(path) = aliases.path(term)
            {
                findings.extend(unknown(&names(&path), term.loc));
            }
        });
        for comparison in comparisons(rule, &aliases).iter().filter(|comparison| !comparison.negated) {
            // Loading tells about these.
            let is_told = comparison.values.len() == 1 && comparison.is_direct && !comparison.is_member;
            let never = comparison
                .values
                .iter()
                .find_map(|value| Some((*value, reason(within(&comparison.path), value)?)));
            if let Some((value, (message, help))) = never.filter(|_| !is_told) {
                let whole = shown(&comparison.path);
                let message = format!("`{whole}` never equals {value:?}: {message}");
                findings.push(Finding::new("never-true", comparison.term.loc, message, help));
            }
        }
    }
    findings
}

/// Whether a name is one that loading doesn't follow: neither `input` nor what is imported from it.
fn is_followed(head: &Term, module: &Module) -> bool {
    let Node::Var(name) = &head.node else { return false };
    let is_imported =
        module.imports.iter().any(|import| import.alias.as_ref().or(import.path.last()) == Some(name));
    &**name != "input" && !is_imported
}

fn unknown(path: &[&str], loc: Loc) -> Option<Finding> {
    let PathCheck::Unknown { at, nearest } = paths::check(path) else { return None };
    // Keys that are not constant may be anything.
    if path[at] == "_" {
        return None;
    }
    let steps = |steps: &[&str]| shown(&steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>());
    let (whole, prefix) = (steps(path), steps(&path[..at]));
    let message = format!("`{whole}` does not exist: `{prefix}` has no `{}`", path[at]);
    let help = match nearest {
        Some(name) => format!("did you mean `{prefix}.{name}`?"),
        None => "see the properties in `policy-check schema`, or with `policy-check eval --print`".to_owned(),
    };
    Some(Finding::new("unknown-property", loc, message, help))
}

fn unknown_property(read: &InputRef, compiled: &Compiled, files: &[SourceFile]) -> Option<Diagnostic> {
    let path: Vec<&str> = read.path.iter().map(|n| &**n).collect();
    let PathCheck::Unknown { at, nearest } = paths::check(&path) else { return None };
    if compiled.replaces_input && is_known_below(&path) {
        return None;
    }
    let whole = format!("input.{}", path.join("."));
    let prefix = std::iter::once("input").chain(path[..at].iter().copied()).collect::<Vec<_>>().join(".");
    let message = format!("`{whole}` does not exist: `{prefix}` has no `{}`", path[at]);
    let help = nearest.map(|name| format!("did you mean `{prefix}.{name}`?"));
    Some(Diagnostic { code: "unknown-property", position: files::position(files, read.loc), message, help })
}

/// Whether one of the documents in the input has the path: `with input as input.image` may have put it in
/// the place of the whole.
fn is_known_below(path: &[&str]) -> bool {
    ["image", "git", "http", "ociLayout", "local", "env"].into_iter().any(|document| {
        let below: Vec<&str> = std::iter::once(document).chain(path.iter().copied()).collect();
        !matches!(paths::check(&below), PathCheck::Unknown { .. })
    })
}

fn never_holds(comparison: &InputComparison, files: &[SourceFile]) -> Option<Diagnostic> {
    let path: Vec<&str> = comparison.path.iter().map(|n| &**n).collect();
    let steps: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
    let (message, help) = reason(within(&steps), &comparison.with)?;
    let whole = format!("input.{}", path.join("."));
    Some(Diagnostic {
        code: "never-true",
        position: files::position(files, comparison.loc),
        message: format!("`{whole}` never equals {:?}: {message}", &*comparison.with),
        help: Some(help),
    })
}

/// Why a property never has a value, and what to write instead.
fn reason(path: &[String], value: &str) -> Option<(String, String)> {
    let path = &names(path)[..];
    Some(match path {
        ["image", "repo"] if value.starts_with("library/") => (
            "official images have no `library/` in `repo`".to_owned(),
            format!(
                "write {:?}, or compare `input.image.fullRepo` with {:?}",
                &value[8..],
                format!("docker.io/{value}")
            ),
        ),
        ["image", "repo"] if value.starts_with("docker.io/") => (
            "repositories of Docker Hub have no host in `repo`".to_owned(),
            "compare `input.image.fullRepo`".to_owned(),
        ),
        ["local", "name"] if !matches!(value, "context" | "dockerfile") && value.contains(['.', '/']) => (
            "it is the name of a build context, not a path".to_owned(),
            "write \"context\" or \"dockerfile\", or the name of a named context".to_owned(),
        ),
        [_, _, ..]
            if value.is_empty()
                && !matches!(path[..2], ["env", "args" | "labels"] | ["image" | "ociLayout", "labels"]) =>
        {
            ("an empty property is absent".to_owned(), format!("write `not input.{}`", path.join(".")))
        }
        _ => return None,
    })
}
