//! Linting policies: which files are meant, and what is found in them.
//!
//! `report` says it.

pub mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;

use policy_engine::policy::lint::{Linted, lint};
use policy_engine::policy::{Diagnostic, LoadError, PolicyFile};

use crate::policy_files::read_policy_file;
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

/// Lints the policies and tests that `selection` names: files, and folders with all below. Each file is a policy of its
/// own, as for every door that is given a folder; the files of each of `wholes` are one together. A policy is loaded
/// with the tests beside it and with what it imports; only what is selected is reported.
pub fn run(selection: &Selection, wholes: &[Vec<PathBuf>]) -> Result<Lint, TestError> {
    let wholes: Vec<Vec<PathBuf>> =
        wholes.iter().map(|files| files.iter().map(|file| policy_test::simple(file)).collect()).collect();
    let parts: BTreeSet<PathBuf> = wholes.iter().flatten().cloned().collect();
    let mut selected: BTreeSet<PathBuf> = policy_test::rego_files(selection)?.into_iter().collect();
    selected.extend(parts.iter().cloned());
    let (tests, policies) = policy_test::groups(selection)?;
    let is_part = |group: &Group| {
        group.policy.as_ref().is_some_and(|policy| parts.contains(&PathBuf::from(&policy.name)))
    };
    let (mut of_parts, tests): (Vec<Group>, Vec<Group>) = tests.into_iter().partition(is_part);
    let policies: Vec<Group> = policies.into_iter().filter(|group| !is_part(group)).collect();
    let mut lint = Lint { files: selected.len(), ..Lint::default() };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for files in &wholes {
        let Some((first, others)) = files.split_first() else { continue };
        let folder = first.parent().map(ToOwned::to_owned).unwrap_or_default();
        let mut group = Group { folder, policy: Some(read_policy_file(first)?), tests: Vec::new() };
        let is_own = |other: &mut Group| {
            other.policy.as_ref().is_some_and(|policy| files.contains(&PathBuf::from(&policy.name)))
        };
        group.tests.extend(of_parts.extract_if(.., is_own).flat_map(|group| group.tests));
        let others = others.iter().map(|file| read_policy_file(file)).collect::<Result<_, _>>()?;
        lint.add(group, others, selection, &selected, &mut seen)?;
    }
    for group in tests {
        lint.add(group, Vec::new(), selection, &selected, &mut seen)?;
    }
    for group in policies {
        let is_loaded = group.policy.as_ref().is_some_and(|policy| seen.contains(&policy.name));
        if !is_loaded {
            lint.add(group, Vec::new(), selection, &selected, &mut seen)?;
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
    /// Lints a policy and its tests; `others` are files of it beside the group's.
    fn add(
        &mut self,
        group: Group,
        others: Vec<PolicyFile>,
        selection: &Selection,
        selected: &BTreeSet<PathBuf>,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), TestError> {
        let (mut options, tests, documents) = policy_test::options(group, selection)?;
        options.files.extend(others);
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
