//! For programs: version 1. Fields are only ever added; whatever else changes gets a new version.

use std::collections::BTreeMap;

use policy_engine::check::{Position, Print};
use policy_engine::verify::Failure as Unverified;
use serde::Serialize;

use super::explanation::Round;
use super::{Report, error_code, error_help, error_position};
use crate::redact;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    verdict: &'static str,
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Pin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<Place<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    caps: BTreeMap<&'a str, bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prints: Option<Vec<Said<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verification: Vec<Unverified>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rounds: Option<&'a [Round]>,
}

#[derive(Serialize)]
struct Pin<'a> {
    identifier: String,
    attrs: &'a BTreeMap<String, String>,
}

/// A place in a policy.
#[derive(Serialize)]
pub(crate) struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Failure {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'static str>,
}

/// What a policy printed.
#[derive(Serialize)]
pub(crate) struct Said<'a> {
    position: Place<'a>,
    text: String,
}

impl<'a> From<&'a Position> for Place<'a> {
    fn from(position: &'a Position) -> Self {
        Self { file: &position.file, line: position.line, column: position.column }
    }
}

impl<'a> From<&'a Print> for Said<'a> {
    fn from(print: &'a Print) -> Self {
        Self { position: (&print.position).into(), text: redact::url(&print.text) }
    }
}

/// The report as one JSON document, ending in a newline.
pub fn render(report: &Report<'_>, explain: bool) -> serde_json::Result<String> {
    let decision = report.result.ok().map(|verdict| &verdict.decision);
    let error = report.result.err();
    let document = Document {
        version: 1,
        source: redact::source(report.source),
        platform: report.platform.map(ToString::to_string),
        verdict: report.conclusion().word(),
        messages: decision.iter().flat_map(|decision| &decision.messages).map(|m| redact::url(m)).collect(),
        pin: report
            .result
            .ok()
            .and_then(|verdict| verdict.pin.as_ref())
            .map(|pin| Pin { identifier: redact::source(pin), attrs: &pin.attrs }),
        position: decision
            .and_then(|decision| decision.position.as_ref())
            .or_else(|| error.and_then(error_position))
            .map(Place::from),
        caps: decision
            .iter()
            .flat_map(|decision| &decision.caps)
            .map(|(name, value)| (name.as_str(), *value))
            .collect(),
        error: error.map(|error| Failure {
            code: error_code(error),
            message: redact::url(&error.to_string()),
            help: error_help(error),
        }),
        prints: decision.filter(|decision| explain && !decision.prints.is_empty()).map(|decision| {
            let prints = decision.prints.iter();
            prints.map(Said::from).collect()
        }),
        verification: decision.iter().flat_map(|decision| &decision.failures).map(redacted).collect(),
        rounds: explain.then_some(report.rounds),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// A signature that doesn't count, without credentials.
pub(crate) fn redacted(failure: &Unverified) -> Unverified {
    Unverified { message: redact::url(&failure.message), ..failure.clone() }
}
