//! `--snapshot` and `--offline`: what a run looks up goes to a file, or comes from one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::resolve::Origin;
use crate::snapshot::{Recording, Snapshot, SnapshotError};

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
    /// Writes what was looked up, if that was wanted.
    pub(super) fn finish(&self) -> Result<(), SnapshotError> {
        match (&self.origin, &self.file) {
            (Origin::Recorded(recording), Some(path)) => recording.finish()?.save(path),
            _ => Ok(()),
        }
    }
}
