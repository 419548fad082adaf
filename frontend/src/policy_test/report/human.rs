//! For people: buildx's lines, and below those of a test that failed why.

use std::fmt::Write;

use anstyle::Style;

use super::{Position, Report, SuiteReport, Summary, TestReport, Verdict};
use crate::report::build::excerpt::{self, Excerpt};
use crate::report::human::{BAD, Detail, FAINT, GOOD, UNSURE, happened, line, printable, printable_name};

/// Tests by suite, then the summary.
pub fn render(report: &Report, detail: Detail) -> String {
    let mut out = String::new();
    let loaded = || report.suites.iter().filter(|suite| suite.problems.is_empty());
    let several = report.suites.len() > 1;
    for suite in loaded() {
        let shown: Vec<_> =
            suite.tests.iter().filter(|test| !detail.quiet || test.verdict != Verdict::Passed).collect();
        if several && !shown.is_empty() {
            heading(&mut out, suite);
        }
        shown.into_iter().for_each(|test| one(&mut out, test, detail));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    summary(&mut out, report.summary);
    out
}

fn heading(out: &mut String, suite: &SuiteReport) {
    if !out.is_empty() {
        out.push('\n');
    }
    line(out, format_args!("{FAINT}{}{FAINT:#}", printable(&suite.name)));
}

fn one(out: &mut String, test: &TestReport, detail: Detail) {
    let (style, symbol, word) = look(test.verdict);
    let symbol = if detail.symbols { symbol } else { "" };
    let allow = test.decision.as_ref().and_then(|decision| decision.allow);
    let allow = allow.map_or("n/a".to_owned(), |allow| allow.to_string());
    let messages = test.decision.as_ref().map(|decision| decision.deny_msg.join("; ")).unwrap_or_default();
    let messages = if messages.is_empty() { messages } else { format!(", deny_msg={messages}") };
    let name = printable_name(&test.name);
    let told = printable(&format!("(allow={allow}{messages})"));
    line(out, format_args!("{style}{symbol}{style:#}{name}: {style}{word}{style:#} {told}"));
    if test.verdict != Verdict::Passed {
        why(out, test, style);
    }
    if detail.explain {
        test.events.iter().for_each(|event| happened(out, event));
    }
    if test.verdict != Verdict::Passed || detail.explain {
        test.prints.iter().for_each(|print| line(out, format_args!("print: {}", printable(print))));
    }
}

fn look(verdict: Verdict) -> (Style, &'static str, &'static str) {
    match verdict {
        Verdict::Passed => (GOOD, "✓ ", "PASS"),
        Verdict::Failed => (BAD, "✗ ", "FAIL"),
        Verdict::Error => (UNSURE, "! ", "ERROR"),
    }
}

fn why(out: &mut String, test: &TestReport, style: Style) {
    if let Some(message) = &test.message {
        let kind = if test.verdict == Verdict::Error { "error: " } else { "" };
        line(out, format_args!("{kind}{}", printable(message)));
    }
    let excerpts: Vec<_> = test.failed_at.iter().map(of_position).collect();
    excerpt::write(out, &excerpts, style);
    for hint in &test.hints {
        line(out, format_args!("help: {}", printable(hint)));
    }
    document(out, "input", test.input.as_ref());
    document(out, "decision", test.decision.as_ref());
    if !test.missing_input.is_empty() {
        let missing: Vec<_> = test.missing_input.iter().map(|name| format!("input.{name}")).collect();
        line(out, format_args!("missing_input: {}", missing.join(", ")));
    }
    if !test.metadata_resolve.is_empty() {
        line(out, format_args!("metadata_resolve: {}", test.metadata_resolve.join(", ")));
    }
}

fn document(out: &mut String, name: &str, document: Option<&impl serde::Serialize>) {
    let Some(document) = document else {
        line(out, format_args!("{name}: <nil>"));
        return;
    };
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    line(out, format_args!("{name}:\n{}", printable(&text)));
}

fn of_position(position: &Position) -> Excerpt<'_> {
    let Position { file, line, column, text } = position;
    Excerpt {
        place: printable(&format!("{file}:{line}:{column}")),
        lines: text.iter().map(|text| (*line, text.as_str())).collect(),
        column: usize::try_from(*column).unwrap_or(1),
    }
}

fn summary(out: &mut String, summary: Summary) {
    let noun = if summary.tests == 1 { "test" } else { "tests" };
    let counts = [
        (summary.passed, "passed", GOOD),
        (summary.failed, "failed", BAD),
        (summary.errors, if summary.errors == 1 { "error" } else { "errors" }, UNSURE),
        (summary.skipped, "skipped", UNSURE),
        (
            summary.not_loaded,
            if summary.not_loaded == 1 { "policy not loaded" } else { "policies not loaded" },
            BAD,
        ),
    ];
    let mut counted = String::new();
    for (count, word, style) in counts.into_iter().filter(|(count, ..)| *count > 0) {
        let comma = if counted.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(counted, "{comma}{style}{count} {word}{style:#}");
    }
    line(out, format_args!("{} {noun}: {counted}", summary.tests));
}
