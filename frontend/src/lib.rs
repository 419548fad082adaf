//! Everything of policy-check that talks: command line, resolvers, reports.
#![forbid(unsafe_code)]

pub mod buildkit;
pub mod cli;
pub mod decide;
pub mod inspect;
pub mod lookup;
pub mod policy_files;
pub mod policy_root;
pub mod policy_spec;
pub mod redact;
pub mod replay;
pub mod report;
pub mod resolve;
pub mod serve;
pub mod source_arg;
