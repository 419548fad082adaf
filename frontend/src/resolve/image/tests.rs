//! The resolver against registries of every kind of malice.
#![allow(clippy::unwrap_used, reason = "test code")]

mod cached;
mod client;
mod login;
mod registry;
mod selection;
mod signatures;
pub(crate) mod world;
