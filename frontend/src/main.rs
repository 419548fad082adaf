//! The `policy-check` command.
#![forbid(unsafe_code)]

fn main() {}
