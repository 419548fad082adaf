//! Every target on its corpus, and on inputs made from it: the same ones in every run.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use std::path::Path;

use policy_check_fuzz::mutate::{Random, mutated};

/// Inputs for each target.
const INPUTS: usize = 20_000;
/// Inputs for targets that take their time: connections, compression, and inputs of policies.
const FEWER: usize = 4_000;
/// Inputs for targets that verify signatures, which is slow without optimization.
const FEW: usize = 800;
/// Inputs for targets that verify bundles and the like, which is slower still.
const SLOW: usize = 300;

/// The committed inputs of a target. What libFuzzer found on this machine goes by its SHA-1, and isn't read.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = std::fs::read_dir(&directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name.len() != 40));
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn run(name: &str, inputs: usize, target: fn(&[u8])) {
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "{name} has a corpus");
    let one = |input: &[u8]| {
        let passes = std::panic::catch_unwind(|| target(input)).is_ok();
        assert!(passes, "{name} fails on {}", data_encoding::HEXLOWER.encode(input));
    };
    one(b"");
    seeds.iter().for_each(|seed| one(seed));
    let mut random = Random::new(1);
    for _ in 0..inputs {
        one(&mutated(&seeds, &mut random));
    }
}

macro_rules! targets {
    ($($target:ident: $inputs:expr,)*) => {$(
        #[test]
        fn $target() {
            run(stringify!($target), $inputs, policy_check_fuzz::$target);
        }
    )*};
}

targets! {
    address: INPUTS,
    allowed_signers: FEW,
    attestations: FEWER,
    bridge_solve: INPUTS,
    bundle: SLOW,
    bundle_part: SLOW,
    cache_imports: INPUTS,
    check_policy: INPUTS,
    definition: INPUTS,
    dockerfile: INPUTS,
    git_object: INPUTS,
    github: INPUTS,
    grpc_frames: INPUTS,
    grpc_message: FEWER,
    image_config: FEWER,
    image_signature: SLOW,
    keyring: FEW,
    location: INPUTS,
    metadata: INPUTS,
    session_headers: INPUTS,
    session_tunnel: FEWER,
    signature: FEW,
    solve: INPUTS,
    source: INPUTS,
    trust_root: SLOW,
}
