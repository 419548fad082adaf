//! Remarks on what a policy cannot mean: properties that do not exist, comparisons that never hold.

use super::super::Diagnostic;
use super::super::files::{self, SourceFile};
use crate::input::paths::{self, PathCheck};
use crate::rego::ast::Name;
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
    let position = files::position(files, read.loc);
    let line = files::line(files, &position).map(str::to_owned);
    Some(Diagnostic { code: "unknown-property", position, message, help, line })
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
    let (message, help) = reason(&path, &comparison.with)?;
    let whole = format!("input.{}", path.join("."));
    let position = files::position(files, comparison.loc);
    Some(Diagnostic {
        code: "never-true",
        line: files::line(files, &position).map(str::to_owned),
        position,
        message: format!("`{whole}` never equals {:?}: {message}", &*comparison.with),
        help: Some(help),
    })
}

/// Why a property never has a value, and what to write instead.
fn reason(path: &[&str], value: &Name) -> Option<(String, String)> {
    let value = &**value;
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
