//! What `dry-run` found: which sources each build uses, and what its policies say of them.
//!
//! A [`BuildReport`] is plain data that is fit to be shown: credentials are taken out when it is made, so no
//! renderer can print them. Its JSON form is the JSON report itself.

mod convert;
pub(crate) mod excerpt;
mod finding;
pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub(crate) mod location;
pub mod sarif;
mod why;

use std::collections::BTreeMap;

use clap::ValueEnum;
use policy_engine::verify::Failure;
use schemars::JsonSchema;
use serde::Serialize;

use super::Conclusion;
use super::explanation::Round;
use super::human::Detail;

/// Version of the JSON report: fields are only ever added to it.
pub const VERSION: u32 = 1;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for CI servers
    Junit,
    /// Workflow commands of GitHub Actions
    Github,
}

impl Format {
    /// The format of files with this ending.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "txt" => Some(Self::Human),
            "json" => Some(Self::Json),
            "sarif" => Some(Self::Sarif),
            "xml" => Some(Self::Junit),
            _ => None,
        }
    }

    /// Writes `report`. What is written for people has colours, which whoever prints it strips where they don't
    /// belong; `detail` is for them alone.
    pub fn render(self, report: &BuildReport, detail: Detail) -> std::io::Result<String> {
        match self {
            Self::Human => Ok(human::render(report, detail)),
            Self::Json => Ok(json::render(report)?),
            Self::Sarif => Ok(sarif::render(report)?),
            Self::Junit => junit::render(report),
            Self::Github => Ok(github::render(report)),
        }
    }
}

/// The sources of one or more builds, each decided.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BuildReport {
    /// 1. Fields may be added to a version, never changed.
    pub version: u32,
    /// `denied` if anything is denied, else `undecided` if anything could not be decided, else `allowed`.
    pub verdict: Conclusion,
    /// How many sources there are, of all builds.
    pub summary: Summary,
    /// The builds, in the order in which they were named.
    pub builds: Vec<Build>,
}

/// How many sources came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// All of them.
    pub sources: usize,
    /// May be used.
    pub allowed: usize,
    /// May not be used.
    pub denied: usize,
    /// Could not be decided, so they may not be used.
    pub undecided: usize,
}

/// One build.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Build {
    /// Its name: a bake target, a Compose service. Absent for the only build of a command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its Dockerfile. Absent when there is an `error` before it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<Dockerfile>,
    /// The platforms it is for.
    pub platforms: Vec<String>,
    /// The policies in force, in the order they are asked: all must allow. Without any, all is allowed.
    pub policies: Vec<PolicyInForce>,
    /// `--policy disabled=true`: nothing was evaluated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Capabilities that the policies ask of the build (`exec.proxy`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<String, bool>,
    /// The sources it would load, in the order of the Dockerfile.
    pub sources: Vec<CheckedSource>,
    /// Why its sources could not be told. Then `sources` is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// The Dockerfile of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Dockerfile {
    /// As `places` call it.
    pub name: String,
    /// Its path from the working directory, when it is a file of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its lines, for excerpts.
    #[serde(skip)]
    pub lines: Vec<String>,
}

/// A policy that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyInForce {
    /// Its first file.
    pub name: String,
    /// `sha256:…` over all its files, imports included.
    pub digest: String,
}

/// A source of a build, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckedSource {
    /// As BuildKit names it: `docker-image://docker.io/library/alpine:3.21`, without credentials.
    pub source: String,
    /// For images: the platform that it is loaded for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// For images that BuildKit asks about again with their digest, to load them: that digest. Absent for what it only
    /// looks up, for named contexts, and where it isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Where the Dockerfile brings it in; empty for what every build loads, such as its context.
    pub places: Vec<Place>,
    /// Whether it may be used.
    pub verdict: Conclusion,
    /// `deny_msg` of the policy.
    pub messages: Vec<String>,
    /// What a policy pinned it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// The rule of the policy that decided, or in which an error arose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<PolicyPosition>,
    /// Why there is no decision; there exactly when the verdict is `undecided`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// What the policies printed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prints: Vec<Printed>,
    /// Signatures that were looked at and don't count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verification: Vec<Failure>,
    /// How it came to that, round by round; with `--explain`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
}

/// A place in a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Place {
    /// The Dockerfile's name.
    pub file: String,
    /// First line of the instruction, from 1.
    pub line: u32,
    /// Its last line.
    pub end_line: u32,
    /// The instruction on one line.
    pub instruction: String,
}

/// A place in a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyPosition {
    /// The file, as it was loaded.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// That line, when its file is one of the policy's.
    #[serde(skip)]
    pub text: Option<String>,
}

/// A source in place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pin {
    /// As BuildKit names it.
    pub identifier: String,
    /// BuildKit's source attributes.
    pub attrs: BTreeMap<String, String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// A stable kebab-case name.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where in the Dockerfile it is, when the Dockerfile is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What a `print` of a policy said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Printed {
    /// Where the `print` stands.
    pub position: PolicyPosition,
    /// Its arguments, joined by blanks.
    pub text: String,
}

impl BuildReport {
    /// The report on these builds.
    pub fn new(builds: Vec<Build>) -> Self {
        let mut summary = Summary::default();
        for source in builds.iter().flat_map(|build| &build.sources) {
            summary.sources += 1;
            match source.verdict {
                Conclusion::Allowed => summary.allowed += 1,
                Conclusion::Denied => summary.denied += 1,
                Conclusion::Undecided => summary.undecided += 1,
            }
        }
        let failed = builds.iter().any(|build| build.error.is_some());
        let verdict = match summary {
            Summary { denied: 1.., .. } => Conclusion::Denied,
            Summary { undecided: 0, .. } if !failed => Conclusion::Allowed,
            _ => Conclusion::Undecided,
        };
        Self { version: VERSION, verdict, summary, builds }
    }
}

impl Dockerfile {
    /// The place of some of its lines, whatever stands there.
    pub(crate) fn place(&self, line: u32, end_line: u32) -> Place {
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let instruction = self.lines.get(index).map(|line| line.trim().to_owned()).unwrap_or_default();
        Place { file: self.name.clone(), line, end_line: end_line.max(line), instruction }
    }
}

impl std::fmt::Display for PolicyPosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Build {
    /// The Dockerfile's lines at a place, each with its number; empty where the place is not in it.
    pub fn excerpt(&self, place: &Place) -> impl Iterator<Item = (u32, &str)> {
        let dockerfile = self.dockerfile.as_ref().filter(|dockerfile| dockerfile.name == place.file);
        let numbered = dockerfile.into_iter().flat_map(|dockerfile| (1..).zip(&dockerfile.lines));
        numbered
            .filter(|(number, _)| (place.line..=place.end_line).contains(number))
            .map(|(number, line)| (number, line.as_str()))
    }

    /// Whether nobody judged its sources.
    pub fn is_without_policy(&self) -> bool {
        self.policies.is_empty() && self.error.is_none()
    }
}

#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod tests;
