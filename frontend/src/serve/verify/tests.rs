//! The verifier between policies and a BuildKit that is played.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod checksums;
mod own;
mod single;
mod transcripts;
mod world;
