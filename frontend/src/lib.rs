//! Everything of policy-check that talks: command line, resolvers, reports.
#![forbid(unsafe_code)]

pub mod bake;
pub mod build_options;
pub mod build_results;
// The hook runs beside buildkitd, which runs on Linux.
#[cfg(target_os = "linux")]
pub mod buildkit;
pub mod cache;
pub mod cli;
pub mod context;
pub mod decide;
pub mod dockerfile;
pub mod dry_run;
mod flag_values;
pub mod inspect;
pub mod lint;
pub mod lock;
pub mod lookup;
pub mod memory_tree;
pub mod policy_files;
pub mod policy_root;
pub mod policy_spec;
pub mod policy_test;
pub mod redact;
pub mod replay;
pub mod report;
pub mod resolve;
#[cfg(target_os = "linux")]
pub mod serve;
pub mod snapshot;
pub mod source_arg;
pub mod starter;
pub mod trust;
mod whole_file;
