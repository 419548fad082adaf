//! A real BuildKit on this machine: the tests of `policy-check serve` and its side-by-side bench run
//! `buildx` and `buildctl` against a private `buildkitd`, directly or through the hook.
//!
//! The programs are named by the environment: see [`Tools::from_env`]. Images, repositories and files come
//! from the world of `fixtures/world`: see [`World::from_env`]. What cannot be set up panics: a test that
//! cannot run must fail, and a bench has nothing to measure.
#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "whatever goes wrong here ends the test")]
#![allow(clippy::return_self_not_must_use, reason = "what is handed on was asserted already")]

mod client;
mod daemon;
mod hook;
mod images;
mod process;
mod project;
mod tools;
mod world;

pub use client::Client;
pub use daemon::Daemon;
pub use hook::Hook;
pub use images::publish;
pub use process::{Finished, Run, Running};
pub use project::Project;
pub use tools::Tools;
pub use world::World;
