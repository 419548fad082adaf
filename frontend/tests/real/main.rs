//! `policy-check serve` between the real buildx and the real buildkitd, and `dry-run` beside their builds.
//!
//! Skipped, aloud, unless `BUILDKITD` and `BUILDX` name the programs and `POLICY_CHECK_WORLD` names the folder
//! in which `fixtures/world/up.sh` started the test world. `BUILDCTL` and `BUSYBOX` name the other two;
//! buildkitd needs root and `runc`. All tests share one private daemon, but those that kill it.
//!
//! With `POLICY_CHECK_REAL_ROUTE=direct`, buildx talks to the daemon without the hook and evaluates the same
//! policies itself: that tells what the peer does in each scenario.

mod bake;
mod checks;
mod control;
mod crashes;
mod crowd;
mod dry_run;
mod errors;
mod forging;
mod operator;
mod raw;
mod remote;
mod repository;
mod signatures;
mod sources;
mod stage;
