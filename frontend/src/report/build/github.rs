//! For GitHub Actions: workflow commands, which it shows as annotations on the Dockerfile.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::fmt::Write;

use super::finding::Finding;
use super::{Build, BuildReport, Summary};
use crate::report::human::printable;

/// Findings in a summary, which GitHub shows up to 1 MiB of.
const MAX_ROWS: usize = 200;

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

/// What is wrong as a table in Markdown, for the summary of a job (`$GITHUB_STEP_SUMMARY`).
pub fn summary(report: &BuildReport) -> String {
    let Summary { sources, allowed, denied, undecided } = report.summary;
    let mut out = format!(
        "### policy-check: {}\n\n{sources} sources: {allowed} allowed, {denied} denied, {undecided} undecided\n",
        report.verdict.word()
    );
    let mut findings = report.findings();
    for (number, finding) in findings.by_ref().take(MAX_ROWS).enumerate() {
        if number == 0 {
            out.push_str("\n| | where | why |\n|---|---|---|\n");
        }
        let place = finding.places().first().map(|place| format!("{}:{}", place.file, place.line));
        let place = place.unwrap_or_else(|| finding.build.title().to_owned());
        let reasons = finding.reasons().join("\n");
        line(
            &mut out,
            format_args!("| {} | {} | {} |", cell(&finding.title()), cell(&place), cell(&reasons)),
        );
    }
    let more = findings.count();
    if more > 0 {
        line(&mut out, format_args!("\n… and {more} more"));
    }
    out
}

/// Text that means nothing to Markdown or HTML.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => cell.push_str("<br>"),
            c if c.is_ascii_punctuation() && !"./:,- ".contains(c) => {
                // Writing to a string can't fail.
                let _ = write!(cell, "&#{};", u32::from(c));
            }
            c => cell.push(c),
        }
    }
    cell
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
pub(crate) fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at a comma or a colon. A path may hold anything.
pub(crate) fn property(text: &str) -> String {
    message(&printable(text)).replace(':', "%3A").replace(',', "%2C")
}
