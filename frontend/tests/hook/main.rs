//! `policy-check serve` between a client and a daemon that both speak BuildKit's real protocol.
#![allow(dead_code, unused_imports, reason = "the tests of the hook use the rest")]

mod client;
mod daemon;
mod double;
mod wire;
