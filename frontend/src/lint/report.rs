//! What was found: for people, programs, code scanning and GitHub Actions.

use policy_engine::policy::Diagnostic;
use policy_engine::policy::lint::CODES;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Found, Lint};
use crate::report::build::excerpt::{self, Excerpt};
use crate::report::build::github::{message, property};
use crate::report::build::location::uri;
use crate::report::build::sarif;
use crate::report::human::{BAD, FAINT, UNSURE, line, printable, printable_name};

/// A finding in a report.
#[derive(Serialize)]
struct Entry<'a> {
    code: &'a str,
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

impl<'a> From<&'a Diagnostic> for Entry<'a> {
    fn from(diagnostic: &'a Diagnostic) -> Self {
        let Diagnostic { code, position, message, help } = diagnostic;
        Self {
            code,
            file: &position.file,
            line: position.line,
            column: position.column,
            message,
            help: help.as_deref(),
        }
    }
}

/// An excerpt each, then how many there are.
pub fn human(lint: &Lint, quiet: bool) -> String {
    let mut out = String::new();
    for found in &lint.findings {
        let Found { diagnostic, line: text } = found;
        let Diagnostic { code, position, message, help } = diagnostic;
        line(&mut out, format_args!("{UNSURE}warning[{code}]{UNSURE:#}: {}", printable(message)));
        let shown = printable(text);
        let excerpt = Excerpt {
            place: printable_name(&position.to_string()),
            lines: vec![(position.line, shown.as_str())],
            column: position.column as usize,
        };
        excerpt::write(&mut out, &[excerpt], UNSURE);
        if let Some(help) = help {
            line(&mut out, format_args!("  {FAINT}help:{FAINT:#} {}", printable(help)));
        }
        out.push('\n');
    }
    if !quiet {
        let broken = match lint.broken.len() {
            0 => String::new(),
            n => format!(", {BAD}{}{BAD:#}", counted(n, "policy doesn't load", "policies don't load")),
        };
        let files = counted(lint.files, "file", "files");
        let findings = counted(lint.findings.len(), "finding", "findings");
        line(&mut out, format_args!("{files}: {findings}{broken}"));
    }
    out
}

fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The report for programs, version 1.
pub fn json(lint: &Lint) -> serde_json::Result<String> {
    let findings: Vec<_> = lint.findings.iter().map(|found| Entry::from(&found.diagnostic)).collect();
    let errors: Vec<_> = lint.broken.iter().flat_map(|error| &error.problems).map(Entry::from).collect();
    let report = json!({
        "version": 1,
        "summary": {"files": lint.files, "findings": findings.len(), "not_loaded": lint.broken.len()},
        "findings": findings,
        "errors": errors,
    });
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

/// SARIF 2.1.0: a result for each finding, a rule for each code that there is, and for what else comes up.
pub fn sarif(lint: &Lint) -> serde_json::Result<String> {
    let mut rules: Vec<Value> = CODES
        .iter()
        .map(|code| {
            json!({
                "id": code.code,
                "shortDescription": {"text": sentence_case(code.finds)},
                "fullDescription": {"text": sentence_case(code.finds)},
                "help": {"text": format!("{}. Why: {}.", sentence_case(code.finds), code.why)},
                "defaultConfiguration": {"level": "warning"},
            })
        })
        .collect();
    let mut results = Vec::new();
    for Found { diagnostic, line } in &lint.findings {
        results.push(result(diagnostic, "warning", Some(line), index(&mut rules, diagnostic.code)));
    }
    for problem in lint.broken.iter().flat_map(|error| &error.problems) {
        results.push(result(problem, "error", None, index(&mut rules, problem.code)));
    }
    let log = json!({
        "$schema": sarif::SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "policy-check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "invocations": [{"executionSuccessful": lint.broken.is_empty()}],
            "originalUriBaseIds": {sarif::ROOT: {"description": {"text": "The working directory of policy-check"}}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

/// Where a code stands among the rules; what keeps a policy from being loaded is added.
fn index(rules: &mut Vec<Value>, code: &str) -> usize {
    if let Some(index) = rules.iter().position(|rule| rule["id"] == code) {
        return index;
    }
    rules.push(json!({
        "id": code,
        "shortDescription": {"text": "The policy doesn't load"},
        "defaultConfiguration": {"level": "error"},
    }));
    rules.len() - 1
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Of the same code on a line that says the same in the same file, it is the same finding, wherever the line stands.
fn fingerprint(diagnostic: &Diagnostic, line: &str) -> String {
    let mut hash = Sha256::new();
    for part in [diagnostic.code, &diagnostic.position.file, line.trim(), &diagnostic.message] {
        hash.update(part);
        hash.update([0]);
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

fn result(diagnostic: &Diagnostic, level: &str, line: Option<&str>, rule_index: usize) -> Value {
    let Diagnostic { code, position, .. } = diagnostic;
    let mut artifact = json!({"uri": uri(&position.file)});
    if !position.file.starts_with('/') {
        artifact["uriBaseId"] = json!(sarif::ROOT);
    }
    let mut region = json!({"startLine": position.line, "startColumn": position.column});
    if let Some(line) = line {
        region["snippet"] = json!({"text": line});
    }
    json!({
        "ruleId": code,
        "ruleIndex": rule_index,
        "level": level,
        "partialFingerprints": {"policyCheckLint/v1": fingerprint(diagnostic, line.unwrap_or_default())},
        "message": {"text": sentence(diagnostic)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    })
}

/// Workflow commands of GitHub Actions.
pub fn github(lint: &Lint) -> String {
    let mut out = String::new();
    let warnings = lint.findings.iter().map(|found| ("warning", &found.diagnostic));
    let errors = lint.broken.iter().flat_map(|error| &error.problems).map(|problem| ("error", problem));
    for (level, diagnostic) in warnings.chain(errors) {
        let position = &diagnostic.position;
        let place =
            format!("file={},line={},col={}", property(&position.file), position.line, position.column);
        let text = message(&printable(&sentence(diagnostic)));
        line(&mut out, format_args!("::{level} {place},title={}::{text}", property(diagnostic.code)));
    }
    out
}

fn sentence(diagnostic: &Diagnostic) -> String {
    let help = diagnostic.help.as_ref().map(|help| format!("\n{help}"));
    format!("{}{}", diagnostic.message, help.unwrap_or_default())
}
