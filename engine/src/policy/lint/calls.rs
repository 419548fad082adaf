//! Calls with constants that make no sense: patterns and versions that are none, arguments in the wrong order, prefixes
//! that end within a name.

use regorus::Value;

use super::reads::{Aliases, each_literal, each_term, within};
use super::signatures::is_denial;
use super::values::{names, shown};
use super::{Finding, Subject, formats};
use crate::builtins::{self, BuiltinError, Kind};
use crate::rego::ast::{LiteralKind, Node, Rule, Term};

/// Functions that take a pattern, and where.
const PATTERNS: [(&str, usize); 7] = [
    ("regex.match", 0),
    ("regex.find_n", 0),
    ("regex.find_all_string_submatch_n", 0),
    ("regex.split", 0),
    ("regex.replace", 1),
    ("regex.is_valid", 0),
    ("regex.template_match", 0),
];
/// Properties that say whose a source is.
const IDENTITIES: [&[&str]; 11] = [
    &["image", "host"],
    &["image", "repo"],
    &["image", "fullRepo"],
    &["image", "ref"],
    &["http", "url"],
    &["http", "host"],
    &["git", "host"],
    &["git", "remote"],
    &["git", "fullURL"],
    &["image", "signatures", "_", "signer", "subjectAlternativeName"],
    &["image", "signatures", "_", "signer", "sourceRepositoryURI"],
];
/// Our functions that work on one part of the input, and which.
const OWN: [(&str, usize, &[&[&str]]); 8] = [
    ("verify_git_signature", 0, &[&["git", "commit"], &["git", "tag"]]),
    ("verify_git_signature_strict", 0, &[&["git", "commit"], &["git", "tag"]]),
    ("verify_http_pgp_signature", 0, &[&["http"]]),
    ("verify_http_pgp_signature_lenient", 0, &[&["http"]]),
    ("verify_image_key", 0, &[&["image"], &["ociLayout"]]),
    ("pin_image", 0, &[&["image"]]),
    ("artifact_attestation", 0, &[&["http"]]),
    ("github_attestation", 0, &[&["http"]]),
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (module, rule) in subject.rules() {
        let aliases = subject.aliases(module, rule);
        each_term(rule, &mut |term| {
            let Node::Call(path, args) = &term.node else { return };
            let name = path.iter().map(|part| &**part).collect::<Vec<_>>().join(".");
            let call = Call { term, name: &name, args, aliases: &aliases };
            findings.extend(call.impossible_prefix());
            findings.extend(call.swapped().or_else(|| call.bad_constant()).or_else(|| call.wrong_part()));
            findings.extend(call.sprintf());
        });
        findings.extend(loose_matches(rule, &aliases));
    }
    findings
}

struct Call<'c> {
    term: &'c Term,
    name: &'c str,
    args: &'c [Term],
    aliases: &'c Aliases,
}

impl Call<'_> {
    fn finding(&self, code: &'static str, message: String, help: impl Into<String>) -> Finding {
        Finding::new(code, self.term.loc, message, help)
    }

    /// `startswith("ghcr.io/", input.image.ref)`
    fn swapped(&self) -> Option<Finding> {
        let (constant, property) = match self.name {
            "startswith" | "endswith" => (0, 1),
            "regex.match" => (1, 0),
            _ => return None,
        };
        let text = self.args.get(constant)?.as_string()?;
        let path = self.aliases.path(self.args.get(property)?).filter(|path| !path.is_empty())?;
        let (name, whole) = (self.name, shown(&path));
        let (first, second) = if constant == 0 { (&whole, text) } else { (&format!("{text:?}"), &*whole) };
        let help = if constant == 0 {
            format!("write `{name}({first}, {second:?})`")
        } else {
            format!("write `{name}({first}, {second})`")
        };
        let what = if constant == 0 {
            "the text first and what it is searched for second"
        } else {
            "the pattern first"
        };
        Some(self.finding("swapped-arguments", format!("`{name}` takes {what}"), help))
    }

    /// `startswith(input.image.repo, "library/")`
    fn impossible_prefix(&self) -> Option<Finding> {
        let ("startswith", [property, prefix]) = (self.name, self.args) else { return None };
        let (path, prefix) = (self.aliases.path(property)?, prefix.as_string()?);
        let (why, help) = formats::impossible_prefix(&names(within(&path)), prefix)?;
        Some(self.finding(
            "never-true",
            format!("`{}` never begins with {prefix:?}: {why}", shown(&path)),
            help,
        ))
    }

    /// Constants that the function has an error for, whatever the rest is.
    fn bad_constant(&self) -> Option<Finding> {
        if let Some((_, at)) = PATTERNS.iter().find(|(name, _)| *name == self.name) {
            let pattern = self.args.get(*at)?.as_string()?;
            let error = call("regex.match", &[Value::from(pattern), Value::from("")])?;
            let message = format!(
                "{pattern:?} is no regular expression: {}",
                error.trim_start_matches("regex.match: ")
            );
            return Some(self.finding(
                "bad-argument",
                message,
                "correct it; `regex.match` takes Go's syntax (RE2)",
            ));
        }
        if self.name == "semver.compare" {
            let text = self.args.iter().find_map(|arg| arg.as_string().filter(|text| !is_version(text)))?;
            let help = match text.strip_prefix(['v', 'V']) {
                Some(rest) => {
                    format!("write {rest:?}, and `trim_prefix(…, \"v\")` where the other has the `v`")
                }
                None => "a semantic version has three numbers: \"1.2.0\"".to_owned(),
            };
            let message = format!("{text:?} is no semantic version: `semver.compare` is undefined");
            return Some(self.finding("bad-argument", message, help));
        }
        let builtin = builtins::lookup(self.name).filter(|builtin| builtin.kind == Kind::Pure)?;
        let constant = |term: &Term| match &term.node {
            Node::Scalar(value) => Some(value.clone()),
            _ => None,
        };
        let args: Option<Vec<Value>> = self.args.iter().map(constant).collect();
        let args = args.filter(|args| !args.is_empty() && args.len() == builtin.arity)?;
        let error = call(self.name, &args)?;
        Some(self.finding(
            "bad-argument",
            format!("`{}` is undefined here: {error}", self.name),
            "correct its arguments",
        ))
    }

    /// `verify_git_signature(input.git, …)`
    fn wrong_part(&self) -> Option<Finding> {
        let (_, at, parts) = OWN.iter().find(|(name, ..)| *name == self.name)?;
        let path = self.aliases.path(self.args.get(*at)?)?;
        if parts.contains(&&*names(within(&path))) {
            return None;
        }
        let parts =
            parts.iter().map(|part| format!("`input.{}`", part.join("."))).collect::<Vec<_>>().join(" or ");
        let message = format!("`{}` takes {parts} here, and not `{}`", self.name, shown(&path));
        Some(self.finding("bad-argument", message, format!("write {parts}")))
    }

    /// As many verbs as arguments.
    fn sprintf(&self) -> Option<Finding> {
        let ("sprintf", [format, list]) = (self.name, self.args) else { return None };
        let (format, Node::Array(items)) = (format.as_string()?, &list.node) else { return None };
        let values: Vec<Value> = items.iter().map(|_| Value::from("")).collect();
        let text = (builtins::lookup("sprintf")?.call)(&[Value::from(format), Value::from(values)]).ok()?;
        let Value::String(text) = text else { return None };
        let problem = if text.contains("MISSING)") {
            "has more verbs than arguments"
        } else if text.contains("%!(EXTRA") {
            "has more arguments than verbs"
        } else {
            return None;
        };
        let message = format!("the format {format:?} of `sprintf` {problem}");
        Some(self.finding(
            "bad-argument",
            message,
            "the text says so in the middle; give one argument for each verb",
        ))
    }
}

/// The error that a function has for these arguments.
fn call(name: &str, args: &[Value]) -> Option<String> {
    match (builtins::lookup(name)?.call)(args) {
        Err(BuiltinError::Failed(message)) => Some(message),
        _ => None,
    }
}

fn is_version(text: &str) -> bool {
    builtins::lookup("semver.is_valid")
        .is_some_and(|builtin| (builtin.call)(&[Value::from(text)]) == Ok(Value::from(true)))
}

/// Prefixes, suffixes and patterns that other names than the meant ones fit, where that allows something.
fn loose_matches(rule: &Rule, aliases: &Aliases) -> Vec<Finding> {
    let mut findings = Vec::new();
    if is_denial(rule) {
        return findings;
    }
    each_literal(rule, &mut |literal| {
        let LiteralKind::Expr(term) = &literal.kind else { return };
        let Node::Call(path, args) = &term.node else { return };
        let name = path.iter().map(|part| &**part).collect::<Vec<_>>().join(".");
        let (("startswith" | "endswith", [property, text]) | ("regex.match", [text, property])) =
            (&*name, args.as_slice())
        else {
            return;
        };
        let (Some(path), Some(text)) = (aliases.path(property), text.as_string()) else { return };
        if !IDENTITIES.contains(&&*names(within(&path))) {
            return;
        }
        let whole = shown(&path);
        if let Some((message, help)) = looseness(&name, &whole, text) {
            findings.push(Finding::new("loose-match", term.loc, message, help));
        }
    });
    findings
}

/// Whether a prefix ends within the name of a host, an owner or a repository, and not behind it.
fn ends_in_a_name(whole: &str, text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let segments: Vec<&str> = rest.split('/').collect();
    let last = segments.last().copied().unwrap_or_default();
    if !last.ends_with(|c: char| c.is_ascii_alphanumeric()) || last.contains(['@', '#', '?']) {
        return false;
    }
    if whole.ends_with("http.url") {
        // Where files of one host are everybody's, the owner and the repository say whose they are.
        let is_forge =
            matches!(segments.first(), Some(&("github.com" | "gitlab.com" | "raw.githubusercontent.com")));
        return !scheme.is_empty() && (segments.len() == 1 || is_forge && segments.len() <= 3);
    }
    // What stands behind the colon is a tag, or a port.
    !last.contains(':') && !text.starts_with("docker.io/library/")
}

fn looseness(name: &str, whole: &str, text: &str) -> Option<(String, String)> {
    match name {
        "startswith" if ends_in_a_name(whole, text) => Some((
            format!("{text:?} is the beginning of other names as well: `{text}-other`, or `{text}.other`"),
            if whole.ends_with("host") {
                format!("compare the whole: `{whole} == {text:?}`")
            } else {
                format!("end it: {:?}", format!("{text}/"))
            },
        )),
        "endswith"
            if text.contains('.')
                && text.starts_with(|c: char| c.is_alphanumeric())
                && whole.ends_with("host") =>
        {
            Some((
                format!("{text:?} is the end of other hosts as well: `other{text}`"),
                format!("write `{whole} == {text:?}`, and {:?} for those below", format!(".{text}")),
            ))
        }
        "regex.match"
            if !text.trim_start_matches("(?i)").starts_with(['^', '(']) && !text.starts_with("\\A") =>
        {
            Some((
                format!("{text:?} is found anywhere in `{whole}`, in the middle as well"),
                format!("begin it with `^`: {:?}", format!("^{text}")),
            ))
        }
        _ => None,
    }
}
