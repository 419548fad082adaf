//! Decides by Rego policy which sources a container build may use.
//!
//! A decision is a pure function of a policy, a source, what is known about that source, and the
//! build's environment. Nothing in here touches the network, the clock or the process environment.
#![forbid(unsafe_code)]

pub mod builtins;
mod capabilities;
pub mod check;
pub mod git_object;
pub mod input;
pub mod metadata;
pub mod policy;
pub mod provenance;
mod rego;
pub mod source;
pub mod verify;

pub use capabilities::capabilities;

#[cfg(test)]
mod testing;
