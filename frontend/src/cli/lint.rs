//! `policy-check lint`: what policies may mean otherwise than they say.

use std::path::PathBuf;

use clap::ValueEnum;

use super::Exit;
use super::error::Error;
use super::output::Output;
use crate::lint::{self, report};
use crate::policy_files::PolicyFileError;
use crate::policy_spec::PolicySpec;
use crate::policy_test::Selection;

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing is found
  1  something is found
  2  bad usage, no policies found, or a policy that doesn't load";

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    /// Policies and their tests, and folders to search for them [default: the working directory, without `--policy`]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Files that are one policy together: `filename=PATH,filename=PATH`
    #[arg(long, value_name = "POLICY")]
    policy: Vec<PolicySpec>,
    /// Folder that imports are relative to [default: the policy's, then those above it]
    #[arg(long, value_name = "DIR")]
    policy_root: Option<PathBuf>,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// For code scanning
    Sarif,
    /// For GitHub Actions
    Github,
}

/// `cwd://` is where other commands than this one look for files that lie outside of a context.
fn path_of(file: &str) -> PathBuf {
    PathBuf::from(file.strip_prefix("cwd://").unwrap_or(file))
}

pub(super) fn run(args: &Args, output: &Output) -> Result<Exit, Error> {
    let paths = match (args.paths.as_slice(), args.policy.as_slice()) {
        ([], []) => vec![PathBuf::from(".")],
        (paths, _) => paths.to_vec(),
    };
    let selection = Selection { paths, root: args.policy_root.clone(), ..Selection::default() };
    let wholes: Vec<Vec<PathBuf>> =
        args.policy.iter().map(|spec| spec.files.iter().map(|file| path_of(file)).collect()).collect();
    let lint = lint::run(&selection, &wholes)?;
    if lint.files == 0 {
        return Err(Error::NoPolicies);
    }
    for error in &lint.broken {
        output.failure(&Error::Policy(PolicyFileError::Load(error.clone())));
    }
    output.data(&match args.format {
        Format::Human => report::human(&lint, output.quiet()),
        Format::Json => report::json(&lint)?,
        Format::Sarif => report::sarif(&lint)?,
        Format::Github => report::github(&lint),
    })?;
    Ok(match (lint.broken.is_empty(), lint.findings.is_empty()) {
        (false, _) => Exit::Usage,
        (true, false) => Exit::Denied,
        (true, true) => Exit::Allowed,
    })
}
