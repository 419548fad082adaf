//! Images that somebody signed, from the registry to the verdict, in a signed world of our own (`fixtures/signing`).
//!
//! The registry is one in memory, so nothing has to be installed. `docker-registry` is asked, too, where it is.

#[allow(dead_code, reason = "what the tests of the command line need more")]
#[path = "../cli/harness.rs"]
mod harness;

mod defects;
mod documented;
mod dry_run;
mod formats;
mod github_builder;
mod keys;
mod library;
mod policies;
mod registries;
mod replayed;
mod roots;
mod setup;
