//! Which programs to run.

use std::env::var_os;
use std::path::{Path, PathBuf};

/// The programs of the peers, and a shell for images.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The daemon.
    pub buildkitd: PathBuf,
    /// The client that most people use, as a program of its own.
    pub buildx: PathBuf,
    /// BuildKit's own client, where it is there.
    pub buildctl: Option<PathBuf>,
    /// A static `busybox`.
    pub busybox: PathBuf,
}

impl Tools {
    /// `BUILDKITD`, `BUILDX` and, where set, `BUILDCTL` and `BUSYBOX` (else the system's) name programs.
    /// The error says what is missing.
    pub fn from_env() -> Result<Self, String> {
        let needed = |name: &str| {
            var_os(name)
                .map(PathBuf::from)
                .ok_or_else(|| format!("set {name} to the path of {name}, lower-case"))
        };
        let system = || {
            let places = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new);
            places.into_iter().find(|path| path.exists()).map(Path::to_owned)
        };
        let busybox = var_os("BUSYBOX").map(PathBuf::from).or_else(system);
        Ok(Self {
            buildkitd: needed("BUILDKITD")?,
            buildx: needed("BUILDX")?,
            buildctl: var_os("BUILDCTL").map(PathBuf::from),
            busybox: busybox.ok_or("no busybox; install busybox-static, or set BUSYBOX")?,
        })
    }
}
