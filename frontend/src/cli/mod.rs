//! The command line.

mod build_flags;
mod bundle;
mod cache;
mod cache_args;
mod completions;
#[cfg(test)]
mod documented;
mod dry_run;
mod error;
mod eval;
mod ignored_flags;
mod init;
mod lint;
mod lock;
mod lookup_args;
mod output;
mod replay;
mod schema;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod signals;
mod snapshot_args;
mod subject;
mod test;
mod trust;
mod trust_args;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use output::Output;

const EXIT_CODES: &str = "\
Exit codes:
  0  every source is allowed
  1  at least one source is denied
  2  bad usage or configuration
  3  no decision: a source cannot be resolved, or a policy fails";

/// Decides by Rego policy which sources a container build may use
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct Global {
    /// When to use colours and symbols
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Print errors and denials only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more about what happens
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Decide about one source
    Eval(Box<eval::Args>),
    /// Decide about every source of a build, before it is built
    DryRun(Box<dry_run::Args>),
    /// Write what the sources of a build are now, or check what was written
    Lock(Box<lock::Args>),
    /// Find likely mistakes in policies and their tests
    Lint(lint::Args),
    /// Run the tests of policies
    Test(Box<test::Args>),
    /// Write a policy to begin with, and its tests, beside a Dockerfile
    Init(init::Args),
    /// Push, pull, check and pin policies and libraries
    Bundle(Box<bundle::Args>),
    /// Decide recorded conversations again and compare
    Replay(replay::Args),
    /// Hold every build of a buildkitd to policy
    #[cfg(target_os = "linux")]
    Serve(Box<serve::Args>),
    /// Update, look at or check the trust roots that signatures are verified against
    Trust(Box<trust::Args>),
    /// Look at, shrink or empty what is kept from one run to the next
    Cache(cache::Args),
    /// Print the JSON Schema of a policy's input or decision, of a report or a snapshot
    Schema(schema::Args),
    /// Print a shell's completion script
    Completions(completions::Args),
}

/// How a command that did not fail ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// Every source is allowed.
    Allowed,
    /// At least one is denied; or, for `replay`, differs.
    Denied,
    /// Bad usage or configuration.
    Usage,
    /// No decision.
    Undecided,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Allowed => 0,
            Exit::Denied => 1,
            Exit::Usage => 2,
            Exit::Undecided => 3,
        })
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and succeed; that nobody reads them is no failure.
            let _unread = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let mut output = Output::new(&cli.global);
    let end = match cli.command {
        Command::Eval(args) => eval::run(&args, &mut output),
        Command::DryRun(args) => dry_run::run(&args, &output),
        Command::Lock(args) => lock::run(&args, &output),
        Command::Lint(args) => lint::run(&args, &output),
        Command::Test(args) => test::run(&args, &output),
        Command::Init(args) => init::run(&args, &output),
        Command::Bundle(args) => bundle::run(&args, &output),
        Command::Replay(args) => replay::run(&args, &mut output),
        #[cfg(target_os = "linux")]
        Command::Serve(args) => serve::run(&args, &output),
        Command::Trust(args) => trust::run(&args, &output),
        Command::Cache(args) => cache::run(&args, &output),
        Command::Schema(args) => schema::run(&args, &mut output),
        Command::Completions(args) => completions::run(&args, &mut Cli::command(), &mut output),
    };
    match end {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.failure(&error);
            error.exit().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
