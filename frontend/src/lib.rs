//! Everything of policy-check that talks: command line, resolvers, reports.
#![forbid(unsafe_code)]

pub mod resolve;
