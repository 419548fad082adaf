//! `policy-check serve` in front of a daemon.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{content, log_file};

/// The hook must listen after this long.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A running hook. Dropped, it is killed.
#[derive(Debug)]
pub struct Hook {
    child: Child,
    dir: TempDir,
}

impl Hook {
    /// Starts `program serve` in front of the daemon at `buildkit` and waits until it listens.
    pub fn start(program: &Path, buildkit: &str, args: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("hook").tempdir().expect("a scratch folder");
        let log = || Stdio::from(log_file(&dir.path().join("log")));
        let mut command = Command::new(program);
        command.args(["serve", "--listen", &address(dir.path()), "--buildkit", buildkit]);
        command.arg("--decision-log").arg(dir.path().join("decisions")).args(args);
        command.stdin(Stdio::null()).stdout(log()).stderr(log()).current_dir(dir.path());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", dir.path());
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let mut hook = Self { child, dir };
        hook.wait_until_it_listens();
        hook
    }

    /// Where it listens, `unix://…`.
    pub fn address(&self) -> String {
        address(self.dir.path())
    }

    /// What it printed.
    pub fn log(&self) -> String {
        content(&self.dir.path().join("log"))
    }

    /// Its decision log, one JSON object a line.
    pub fn decisions(&self) -> String {
        content(&self.dir.path().join("decisions"))
    }

    /// Asks it to stop, as a service manager does.
    pub fn ask_to_stop(&mut self) {
        let status = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(status.expect("`kill` runs").success(), "the hook is gone; it printed:\n{}", self.log());
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child's state")
    }

    /// Kills it like a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child's state");
    }

    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while UnixStream::connect(socket(self.dir.path())).is_err() {
            let ended = self.child.try_wait().expect("a child's state");
            assert!(ended.is_none(), "the hook ended; it printed:\n{}", self.log());
            assert!(
                started.elapsed() < STARTS_WITHIN,
                "the hook does not listen; it printed:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        // Nothing to kill is well, too.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("hook.sock")
}

fn address(dir: &Path) -> String {
    format!("unix://{}", socket(dir).display())
}
