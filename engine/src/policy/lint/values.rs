//! Comparisons of the input with texts that it never has.

use super::reads::{Aliases, Comparison, comparisons, within};
use super::{Finding, Subject};
use crate::input::paths;
use crate::rego::ast::{Literal, LiteralKind, Rule, Term};

/// Properties whose values are known although the schema takes any text.
#[rustfmt::skip]
const VALUES: &[(&str, &[&str])] = &[
    ("http.schema", &["http", "https"]),
    ("git.schema", &["https", "http", "ssh", "git"]),
    ("image.os", SYSTEMS),
    ("ociLayout.os", SYSTEMS),
    ("image.arch", MACHINES),
    ("ociLayout.arch", MACHINES),
    ("image.signatures._.kind", KINDS),
    ("ociLayout.signatures._.kind", KINDS),
    ("image.signatures._.type", TYPES),
    ("ociLayout.signatures._.type", TYPES),
];
#[rustfmt::skip]
const KINDS: &[&str] = &[
    "docker-github-builder", "docker-hardened-image", "self-signed-github-repo", "self-signed", "untrusted",
];
const TYPES: &[&str] = &["bundle-v0.3", "bundle-v0.2", "bundle-v0.1", "simplesigning-v1"];
/// Go's names, which BuildKit uses.
#[rustfmt::skip]
const SYSTEMS: &[&str] = &[
    "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos", "aix",
    "android", "ios", "js", "plan9", "wasip1",
];
#[rustfmt::skip]
const MACHINES: &[&str] = &[
    "amd64", "arm64", "arm", "386", "ppc64le", "ppc64", "s390x", "riscv64", "mips", "mipsle", "mips64", "mips64le",
    "loong64", "wasm", "sparc64",
];
/// What others call them.
#[rustfmt::skip]
const MEANT: &[(&str, &str)] = &[
    ("x86_64", "amd64"), ("x86-64", "amd64"), ("x64", "amd64"), ("aarch64", "arm64"), ("armv7", "arm"),
    ("i386", "386"), ("x86", "386"), ("Linux", "linux"), ("macos", "darwin"), ("https://", "https"), ("HTTPS", "https"),
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        let all = comparisons(rule, &aliases);
        for comparison in &all {
            findings.extend(always_true(comparison));
            findings.extend(short_ref(comparison));
            findings.extend(unknown_value(comparison));
        }
        findings.extend(repo_host(rule, &aliases));
    }
    findings
}

fn always_true(comparison: &Comparison<'_>) -> Option<Finding> {
    let Comparison { term, path, values, negated, .. } = comparison;
    let is_open = matches!(names(within(path))[..], [_, "labels" | "query" | "args" | "buildArgs", ..]);
    if !negated || values != &[""] || path.len() < 2 || is_open {
        return None;
    }
    let whole = shown(path);
    let (message, help) = if whole == "input.http.checksum" {
        (
            "`input.http.checksum` is the digest of what was downloaded, so it is never empty: this holds of every file"
                .to_owned(),
            "compare it with the digest that the file must have".to_owned(),
        )
    } else {
        (
            format!(
                "an empty property is absent, so `{whole} != \"\"` says no more than that `{whole}` is there"
            ),
            format!("write `{whole}`"),
        )
    };
    Some(Finding::new("always-true", term.loc, message, help))
}

fn short_ref(comparison: &Comparison<'_>) -> Option<Finding> {
    if names(within(&comparison.path)) != ["git", "ref"] {
        return None;
    }
    let is_commit = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    let short = comparison
        .values
        .iter()
        .find(|value| !value.is_empty() && !value.starts_with("refs/") && !is_commit(value))?;
    Some(Finding::new(
        "short-ref",
        comparison.term.loc,
        format!("`input.git.ref` is never {short:?}: it is a full ref or a commit id"),
        format!("compare `input.git.tagName` or `input.git.branch`, or write \"refs/tags/{short}\""),
    ))
}

fn unknown_value(comparison: &Comparison<'_>) -> Option<Finding> {
    let known = values_of(within(&comparison.path))?;
    // Loading tells about empty ones.
    let value =
        comparison.values.iter().find(|value| !value.is_empty() && !known.contains(&(**value).to_owned()))?;
    let meant = MEANT.iter().find(|(other, meant)| other == value && known.iter().any(|k| k == meant));
    let help = match meant {
        Some((_, meant)) => format!("write {meant:?}"),
        None => format!("it is one of {}", known.join(", ")),
    };
    let whole = shown(&comparison.path);
    Some(Finding::new("unknown-value", comparison.term.loc, format!("`{whole}` is never {value:?}"), help))
}

/// The values that a property may have, if they are known.
fn values_of(path: &[String]) -> Option<Vec<String>> {
    // A number is an index, like `_`.
    let steps: Vec<&str> =
        path.iter().map(|step| if step.bytes().all(|b| b.is_ascii_digit()) { "_" } else { step }).collect();
    let whole = steps.join(".");
    let listed = VALUES.iter().find(|(known, _)| *known == whole);
    listed
        .map(|(_, values)| values.iter().map(|value| (*value).to_owned()).collect())
        .or_else(|| paths::values(&steps))
}

/// `host == "ghcr.io"` beside `repo == "org/app"` in one body.
fn repo_host(rule: &Rule, aliases: &Aliases) -> Vec<Finding> {
    let mut findings = Vec::new();
    for alternative in &rule.alternatives {
        // Only what must all hold at once: the statements of the body itself.
        let own: Vec<_> = comparisons(rule, aliases)
            .into_iter()
            .filter(|c| !c.negated && c.values.len() == 1)
            .filter(|c| alternative.body.iter().any(|literal| is_statement(literal, c.term)))
            .collect();
        let host = own.iter().find(|c| names(within(&c.path)) == ["image", "host"]).map(|c| c.values[0]);
        let Some(host) = host.filter(|host| *host != "docker.io" && !host.is_empty()) else { continue };
        for repo in own.iter().filter(|c| names(within(&c.path)) == ["image", "repo"]) {
            let value = repo.values[0];
            if !value.starts_with(&format!("{host}/")) {
                findings.push(Finding::new(
                    "repo-host",
                    repo.term.loc,
                    format!("`input.image.repo` of an image in {host} is never {value:?}: it begins with the host there"),
                    format!("write {:?}", format!("{host}/{value}")),
                ));
            }
        }
    }
    findings
}

fn is_statement(literal: &Literal, term: &Term) -> bool {
    matches!(&literal.kind, LiteralKind::Expr(own) if std::ptr::eq(own, term))
}

pub(super) fn names(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

pub(super) fn shown(path: &[String]) -> String {
    let mut text = String::from("input");
    for step in path {
        if step == "_" {
            text.push_str("[_]");
        } else {
            text.push('.');
            text.push_str(step);
        }
    }
    text
}
