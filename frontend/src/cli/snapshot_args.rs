//! `--snapshot` and `--offline`: what a run looks up goes to a file, or comes from one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::verify::Trust;

use crate::resolve::Origin;
use crate::snapshot::{Recording, Snapshot, SnapshotError};
use crate::trust;

/// Where answers about sources go, or come from.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Snapshots")]
pub(super) struct SnapshotArgs {
    /// Write everything that is looked up to this file
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    snapshot: Option<PathBuf>,
    /// Use no network: take everything from a snapshot, the time included
    #[arg(long, value_name = "FILE")]
    offline: Option<PathBuf>,
}

/// A run whose answers perhaps go to a file, or come from one.
pub(super) struct Capture {
    /// The time that policies see.
    pub(super) now: SystemTime,
    /// Where answers come from.
    pub(super) origin: Origin,
    file: Option<PathBuf>,
}

impl SnapshotArgs {
    /// Begins the run.
    pub(super) fn begin(&self) -> Result<Capture, SnapshotError> {
        if let Some(path) = &self.offline {
            let snapshot = Snapshot::load(path)?;
            return Ok(Capture {
                now: snapshot.captured,
                origin: Origin::Offline(Arc::new(snapshot)),
                file: None,
            });
        }
        let now = SystemTime::now();
        let origin = match &self.snapshot {
            Some(_) => Origin::Recorded(Arc::new(Recording::new(now))),
            None => Origin::Network,
        };
        Ok(Capture { now, origin, file: self.snapshot.clone() })
    }
}

impl Capture {
    /// What was recorded, where the run is one of a snapshot.
    pub(super) fn recorded(&self) -> Option<&Snapshot> {
        match &self.origin {
            Origin::Offline(snapshot) => Some(snapshot),
            Origin::Network | Origin::Recorded(_) => None,
        }
    }

    /// Writes what was looked up, and the trust roots that were used, if that was wanted.
    pub(super) fn finish(&self, used: &Trust) -> Result<(), SnapshotError> {
        match (&self.origin, &self.file) {
            (Origin::Recorded(recording), Some(path)) => {
                recording.trust(trust::recorded(used));
                recording.finish()?.save(path)
            }
            _ => Ok(()),
        }
    }
}
