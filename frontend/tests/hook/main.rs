//! `policy-check serve` between a client and a daemon that both speak BuildKit's real protocol.
#![allow(dead_code, reason = "a client and a daemon that can do more than the tests need yet")]

// The two ends and what carries them.
mod client;
mod daemon;
mod wire;

// The daemon alone.
mod double;

// The hook between them.
mod both_policies;
mod builds;
mod cache;
mod evasion;
mod hook;
mod identity;
mod repo_policy;
mod transport;
