//! For GitHub Actions: workflow commands, which it shows as annotations on the Dockerfile.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::fmt::Write;

use super::finding::Finding;
use super::{Build, BuildReport};

/// An `::error` for each finding, a `::warning` for each build that no policy judges.
pub fn render(report: &BuildReport) -> String {
    let mut out = String::new();
    for build in report.builds.iter().filter(|build| build.is_without_policy()) {
        let properties = match file(build) {
            Some(file) => format!("file={},", property(file)),
            None => String::new(),
        };
        let text =
            message(&format!("no policy applies to {}, so all its sources are allowed", build.title()));
        line(&mut out, format_args!("::warning {properties}title=no policy::{text}"));
    }
    for finding in report.findings() {
        error(&mut out, &finding);
    }
    out
}

fn error(out: &mut String, finding: &Finding<'_>) {
    let Finding { build, source, .. } = finding;
    let places = finding.places();
    let mut properties = Vec::new();
    match places.first() {
        Some(place) => {
            properties.push(format!("file={}", property(build.path_of(place))));
            properties.push(format!("line={},endLine={}", place.line, place.end_line));
        }
        None => properties.extend(file(build).map(|file| format!("file={}", property(file)))),
    }
    properties.push(format!("title={}", property(&finding.title())));
    let mut text = finding.reasons();
    if text.is_empty() {
        text.push("denied without a message".to_owned());
    }
    // GitHub shows ten errors of a step: a place each would leave no room for other sources.
    text.extend(places.iter().skip(1).map(|place| format!("also at {}:{}", place.file, place.line)));
    if let Some(position) = source.and_then(|source| source.position.as_ref()) {
        text.push(format!("decided at {}:{}:{}", position.file, position.line, position.column));
    }
    line(out, format_args!("::error {}::{}", properties.join(","), message(&text.join("\n"))));
}

/// The build's Dockerfile, if it is a file of the checkout.
fn file(build: &Build) -> Option<&str> {
    build.dockerfile.as_ref()?.path.as_deref()
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = writeln!(out, "{text}");
}

/// A message goes to the end of the line.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at a comma or a colon.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
