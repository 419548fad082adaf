//! Signatures of images that were made for these tests, and of real ones.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod formats;
mod hardened;
mod keys;
mod mutations;
mod vectors;
mod world;
