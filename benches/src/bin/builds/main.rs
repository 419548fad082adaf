//! Real builds, side by side: directly, with buildx's own policy, and through `policy-check serve`.
//!
//! `POLICY_CHECK` names the program; without it only the direct cases run. `BUILDKITD`, `BUILDX` and
//! `POLICY_CHECK_WORLD` are what the tests against the real BuildKit need. `RUNS` (15) builds per case and
//! `TRANSFER_MIB` (1024) change the size; `BUILDS` (200) is how many one hook must take in sequence. `ONLY` picks
//! `cached`, `transfer` or `sequence`. Runs of all cases alternate, and what is printed are medians.
#![forbid(unsafe_code)]

mod cached;
mod sequence;
mod table;
mod transfer;

use std::path::PathBuf;

use policy_benches::number;
use policy_testbed::{Client, Daemon, Hook, Tools, World, publish};

/// What all cases share.
struct Stage {
    tools: Tools,
    world: World,
    daemon: Daemon,
    program: Option<PathBuf>,
    runs: usize,
}

impl Stage {
    fn direct(&self) -> Client {
        Client::of(&self.tools, &self.daemon.address())
    }

    /// A hook with these options, and a client of it; none without the program.
    fn hooked(&self, args: &[&str]) -> Option<(Hook, Client)> {
        let hook = Hook::start(self.program.as_deref()?, &self.daemon.address(), args);
        let client = Client::of(&self.tools, &hook.address());
        Some((hook, client))
    }
}

fn main() -> Result<(), String> {
    let (tools, world) = (Tools::from_env()?, World::from_env()?);
    let daemon = Daemon::start(&tools, &world);
    publish(&tools, &world, &Client::of(&tools, &daemon.address()));
    let program = std::env::var_os("POLICY_CHECK").map(PathBuf::from);
    let stage = Stage { tools, world, daemon, program, runs: number("RUNS", 15)? };
    let only = std::env::var("ONLY").ok();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if wanted("cached") {
        cached::measure(&stage);
    }
    if wanted("transfer") {
        transfer::measure(&stage, number("TRANSFER_MIB", 1024)?);
    }
    if wanted("sequence") {
        sequence::measure(&stage, number("BUILDS", 200)?);
    }
    Ok(())
}
