//! `buildx` and `buildctl` with a configuration of their own.

use std::path::Path;

use tempfile::TempDir;

use crate::{Run, Tools};

/// A user of the daemon, or of the hook, at one address.
#[derive(Debug)]
pub struct Client {
    tools: Tools,
    address: String,
    config: TempDir,
}

impl Client {
    /// A user whose only builder is the one at `address`.
    pub fn of(tools: &Tools, address: &str) -> Self {
        let config = tempfile::Builder::new().prefix("docker").tempdir().expect("a scratch folder");
        let client = Self { tools: tools.clone(), address: address.to_owned(), config };
        let create = ["create", "--name", "real", "--driver", "remote", "--use", address];
        client.buildx(client.config.path()).args(create).finish().passes();
        client
    }

    /// `buildx`, in this folder.
    pub fn buildx(&self, dir: &Path) -> Run {
        let config = self.config.path();
        let run = Run::of(&self.tools.buildx, dir).env("HOME", config).env("DOCKER_CONFIG", config);
        run.env("BUILDX_CONFIG", config.join("buildx"))
    }

    /// `buildctl` in this folder, where it is there.
    pub fn buildctl(&self, dir: &Path) -> Option<Run> {
        let run = Run::of(self.tools.buildctl.as_deref()?, dir).env("HOME", self.config.path());
        Some(run.args(["--addr", &self.address]))
    }
}
