//! `policy-check serve` between a client and a daemon that both speak BuildKit's real protocol.
#![allow(dead_code, reason = "a client and a daemon that can do more than the tests need yet")]
#![allow(
    clippy::match_bool,
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    clippy::used_underscore_binding,
    clippy::assigning_clones,
    clippy::result_filter_map,
    clippy::iter_filter_is_ok,
    clippy::semicolon_if_nothing_returned,
    clippy::duration_suboptimal_units,
    reason = "tests read well as they are"
)]

// The two ends and what carries them.
mod client;
mod credentials;
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
mod operator;
mod repo_policy;
mod signatures;
mod tls;
mod transport;
