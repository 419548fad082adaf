//! What of the policies their tests reached: for people, for programs, and as LCOV.

use std::fmt::Write;

use policy_engine::policy::suite::Coverage;
use schemars::JsonSchema;
use serde::Serialize;

use crate::report::human::{FAINT, line, printable};

/// What tests reached: version 1.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CoverageReport {
    /// 1.
    pub version: u32,
    /// Definitions of rules that held in some test. An `else` is a definition of its own.
    pub rules: Share,
    /// Lines with a rule that held or a statement that was tried.
    pub lines: Share,
    /// By file, sorted.
    pub files: Vec<FileReport>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Share {
    /// How many were reached.
    pub covered: usize,
    /// How many there are.
    pub total: usize,
}

/// What tests reached of a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FileReport {
    /// The file.
    pub file: String,
    /// Its definitions of rules.
    pub rules: Share,
    /// Its lines.
    pub lines: Share,
    /// Each definition.
    pub definitions: Vec<Definition>,
    /// Each line on which a rule or statement begins.
    pub hits: Vec<Line>,
}

/// A definition of a rule.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Definition {
    /// `data.docker.allow`
    pub rule: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// How many tests saw it hold.
    pub held: u64,
}

/// A line.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Line {
    /// From 1.
    pub line: u32,
    /// How many tests reached it.
    pub tests: u64,
}

impl Share {
    fn of(hits: impl Iterator<Item = u64>) -> Self {
        hits.fold(Self::default(), |share, hits| Self {
            covered: share.covered + usize::from(hits > 0),
            total: share.total + 1,
        })
    }

    /// Tenths of a per cent, rounded down; all of nothing is all.
    fn per_mille(self) -> usize {
        (self.covered * 1_000).checked_div(self.total).unwrap_or(1_000)
    }

    /// Whether at least so many per cent are covered.
    pub fn reaches(self, percent: u32) -> bool {
        self.covered * 100 >= self.total * usize::try_from(percent).unwrap_or(100)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per_mille = self.per_mille();
        write!(f, "{}.{} %", per_mille / 10, per_mille % 10)
    }
}

impl From<Coverage> for CoverageReport {
    fn from(coverage: Coverage) -> Self {
        let files: Vec<FileReport> = coverage
            .files
            .into_iter()
            .map(|(file, counted)| FileReport {
                file,
                rules: Share::of(counted.rules.values().map(|rule| rule.held)),
                lines: Share::of(counted.lines.values().copied()),
                definitions: counted
                    .rules
                    .into_iter()
                    .map(|((line, column), rule)| Definition {
                        rule: rule.name,
                        line,
                        column,
                        held: rule.held,
                    })
                    .collect(),
                hits: counted.lines.into_iter().map(|(line, tests)| Line { line, tests }).collect(),
            })
            .collect();
        let sum = |share: fn(&FileReport) -> Share| {
            files.iter().map(share).fold(Share::default(), |a, b| Share {
                covered: a.covered + b.covered,
                total: a.total + b.total,
            })
        };
        Self { version: 1, rules: sum(|file| file.rules), lines: sum(|file| file.lines), files }
    }
}

/// For people.
pub fn human(coverage: &CoverageReport) -> String {
    let mut out = String::new();
    let told = |rules: Share, lines: Share| {
        format!(
            "{rules} of rules ({}/{}), {lines} of lines ({}/{})",
            rules.covered, rules.total, lines.covered, lines.total
        )
    };
    line(&mut out, format_args!("\ncoverage: {}", told(coverage.rules, coverage.lines)));
    for file in &coverage.files {
        line(&mut out, format_args!("  {}: {}", printable(&file.file), told(file.rules, file.lines)));
        for rule in file.definitions.iter().filter(|rule| rule.held == 0) {
            let at = format!("{} at {}:{}:{}", rule.rule, file.file, rule.line, rule.column);
            line(&mut out, format_args!("    {FAINT}never held{FAINT:#} {}", printable(&at)));
        }
        let missed: Vec<u32> =
            file.hits.iter().filter(|line| line.tests == 0).map(|line| line.line).collect();
        if !missed.is_empty() {
            let reached: Vec<u32> = file.hits.iter().filter(|l| l.tests > 0).map(|l| l.line).collect();
            line(&mut out, format_args!("    {FAINT}not reached{FAINT:#} {}", ranges(&missed, &reached)));
        }
    }
    out
}

/// `3, 7-9`: lines that follow each other with nothing reached in between.
fn ranges(missed: &[u32], reached: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in missed {
        match ranges.last_mut() {
            Some((_, last)) if !reached.iter().any(|r| (*last..*line).contains(r)) => *last = *line,
            _ => ranges.push((*line, *line)),
        }
    }
    let shown = ranges
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    shown.collect::<Vec<_>>().join(", ")
}

/// For programs.
pub fn json(coverage: &CoverageReport) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(coverage)? + "\n")
}

/// LCOV's trace file (`geninfo(1)`, "TRACEFILE FORMAT").
pub fn lcov(coverage: &CoverageReport) -> String {
    let mut out = String::from("TN:\n");
    for file in &coverage.files {
        let mut record = |text: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{text}");
        };
        record(format_args!("SF:{}", file.file));
        for rule in &file.definitions {
            // A name is a function's alone.
            record(format_args!("FN:{},{}:{}:{}", rule.line, rule.rule, rule.line, rule.column));
        }
        for rule in &file.definitions {
            record(format_args!("FNDA:{},{}:{}:{}", rule.held, rule.rule, rule.line, rule.column));
        }
        record(format_args!("FNF:{}\nFNH:{}", file.rules.total, file.rules.covered));
        for line in &file.hits {
            record(format_args!("DA:{},{}", line.line, line.tests));
        }
        record(format_args!("LF:{}\nLH:{}\nend_of_record", file.lines.total, file.lines.covered));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Share, ranges};

    #[test]
    fn lines_are_joined_where_none_between_them_was_reached() {
        assert_eq!(ranges(&[3, 5, 9, 12], &[1, 7]), "3-5, 9-12");
        assert_eq!(ranges(&[3, 5], &[4]), "3, 5");
        assert_eq!(ranges(&[3], &[]), "3");
    }

    #[test]
    fn shares_are_rounded_down() {
        let share = Share { covered: 2_999, total: 3_000 };
        assert_eq!(share.to_string(), "99.9 %");
        assert!(share.reaches(99) && !share.reaches(100));
        assert_eq!(Share::default().to_string(), "100.0 %");
        assert!(Share::default().reaches(100));
    }
}
