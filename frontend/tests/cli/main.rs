//! The binary as its users see it: arguments in, both streams and the exit code out.
//!
//! Nothing of the environment leaks in, and nothing leaves this machine. Tests that need servers run against
//! the world of `fixtures/world`, when `POLICY_CHECK_WORLD` names the folder it was started in.

mod bad_policy;
mod bake;
mod bundle;
mod cache;
mod docs;
mod dry_run;
mod dry_run_world;
mod eval;
mod formats;
mod harness;
mod init;
mod integrations;
mod library;
mod lint;
mod lock;
mod print;
mod replay;
mod schema;
mod signatures;
mod signatures_git;
mod snapshot;
mod test;
mod test_files;
mod trust;
#[allow(dead_code, reason = "unit tests use the rest")]
#[path = "../../src/trust/testing.rs"]
mod tuf_repository;
mod usage;
mod world;
