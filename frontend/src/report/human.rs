//! For people: a line with the verdict, then why. Colours are always written; whoever prints strips them
//! where they don't belong.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use policy_engine::source::SourceOp;

use super::explanation::{Event, Lookup, Read, Round};
use super::{Conclusion, Report, error_help};
use crate::redact;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
/// Before a signature that is there and doesn't count.
pub(crate) const NOT_VERIFIED: &str = "not verified:";

/// What a reader wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    /// Symbols in front of words.
    pub symbols: bool,
    /// What happened on the way.
    pub explain: bool,
    /// Only what went wrong.
    pub quiet: bool,
}

/// The report, as lines.
pub fn render(report: &Report<'_>, detail: Detail) -> String {
    let mut out = String::new();
    headline(&mut out, report, detail);
    match report.result {
        Ok(verdict) => {
            for message in &verdict.decision.messages {
                indented(&mut out, "- ", &redact::url(message));
            }
            if let Some(pin) = &verdict.pin {
                field(&mut out, "pinned to", &redact::source(pin));
            }
            for (name, value) in &verdict.decision.caps {
                field(&mut out, "capability", &format!("{name}={value}"));
            }
            if let Some(position) = &verdict.decision.position {
                field(&mut out, "decided at", &position.to_string());
            }
            if detail.explain || !verdict.allowed() {
                for failure in &verdict.decision.failures {
                    field(&mut out, NOT_VERIFIED, &redact::url(&failure.to_string()));
                }
            }
        }
        Err(error) => {
            indented(&mut out, "", &redact::url(&error.to_string()));
            if let Some(help) = error_help(error) {
                field(&mut out, "help:", help);
            }
        }
    }
    if detail.explain {
        rounds(&mut out, report.rounds);
    }
    out
}

fn headline(out: &mut String, report: &Report<'_>, detail: Detail) {
    let conclusion = report.conclusion();
    let (verdict, shown) = (verdict(conclusion, detail), printable(&redact::source(report.source)));
    line(out, format_args!("{verdict} {shown}"));
    if let Some(platform) = report.platform.filter(|_| is_image(report.source)) {
        out.pop();
        line(out, format_args!(" {FAINT}({platform}){FAINT:#}"));
    }
    if report.disabled {
        field(out, "no policy:", "switched off by `--policy disabled=true`");
    }
}

/// The word for a conclusion, in its colour, with its symbol where symbols are wanted.
pub(super) fn verdict(conclusion: Conclusion, detail: Detail) -> String {
    let (style, symbol) = look(conclusion);
    let symbol = if detail.symbols { symbol } else { "" };
    format!("{style}{symbol}{}{style:#}", conclusion.word())
}

/// Colour and symbol of a conclusion.
pub(super) fn look(conclusion: Conclusion) -> (Style, &'static str) {
    match conclusion {
        Conclusion::Allowed => (GOOD, "✓ "),
        Conclusion::Denied => (BAD, "✗ "),
        Conclusion::Undecided => (UNSURE, "? "),
    }
}

fn rounds(out: &mut String, rounds: &[Round]) {
    for (number, Round { events, omitted, lookups }) in (1..).zip(rounds) {
        line(out, format_args!("  round {number}"));
        for event in events {
            happened(out, event);
        }
        if *omitted > 0 {
            step(out, "", &format!("… and {omitted} more"));
        }
        for Lookup { source, wanted, .. } in lookups {
            step(out, "looked up", &format!("{source} ({})", wanted.join(", ")));
        }
    }
}

pub(crate) fn happened(out: &mut String, event: &Event) {
    match event {
        Event::Held { rule, position, .. } => step(out, "held", &format!("{rule} at {position}")),
        Event::Failed { rule, position, because, .. } if because == position => {
            step(out, "failed", &format!("{rule} at {position}"));
        }
        Event::Failed { rule, position, because, statement, tries, read, .. } => {
            step(out, "failed", &format!("{rule} at {position}, because of {because}"));
            let tries = if *tries > 1 { format!("  ({tries} tries; the last:)") } else { String::new() };
            step(out, "", &format!("{statement}{tries}"));
            for read in read {
                step(out, "", &format!("  {}", is_what(read)));
            }
        }
        Event::Open { rule, position } => step(out, "open", &format!("{rule} at {position}")),
        Event::Asked { properties, position } => {
            step(out, "asked for", &format!("{} at {position}", properties.join(", ")));
        }
        Event::Undefined { message, position } => {
            step(out, "undefined", &format!("at {position}: {message}"));
        }
    }
}

/// `input.image.host is "docker.io"`
fn is_what(Read { property, value, missing }: &Read) -> String {
    match (value, missing) {
        (Some(value), _) => format!("{property} is {value}"),
        (None, Some(missing)) => format!("{property} is absent: there is no {missing}"),
        (None, None) if property.contains(['.', '[']) => format!("{property} is absent"),
        (None, None) => format!("{property} is undefined"),
    }
}

pub(crate) fn step(out: &mut String, name: &str, value: &str) {
    line(out, format_args!("    {FAINT}{name:<9}{FAINT:#} {}", printable(value)));
}

fn field(out: &mut String, name: &str, value: &str) {
    line(out, format_args!("  {FAINT}{name}{FAINT:#} {}", printable(value)));
}

fn indented(out: &mut String, mark: &str, text: &str) {
    for (number, part) in text.lines().enumerate() {
        let mark = if number == 0 { mark } else { &"  "[..mark.len()] };
        line(out, format_args!("  {mark}{}", printable(part)));
    }
}

pub(crate) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let written = writeln!(out, "{text}");
    debug_assert!(written.is_ok());
}

/// Policies quote labels and names that others wrote; none of it may steer the terminal, or show what stands there in
/// another order (Unicode's explicit directional formatting).
pub(crate) fn printable(text: &str) -> String {
    let is_shown = |c: char| match c {
        '\n' | '\t' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        c => !c.is_control(),
    };
    text.chars().map(|c| if is_shown(c) { c } else { '\u{fffd}' }).collect()
}

/// The name of a file, which is shown on one line.
pub(crate) fn printable_name(name: &str) -> String {
    printable(name).replace(['\n', '\t'], "\u{fffd}")
}

/// Whether the platform makes a difference.
fn is_image(source: &SourceOp) -> bool {
    ["docker-image://", "oci-layout://"].iter().any(|scheme| source.identifier.starts_with(scheme))
}
