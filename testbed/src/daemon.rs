//! A private `buildkitd`.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{content, log_file};
use crate::{Tools, World};

/// The daemon must listen after this long.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// Runs the daemon until told to kill it or until whoever holds our standard input is gone, however that
/// ended: a daemon, its containers, mounts and files must not outlive a test that crashed.
const SUPERVISOR: &str = r#"
"$@" >>"$DIR/log" 2>&1 </dev/null &
daemon=$!
read -r word
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
NAME=${DIR##*/}
find /sys/fs/cgroup -path "*/$NAME/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -KILL
awk -v dir="$DIR/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount --lazy
find /sys/fs/cgroup -depth -type d -path "*/$NAME*" -exec rmdir {} + 2>/dev/null
[ "$word" = kill ] || rm -rf --one-file-system "$DIR"
"#;

/// A `buildkitd` with a root and a socket of its own. Dropped, it is killed and everything of it goes.
#[derive(Debug)]
pub struct Daemon {
    dir: PathBuf,
    program: PathBuf,
    ca: PathBuf,
    supervisor: Child,
}

impl Daemon {
    /// Starts the daemon and waits until it listens.
    pub fn start(tools: &Tools, world: &World) -> Self {
        let dir = tempfile::Builder::new().prefix("buildkitd").tempdir().expect("a scratch folder").keep();
        std::fs::write(dir.join("buildkitd.toml"), configuration(&dir, world)).expect("the configuration");
        let (program, ca) = (tools.buildkitd.clone(), world.ca.clone());
        let supervisor = supervise(&program, &dir, &ca);
        let mut daemon = Self { dir, program, ca, supervisor };
        daemon.wait_until_it_listens();
        daemon
    }

    /// Where it listens, `unix://…`.
    pub fn address(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// What it logged.
    pub fn log(&self) -> String {
        content(&self.dir.join("log"))
    }

    /// Kills the daemon like a crash would. Its state stays.
    pub fn kill(&mut self) {
        let stdin = self.supervisor.stdin.as_mut().expect("a pipe");
        stdin.write_all(b"kill\n").expect("a supervisor that listens");
        self.supervisor.wait().expect("a child's state");
    }

    /// Starts a killed daemon again, on the same state.
    pub fn start_again(&mut self) {
        self.supervisor = supervise(&self.program, &self.dir, &self.ca);
        self.wait_until_it_listens();
    }

    fn socket(&self) -> PathBuf {
        self.dir.join("buildkitd.sock")
    }

    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            assert!(
                started.elapsed() < STARTS_WITHIN,
                "buildkitd does not listen; it logged:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        drop(self.supervisor.wait());
    }
}

fn supervise(program: &Path, dir: &Path, ca: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", SUPERVISOR, "sh"]).arg(program).arg("--config").arg(dir.join("buildkitd.toml"));
    // `runc` and `git` are looked up on the path; Debian keeps `runc` where not everybody has it.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    command.env_clear().env("PATH", path).env("HOME", dir).env("DIR", dir).env("SSL_CERT_FILE", ca);
    let log = log_file(&dir.join("log"));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
    command.spawn().expect("a shell")
}

fn configuration(dir: &Path, world: &World) -> String {
    let name = dir.file_name().and_then(|name| name.to_str()).expect("a folder named in UTF-8");
    let (dir, registry) = (dir.display(), &world.registry);
    format!(
        r#"
root = "{dir}/root"
[grpc]
  address = ["unix://{dir}/buildkitd.sock"]
[otel]
  socketPath = "{dir}/otel.sock"
[worker.oci]
  enabled = true
  gc = false
  defaultCgroupParent = "{name}"
[worker.containerd]
  enabled = false
[registry."{registry}"]
  http = true
"#
    )
}
