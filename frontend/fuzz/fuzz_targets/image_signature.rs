//! libFuzzer's entry to [`policy_check_fuzz::image_signature`].
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| policy_check_fuzz::image_signature(data));

/// Without libFuzzer there is nothing to run here: `tests/mutations.rs` runs the same function.
#[cfg(not(fuzzing))]
fn main() {}
