//! Linting policies: which files are meant, and what is found in them.
//!
//! `report` says it.

pub mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;

use policy_engine::policy::lint::{Linted, lint};
use policy_engine::policy::{Diagnostic, LoadError};

use crate::policy_test::{self, Group, Selection, TestError};

/// What was looked at and found.
#[derive(Debug, Default)]
pub struct Lint {
    /// Policy files that were looked at, tests included.
    pub files: usize,
    /// By position.
    pub findings: Vec<Found>,
    /// What doesn't load, each once.
    pub broken: Vec<LoadError>,
}

/// A finding with the line that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is wrong, where, and what to write instead.
    pub diagnostic: Diagnostic,
    /// The line as it stands in the file.
    pub line: String,
}

/// Lints the policies and tests that `selection` names: files, and folders with all below. A policy is loaded with
/// the tests beside it and with what it imports; only what is selected is reported.
pub fn run(selection: &Selection) -> Result<Lint, TestError> {
    let selected: BTreeSet<PathBuf> = policy_test::rego_files(selection)?.into_iter().collect();
    let (tests, policies) = policy_test::groups(selection)?;
    let mut lint = Lint { files: selected.len(), ..Lint::default() };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for group in tests {
        lint.add(group, selection, &selected, &mut seen)?;
    }
    for group in policies {
        let is_loaded = group.policy.as_ref().is_some_and(|policy| seen.contains(&policy.name));
        if !is_loaded {
            lint.add(group, selection, &selected, &mut seen)?;
        }
    }
    lint.findings.sort_by(|a, b| {
        let key = |found: &Found| (found.diagnostic.position.clone(), found.diagnostic.code);
        key(a).cmp(&key(b))
    });
    lint.findings.dedup();
    Ok(lint)
}

impl Lint {
    fn add(
        &mut self,
        group: Group,
        selection: &Selection,
        selected: &BTreeSet<PathBuf>,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), TestError> {
        let (options, tests, documents) = policy_test::options(group, selection)?;
        match lint(&options, &tests, &documents) {
            Ok(linted) => {
                seen.extend(linted.files().map(str::to_owned));
                let of_selection =
                    |found: &Found| selected.contains(&PathBuf::from(&found.diagnostic.position.file));
                self.findings.extend(found(&linted).into_iter().filter(of_selection));
            }
            Err(error) if !self.broken.contains(&error) => self.broken.push(error),
            Err(_) => {}
        }
        Ok(())
    }
}

fn found(linted: &Linted) -> Vec<Found> {
    let line = |diagnostic: &Diagnostic| {
        let text = linted.policy.text(&diagnostic.position.file).unwrap_or_default();
        let index = (diagnostic.position.line as usize).saturating_sub(1);
        text.lines().nth(index).unwrap_or_default().to_owned()
    };
    linted
        .findings
        .iter()
        .map(|diagnostic| Found { line: line(diagnostic), diagnostic: diagnostic.clone() })
        .collect()
}
