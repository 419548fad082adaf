//! The registry of Docker's distribution project.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// `docker-registry` on a free port, until it is dropped.
pub(crate) struct DockerRegistry {
    /// `HOST:PORT`.
    pub(crate) address: String,
    process: Child,
    _folder: tempfile::TempDir,
}

impl DockerRegistry {
    /// Starts it on the storage folder that `lay_out` has filled, or says aloud that it isn't installed.
    pub(crate) fn start(lay_out: impl FnOnce(&Path)) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = folder.path().join("data");
        lay_out(&storage);
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let address = format!("127.0.0.1:{port}");
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"{address}\"}}\n",
            storage.display()
        );
        std::fs::write(&config, text).expect("a file");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            let text = "SKIPPED: signatures in docker-registry, which is not installed";
            writeln!(std::io::stderr(), "{text}").expect("standard error");
            return None;
        };
        let registry = Self { address, process, _folder: folder };
        for _ in 0..1000 {
            if TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("docker-registry does not listen on {}", registry.address);
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
