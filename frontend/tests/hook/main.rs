//! `policy-check serve` between a client and a daemon that both speak BuildKit's real protocol.
#![allow(dead_code, unused_imports, reason = "the tests of the hook use the rest")]

mod both_policies;
mod builds;
mod cache;
mod client;
mod daemon;
mod double;
mod evasion;
mod hook;
mod identity;
mod repo_policy;
mod transport;
mod wire;
