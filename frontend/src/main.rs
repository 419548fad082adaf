//! The `policy-check` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    policy_check::cli::main()
}
