//! The hook as it is run: the binary, on sockets and files of a test.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::client::Client;
use crate::daemon::Daemon;

/// Allows everything.
pub(crate) const ALLOW: &str = "package docker\n\ndecision := {\"allow\": true}\n";

/// Denies one image and allows the rest.
pub(crate) const DENY_ALPINE: &str = r#"package docker

default allow := true

allow := false if input.image.repo == "alpine"

deny_msg contains "alpine is not for us" if input.image.repo == "alpine"

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

/// A running `policy-check serve`. Dropping it kills it.
pub(crate) struct Hook {
    /// Where it listens.
    pub(crate) socket: PathBuf,
    child: Child,
    folder: tempfile::TempDir,
}

impl Hook {
    /// Starts the hook in front of `daemon` with this policy and more arguments, and waits until it listens.
    pub(crate) async fn start(daemon: &Daemon, policy: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listen = format!("unix://{}", folder.path().join("hook.sock").display());
        Self::start_on(folder, &listen, &format!("unix://{}", daemon.socket.display()), policy, args).await
    }

    /// The same on any address and in front of any.
    pub(crate) async fn start_on(
        folder: tempfile::TempDir,
        listen: &str,
        buildkit: &str,
        policy: &str,
        args: &[&str],
    ) -> Self {
        let path = |name: &str| folder.path().join(name);
        let (socket, log) = (path("hook.sock"), path("log"));
        std::fs::write(path("platform.rego"), policy).expect("the policy is written");
        let log_file = std::fs::File::create(&log).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_policy-check"));
        command
            .arg("serve")
            .args(["--listen", listen])
            .args(["--buildkit", buildkit])
            .arg("--policy")
            .arg(path("platform.rego"))
            .args(args)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log_file.try_clone().expect("a second handle"))
            .stderr(log_file)
            .kill_on_drop(true);
        let mut hook = Self { socket, child: command.spawn().expect("the hook starts"), folder };
        for _ in 0..6000 {
            if hook.log().contains("listening on ") {
                return hook;
            }
            let ended = hook.child.try_wait().expect("its state is known");
            assert!(ended.is_none(), "the hook ended: {ended:?}\n{}", hook.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the hook does not listen\n{}", hook.log());
    }

    /// A client that uses the hook as if it were the daemon.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.socket).await
    }

    /// Replaces its policy.
    pub(crate) fn rewrite_policy(&self, policy: &str) {
        // In one step, as editors do it: a half-written policy would be another test.
        let (new, old) = (self.folder.path().join("new"), self.folder.path().join("platform.rego"));
        std::fs::write(&new, policy).expect("the policy is written");
        std::fs::rename(new, old).expect("the policy is replaced");
    }

    /// Where it listens for TCP, as it says.
    pub(crate) fn tcp(&self) -> String {
        let log = self.log();
        let address = log.split("listening on tcp://").nth(1).and_then(|rest| rest.split(' ').next());
        address.unwrap_or_else(|| panic!("no TCP: {log}")).to_owned()
    }

    /// A file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends it a signal, as `TERM`.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(sent.expect("there is a kill").success());
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ends(&mut self) -> std::process::ExitStatus {
        let ended = tokio::time::timeout(Duration::from_mins(1), self.child.wait()).await;
        ended.expect("it ends").expect("its state is known")
    }

    /// Both its streams so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Kills it with a signal that nobody can catch.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("it is ours to kill");
    }
}
