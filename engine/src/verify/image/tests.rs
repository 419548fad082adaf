//! Signatures of images that were made for these tests, and of real ones.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod formats;
mod hardened;
mod keys;
mod mutations;
mod vectors;
mod world;
