//! Recorded conversations between BuildKit and a policy, decided again.
//!
//! A recording is a JSON document on a line of its own: a policy, a source, and what was asked and answered
//! step by step. Replaying tells where today's engine answers otherwise, or what another policy would. The
//! lines of a decision log are recordings, too, without the policies' texts.

mod answer;
pub mod case;
mod compare;
mod json_value;
mod message;
mod recording;
#[cfg(test)]
pub(crate) mod testing;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::policy::{LoadError, LoadOptions, Policy, PolicyFile, PolicyRoot, PolicySet};
use policy_engine::verify::Trust;
use serde::Serialize;

use recording::Recording;

/// What to do with recordings.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Decide by the recorded policy, and compare every step.
    Compare,
    /// Decide by these files, and compare the end.
    Adopt(Vec<PolicyFile>),
}

/// How a replay came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many cases there were.
    pub cases: usize,
    /// How many lines of a decision log hold no case.
    pub skipped: usize,
    /// One per case that came out differently.
    pub differences: Vec<Difference>,
}

/// A case that came out differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name.
    pub case: String,
    /// Which step, from 1; none when only the end was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// What was recorded.
    pub recorded: String,
    /// What is answered now.
    pub answered: String,
}

/// Why recordings could not be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file could not be read.
    #[error("cannot read recordings `{path}`: {cause}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A line is no recording.
    #[error("{path}:{line}: not a recording: {cause}")]
    Line {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// Why.
        cause: serde_json::Error,
    },
    /// A recording without policy files, and no policy to adopt.
    #[error("{path}:{line}: the recording holds no policy files")]
    NoFiles {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
    },
    /// There is nothing to replay.
    #[error("no recordings in `{path}`{}", lines_without(*skipped))]
    Empty {
        /// The file.
        path: String,
        /// How many lines hold no case.
        skipped: usize,
    },
    /// The policy to adopt doesn't load.
    #[error("cannot load the policy to adopt: {0}")]
    Policy(#[from] LoadError),
}

impl ReplayError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Line { .. } => Some("the format is described in `docs/replay.md`".into()),
            Self::NoFiles { .. } => Some(
                "a decision log names its policies only by digest: decide by others with --policy FILE"
                    .into(),
            ),
            _ => None,
        }
    }
}

/// Replays every recording in the file `path`. What policies import and read lies in `root`; signatures are verified
/// against `trust`.
pub fn run(
    path: &Path,
    mode: &Mode,
    root: Option<&Arc<dyn PolicyRoot>>,
    trust: &Arc<Trust>,
) -> Result<Summary, ReplayError> {
    let shown = || path.display().to_string();
    let read_error = |cause| ReplayError::Read { path: shown(), cause };
    let adopted = match mode {
        Mode::Compare => None,
        Mode::Adopt(files) => Some(load(files.clone(), root, trust)?),
    };
    let mut summary = Summary::default();
    let lines = BufReader::new(File::open(path).map_err(read_error)?).lines();
    for (number, line) in (1..).zip(lines) {
        let line = line.map_err(read_error)?;
        if line.trim().is_empty() {
            continue;
        }
        let recording = Recording::parse(&line).map_err(|cause| ReplayError::Line {
            path: shown(),
            line: number,
            cause,
        })?;
        let Some(recording) = recording else {
            summary.skipped += 1;
            continue;
        };
        summary.cases += 1;
        let now = SystemTime::now();
        summary.differences.extend(match (&adopted, &recording.files) {
            (Some(policies), _) => compare::end(&recording, policies, now),
            (None, Some(files)) => compare::steps(&recording, load(files.clone(), root, trust).as_ref(), now),
            (None, None) => return Err(ReplayError::NoFiles { path: shown(), line: number }),
        });
    }
    if summary.cases == 0 {
        return Err(ReplayError::Empty { path: shown(), skipped: summary.skipped });
    }
    Ok(summary)
}

fn load(
    files: Vec<PolicyFile>,
    root: Option<&Arc<dyn PolicyRoot>>,
    trust: &Arc<Trust>,
) -> Result<PolicySet, LoadError> {
    let policy = Policy::load(&LoadOptions { files, root: root.cloned(), strict: false })?;
    Ok(PolicySet { policies: vec![Arc::new(policy)], trust: Arc::clone(trust) })
}

impl Summary {
    /// A line per difference, and a closing count.
    pub fn human(&self) -> String {
        let mut text = String::new();
        for Difference { case, step, recorded, answered } in &self.differences {
            let at = step.map(|step| format!(" step {step}")).unwrap_or_default();
            // Writing to a string cannot fail.
            let written = writeln!(text, "{case}{at}: {recorded} -> {answered}");
            debug_assert!(written.is_ok());
        }
        let (cases, differ) = (self.cases, self.differences.len());
        let skipped = lines_without(self.skipped);
        text + &format!("{} of {cases} cases agree, {differ} differ{skipped}\n", cases - differ)
    }

    /// The same as a JSON document, version 1.
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "version": 1,
            "cases": self.cases,
            "skipped": self.skipped,
            "agree": self.cases - self.differences.len(),
            "differences": self.differences,
        })
    }
}

/// For a closing line; nothing when there are none.
fn lines_without(skipped: usize) -> String {
    match skipped {
        0 => String::new(),
        1 => "; 1 line without a case skipped".to_owned(),
        several => format!("; {several} lines without a case skipped"),
    }
}
