//! `policy-check completions`.

use clap_complete::Shell;

use super::Exit;
use super::error::Error;
use super::output::Output;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, command: &mut clap::Command, output: &mut Output) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "policy-check", &mut script);
    // clap_complete writes a hyphen in the program's name in two ways, so that bash finds no subcommand
    // (https://github.com/clap-rs/clap/issues/6421).
    let script = String::from_utf8_lossy(&script).replace("policy__subcmd__check", "policy__check");
    output.data(&script)?;
    Ok(Exit::Allowed)
}
