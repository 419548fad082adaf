//! `policy-check replay`: decide recorded conversations again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Exit;
use super::error::Error;
use super::output::{Format, Output};
use super::trust_args::TrustArgs;
use crate::cache::default_dir;
use crate::policy_files::{open_root, read_policy_file};
use crate::replay::{self, Mode};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recorded conversations, one JSON document a line
    recordings: PathBuf,
    /// Folder that policies import and read files from [default: `files` beside the recordings, else that of `--policy`]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Policy file to use in place of the recorded ones: tells which final decisions would change
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    #[command(flatten)]
    trust: TrustArgs,
}

/// The folder that a policy lies in.
fn folder_of(policy: &Path) -> &Path {
    policy.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn run(args: &Args, output: &mut Output) -> Result<Exit, Error> {
    let beside = args.recordings.with_file_name("files");
    let root = match &args.root {
        Some(root) => Some(open_root(root)?),
        None if beside.is_dir() => Some(open_root(&beside)?),
        None => args.policy.first().map(|policy| open_root(folder_of(policy))).transpose()?,
    };
    let mode = if args.policy.is_empty() {
        Mode::Compare
    } else {
        let files = args.policy.iter().map(|path| read_policy_file(path)).collect::<Result<_, _>>()?;
        Mode::Adopt(files)
    };
    // Recordings are decided without a network.
    let trust = Arc::new(args.trust.options(default_dir(), None)?.load(None)?);
    let summary = replay::run(&args.recordings, &mode, root.as_ref(), &trust)?;
    match args.format {
        Format::Human => output.data(&summary.human())?,
        Format::Json => output.data(&(serde_json::to_string_pretty(&summary.json())? + "\n"))?,
    }
    Ok(if summary.differences.is_empty() { Exit::Allowed } else { Exit::Denied })
}
