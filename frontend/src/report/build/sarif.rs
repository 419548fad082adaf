//! For code scanning: SARIF 2.1.0. A result for each source that may not be used, at its places in the Dockerfile.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::finding::Finding;
use super::location::uri;
use super::{Build, BuildReport, Place, PolicyPosition};
use crate::report::Conclusion;

pub(crate) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The folder that relative paths start from: the checkout.
pub(crate) const ROOT: &str = "%SRCROOT%";

/// The report as one SARIF log, ending in a newline.
pub fn render(report: &BuildReport) -> serde_json::Result<String> {
    let mut rules = Rules::default();
    let mut artifacts = Artifacts::default();
    let results: Vec<_> =
        report.findings().map(|finding| result(&finding, &mut rules, &mut artifacts)).collect();
    let complete = report
        .findings()
        .all(|finding| finding.source.is_some_and(|source| source.verdict != Conclusion::Undecided));
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "policy-check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.0,
            }},
            "invocations": [{"executionSuccessful": complete}],
            "originalUriBaseIds": {ROOT: {"description": {"text": "The working directory of policy-check"}}},
            "columnKind": "unicodeCodePoints",
            "artifacts": artifacts.0,
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

fn result(finding: &Finding<'_>, rules: &mut Rules, artifacts: &mut Artifacts) -> Value {
    let Finding { build, source, rule } = finding;
    let places = finding.places();
    let mut locations: Vec<_> = places.iter().map(|place| in_dockerfile(build, place, artifacts)).collect();
    if locations.is_empty()
        && let Some(path) = build.dockerfile.as_ref().and_then(|dockerfile| dockerfile.path.as_ref())
    {
        locations.push(json!({"physicalLocation": {"artifactLocation": artifacts.locate(path)}}));
    }
    let text = std::iter::once(finding.title()).chain(finding.reasons()).collect::<Vec<_>>();
    let mut result = Map::new();
    result.insert("ruleId".into(), json!(rule));
    result.insert("ruleIndex".into(), json!(rules.index(rule)));
    result.insert("level".into(), json!("error"));
    result.insert("message".into(), json!({"text": text.join("\n")}));
    result.insert("locations".into(), json!(locations));
    if let Some(position) = source.and_then(|source| source.position.as_ref()) {
        result.insert("relatedLocations".into(), json!([in_policy(position, artifacts)]));
    }
    result.insert("partialFingerprints".into(), json!({"policyCheckSource/v1": fingerprint(finding)}));
    Value::Object(result)
}

fn in_dockerfile(build: &Build, place: &Place, artifacts: &mut Artifacts) -> Value {
    let lines: Vec<_> = build.excerpt(place).map(|(_, text)| text).collect();
    let mut region = json!({"startLine": place.line, "endLine": place.end_line});
    if !lines.is_empty() {
        region["snippet"] = json!({"text": lines.join("\n")});
    }
    let artifact = artifacts.locate(build.path_of(place));
    json!({"physicalLocation": {"artifactLocation": artifact, "region": region}})
}

fn in_policy(position: &PolicyPosition, artifacts: &mut Artifacts) -> Value {
    let mut region = json!({"startLine": position.line, "startColumn": position.column});
    if let Some(text) = &position.text {
        region["snippet"] = json!({"text": text});
    }
    json!({
        "id": 1,
        "message": {"text": "decided here"},
        "physicalLocation": {"artifactLocation": artifacts.locate(&position.file), "region": region},
    })
}

/// The same source of the same build, refused by the same rule, is the same finding wherever it stands in the
/// Dockerfile.
fn fingerprint(finding: &Finding<'_>) -> String {
    let build = finding.build;
    let dockerfile = build.dockerfile.as_ref().map(|dockerfile| dockerfile.name.as_str());
    let source = finding.source.map(super::CheckedSource::title);
    let parts = [build.name.as_deref(), dockerfile, source.as_deref(), Some(finding.rule.as_str())];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.unwrap_or_default());
        hash.update([0]);
    }
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

/// Kinds of results, each once, in the order in which they come up.
#[derive(Default)]
struct Rules(Vec<Value>);

impl Rules {
    fn index(&mut self, id: &str) -> usize {
        if let Some(index) = self.0.iter().position(|rule| rule["id"] == id) {
            return index;
        }
        let text = match id.split_once('/') {
            Some(("denied", policy)) => format!("A policy that starts in {policy} must allow every source"),
            Some((_, code)) => format!("Every source must be decided, and this one could not be: {code}"),
            None => "Policies must allow every source".to_owned(),
        };
        self.0.push(json!({
            "id": id,
            "shortDescription": {"text": text},
            "defaultConfiguration": {"level": "error"},
        }));
        self.0.len() - 1
    }
}

/// Files, each once, in the order in which they come up.
#[derive(Default)]
struct Artifacts(Vec<Value>);

impl Artifacts {
    fn locate(&mut self, path: &str) -> Value {
        let mut location = json!({"uri": uri(path)});
        if !path.starts_with('/') {
            location["uriBaseId"] = json!(ROOT);
        }
        let known = self.0.iter().position(|artifact| artifact["location"] == location);
        let index = known.unwrap_or_else(|| {
            self.0.push(json!({"location": location}));
            self.0.len() - 1
        });
        location["index"] = json!(index);
        location
    }
}
