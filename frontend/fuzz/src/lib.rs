//! Fuzz targets: functions that feed `data` to a parser of what peers send, and panic when it breaks a promise.
//!
//! libFuzzer calls them from `fuzz_targets/`, and `tests/mutations.rs` on every toolchain.
// As the hook itself.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]
#![allow(clippy::missing_panics_doc, reason = "panics are how a target reports what it finds")]

mod bundle;
mod check_policy;
mod dockerfile;
mod documents;
mod grpc;
mod image_signatures;
pub mod mutate;
mod names;
mod options;
mod signatures;
mod solve;
mod tunnel;
mod wire;

pub use bundle::{bundle, bundle_part, bundle_seeds, trust_root};
pub use check_policy::check_policy;
pub use dockerfile::dockerfile;
pub use documents::{attestations, definition, git_object, github, image_config, metadata};
pub use grpc::{grpc_frames, grpc_message};
pub use image_signatures::image_signature;
pub use names::{address, session_headers, source};
pub use options::{cache_imports, location};
pub use signatures::{allowed_signers, keyring, signature};
pub use solve::{bridge_solve, solve};
pub use tunnel::session_tunnel;

/// Splits `data` in two by its first byte: a number to derive choices from, and the rest.
fn choice(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (*first, rest))
}

/// `data` in pieces of lengths that `seed` decides.
fn cut(mut data: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut random = mutate::Random::new(u64::from(seed));
    let mut pieces = Vec::new();
    while !data.is_empty() {
        let largest = if random.below(2) == 0 { 8 } else { data.len() };
        let (piece, rest) = data.split_at((1 + random.below(largest)).min(data.len()));
        pieces.push(piece);
        data = rest;
    }
    pieces
}
