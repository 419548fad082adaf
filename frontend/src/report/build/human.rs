//! For people: a line per source, then what is wrong with whom, as compilers show it, then how many there are.

use super::excerpt::{self, Excerpt};
use super::{Build, BuildReport, CheckedSource, Place, PolicyPosition, Summary, why};
use crate::report::Conclusion;
use crate::report::human::{Detail, FAINT, NOT_VERIFIED, line, look, verdict};

/// The report, as lines.
pub fn render(report: &BuildReport, detail: Detail) -> String {
    let mut out = String::new();
    let several = report.builds.len() > 1;
    for build in &report.builds {
        if several && !detail.quiet {
            heading(&mut out, build);
        }
        for source in build.sources.iter().filter(|_| !detail.quiet) {
            headline(&mut out, source, detail);
        }
    }
    for build in &report.builds {
        let bad = |source: &&CheckedSource| !allowed(source);
        for source in build.sources.iter().filter(bad) {
            if !out.is_empty() {
                out.push('\n');
            }
            complaint(&mut out, build, source, several);
            if detail.explain {
                why::write(&mut out, source);
            }
        }
    }
    if !detail.quiet {
        if report.verdict != Conclusion::Allowed && !out.is_empty() {
            out.push('\n');
        }
        summary(&mut out, report);
    }
    out
}

/// What is wrong with the Dockerfile of a build that could not be looked at, as an excerpt; empty when it is something
/// else.
pub fn error_excerpt(build: &Build) -> String {
    let mut out = String::new();
    if let Some(place) = build.error.as_ref().and_then(|error| error.place.as_ref()) {
        let (style, _) = look(Conclusion::Denied);
        excerpt::write(&mut out, &[of_dockerfile(build, place)], style);
    }
    out
}

fn heading(out: &mut String, build: &Build) {
    let name = build.name.as_deref().unwrap_or("build");
    let dockerfile = build.dockerfile.as_ref().map(|dockerfile| format!(" {}", dockerfile.name));
    match &build.error {
        None => line(out, format_args!("{name}{FAINT}{}{FAINT:#}", dockerfile.unwrap_or_default())),
        Some(error) => {
            let (style, _) = look(Conclusion::Undecided);
            line(out, format_args!("{name} {style}not examined{style:#} {}", error.message));
        }
    }
}

fn headline(out: &mut String, source: &CheckedSource, detail: Detail) {
    let place = source.places.first().map(|place| format!(" {}:{}", place.file, place.line));
    let place = place.unwrap_or_default();
    let verdict = verdict(source.verdict, detail);
    line(out, format_args!("{verdict} {}{FAINT}{}{place}{FAINT:#}", source.source, platform(source)));
    if let Some(pin) = &source.pin {
        line(out, format_args!("  {FAINT}pinned to{FAINT:#} {}", pin.identifier));
    }
    if let Some(position) = source.position.as_ref().filter(|_| detail.explain && allowed(source)) {
        line(out, format_args!("  {FAINT}decided at{FAINT:#} {position}"));
    }
}

fn allowed(source: &CheckedSource) -> bool {
    source.verdict == Conclusion::Allowed
}

/// ` (linux/amd64)`, where there is a platform.
fn platform(source: &CheckedSource) -> String {
    source.platform.as_ref().map(|platform| format!(" ({platform})")).unwrap_or_default()
}

/// What is wrong with a source, where the build takes it from, and which rule says so.
fn complaint(out: &mut String, build: &Build, source: &CheckedSource, several: bool) {
    let (style, _) = look(source.verdict);
    let word = source.verdict.word();
    let of = build.name.as_ref().filter(|_| several).map(|name| format!("{name}: ")).unwrap_or_default();
    let code = source.error.as_ref().map(|error| format!("[{}]", error.code)).unwrap_or_default();
    line(out, format_args!("{style}{word}{code}{style:#}: {of}{}{}", source.source, platform(source)));
    for message in &source.messages {
        indented(out, "- ", message);
    }
    if let Some(error) = &source.error {
        indented(out, "", &error.message);
    }
    let excerpts = source.places.iter().map(|place| of_dockerfile(build, place));
    let excerpts: Vec<_> = excerpts.chain(source.position.as_ref().map(of_policy)).collect();
    excerpt::write(out, &excerpts, style);
    if let Some(pin) = &source.pin {
        line(out, format_args!("  {FAINT}pinned to{FAINT:#} {}", pin.identifier));
    }
    for failure in &source.verification {
        line(out, format_args!("  {FAINT}{NOT_VERIFIED}{FAINT:#} {failure}"));
    }
    if let Some(help) = source.error.as_ref().and_then(|error| error.help.as_ref()) {
        line(out, format_args!("  {FAINT}help:{FAINT:#} {help}"));
    }
}

fn of_dockerfile<'a>(build: &'a Build, place: &Place) -> Excerpt<'a> {
    let lines: Vec<_> = build.excerpt(place).collect();
    let column =
        lines.first().map_or(1, |(_, text)| 1 + text.chars().take_while(|c| c.is_whitespace()).count());
    Excerpt { place: format!("{}:{}", place.file, place.line), lines, column }
}

fn of_policy(position: &PolicyPosition) -> Excerpt<'_> {
    let PolicyPosition { file, line, column, text } = position;
    Excerpt {
        place: format!("{file}:{line}:{column}"),
        lines: text.iter().map(|text| (*line, text.as_str())).collect(),
        column: usize::try_from(*column).unwrap_or(1),
    }
}

fn indented(out: &mut String, mark: &str, text: &str) {
    for (number, part) in text.lines().enumerate() {
        let mark = if number == 0 { mark } else { &"  "[..mark.len()] };
        line(out, format_args!("  {mark}{part}"));
    }
}

fn summary(out: &mut String, report: &BuildReport) {
    let Summary { sources, allowed, denied, undecided } = report.summary;
    let counted =
        [(allowed, Conclusion::Allowed), (denied, Conclusion::Denied), (undecided, Conclusion::Undecided)];
    let counted: Vec<_> = counted
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, conclusion)| {
            let (style, _) = look(conclusion);
            format!("{style}{count} {}{style:#}", conclusion.word())
        })
        .collect();
    let sources = format!("{sources} source{}", if sources == 1 { "" } else { "s" });
    let builds = match report.builds.len() {
        0 | 1 => String::new(),
        builds => format!(" of {builds} builds"),
    };
    let colon = if counted.is_empty() { "" } else { ": " };
    let unjudged = report.builds.iter().filter(|build| build.is_without_policy()).count();
    let unjudged = match (unjudged, report.builds.len()) {
        (0, _) => String::new(),
        (some, all) if some == all => " (no policy applies)".to_owned(),
        (some, _) => format!(" (no policy applies to {some})"),
    };
    line(out, format_args!("{sources}{builds}{colon}{}{unjudged}", counted.join(", ")));
}
