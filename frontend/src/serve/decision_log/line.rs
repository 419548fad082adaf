//! One line of the log. Fields are only ever added.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};
use policy_engine::source::SourceOp;
use policy_engine::verify::Failure;
use serde::Serialize;
use serde_json::Value;

use super::writer::Entry;
use crate::redact;
use crate::report::json::{Place, Said, redacted};

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    build: &'a str,
    client: &'a str,
    source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    policies: Vec<Policy<'a>>,
    decision: &'static str,
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Source<'a>>,
    milliseconds: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prints: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verification: Vec<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<Value>,
}

#[derive(Serialize)]
struct Source<'a> {
    identifier: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attrs: BTreeMap<&'a str, String>,
}

#[derive(Serialize)]
struct Policy<'a> {
    name: &'a str,
    digest: &'a str,
}

/// The line, its newline included.
pub(super) fn render(entry: &Entry) -> serde_json::Result<Vec<u8>> {
    let (build, record) = (&entry.build, &entry.record);
    let line = Line {
        time: rfc3339(entry.time),
        build: &build.reference,
        client: &build.client,
        source: source(&record.source),
        platform: record.platform.as_ref().map(ToString::to_string),
        digest: record.digest.as_deref(),
        policies: record.policies.iter().map(|p| Policy { name: &p.name, digest: &p.digest }).collect(),
        decision: record.verdict.as_str(),
        messages: record.messages.iter().map(|message| redact::url(message)).collect(),
        position: record.position.as_ref().map(Place::from),
        pin: record.pin.as_ref().map(source),
        // Whole microseconds are whole thousandths, and print as such.
        milliseconds: (record.elapsed.as_secs_f64() * 1e6).round() / 1e3,
        prints: record.prints.iter().map(Said::from).collect(),
        verification: record.failures.iter().map(redacted).collect(),
        replay: record.case.clone().map(redacted_case),
    };
    let mut bytes = serde_json::to_vec(&line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn source(source: &SourceOp) -> Source<'_> {
    Source {
        identifier: redact::source(source),
        attrs: source.attrs.iter().map(|(name, value)| (name.as_str(), redact::url(value))).collect(),
    }
}

/// `2026-01-31T12:00:00.000001Z`; times that no clock shows become the epoch.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    DateTime::from_timestamp(seconds, since.subsec_nanos())
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The recording without credentials. The policy's files stay as they are: a policy with its patterns
/// rewritten would decide otherwise.
fn redacted_case(mut recording: Value) -> Value {
    let files = recording.pointer_mut("/case/files").map(Value::take);
    redact_all(&mut recording);
    if let (Some(files), Some(place)) = (files, recording.pointer_mut("/case/files")) {
        *place = files;
    }
    recording
}

fn redact_all(value: &mut Value) {
    match value {
        Value::String(text) => {
            if text.contains("://") {
                *text = redact::url(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact_all),
        Value::Object(fields) => {
            // Names may be URLs as well, as those of materials are.
            if fields.keys().any(|name| name.contains("://")) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(name, value)| (redact::url(&name), value))
                    .collect();
            }
            fields.values_mut().for_each(redact_all);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_have_microseconds() {
        let time = UNIX_EPOCH + Duration::new(1_769_860_800, 1_999);
        assert_eq!(rfc3339(time), "2026-01-31T12:00:00.000001Z");
        assert_eq!(rfc3339(UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn cases_keep_their_policy_and_lose_their_credentials() {
        let policy = "package docker\ndecision := {\"allow\": input.http.url == \"https://u:p@h/\"}";
        let recorded = serde_json::json!({
            "case": {"identifier": "https://u:p@h/", "files": {"p.rego": policy}},
            "steps": [{"https://u:p@h/a": ["git://https://token@h/r.git", 1, null]}],
        });
        let redacted = serde_json::json!({
            "case": {"identifier": "https://***@h/", "files": {"p.rego": policy}},
            "steps": [{"https://***@h/a": ["git://https://***@h/r.git", 1, null]}],
        });
        assert_eq!(redacted_case(recorded), redacted);
    }
}
