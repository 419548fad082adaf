//! Child processes with a deadline: `ssh`, `git upload-pack`, `git credential`.

use std::io::{self, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::GitError;
use super::guard::printable;

/// What is kept of a child's error output, in bytes.
const MAX_STDERR_BYTES: u64 = 8 << 10;

/// How long a child that closed its output may take to end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// How often to look whether a child has ended.
const POLL: Duration = Duration::from_millis(2);

/// A running child. It is killed when it outlives its time, and when this is dropped.
pub(super) struct Process {
    program: String,
    child: Arc<Mutex<Child>>,
    stderr: Receiver<String>,
    /// Dropped to end the watcher.
    _watched: Sender<()>,
}

/// Our ends of a child's pipes.
pub(super) struct Pipes {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
}

impl Process {
    /// Starts `command`; `remote` is for messages.
    pub(super) fn spawn(
        remote: &str,
        mut command: Command,
        time: Duration,
    ) -> Result<(Self, Pipes), GitError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => {
                GitError::MissingProgram { remote: remote.to_owned(), program: program.clone() }
            }
            _ => GitError::Program {
                remote: remote.to_owned(),
                program: program.clone(),
                detail: error.to_string(),
            },
        };
        in_own_group(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(failed(io::Error::other("a pipe is missing")));
        };
        let child = Arc::new(Mutex::new(child));
        let (watched, ended) = channel();
        let victim = Arc::clone(&child);
        std::thread::spawn(move || {
            if ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                kill(&victim);
            }
        });
        Ok((Self { program, child, stderr: collect(stderr), _watched: watched }, Pipes { stdin, stdout }))
    }

    /// Ends the child and makes an error of what it wrote to its error output.
    pub(super) fn failure(self, remote: &str) -> GitError {
        let _ = self.wait(GRACE);
        // Not forever: a grandchild (ssh's connection sharing) may hold on to the pipe.
        let stderr = self.stderr.recv_timeout(GRACE).unwrap_or_default();
        let detail = match printable(&stderr) {
            said if said.is_empty() => "it ended without a message".to_owned(),
            said => said,
        };
        GitError::Program { remote: remote.to_owned(), program: self.program.clone(), detail }
    }

    /// Waits for the child to end, for `time` at most. Holds no lock meanwhile, so that it can be killed.
    fn wait(&self, time: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + time;
        loop {
            match lock(&self.child).try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => std::thread::sleep(POLL),
                _ => return None,
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        kill(&self.child);
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills the child and what it started: a grandchild would keep our pipes open.
fn kill(child: &Mutex<Child>) {
    let mut child = lock(child);
    // Once it was waited for, its id may belong to somebody else.
    if matches!(child.try_wait(), Ok(None)) {
        kill_group(&child);
        // Both fail when it has ended by itself: then there is nothing to do.
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(unix)]
fn in_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    let leader = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(leader) = leader {
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn in_own_group(_command: &mut Command) {}

#[cfg(not(unix))]
fn kill_group(_child: &Child) {}

/// Reads to the end, so that the child never blocks on it, and keeps the beginning.
fn collect(mut stderr: ChildStderr) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        // A broken pipe ends it just as well, and nobody may want to hear about it any more.
        let _ = stderr.by_ref().take(MAX_STDERR_BYTES).read_to_end(&mut kept);
        let _ = send.send(String::from_utf8_lossy(&kept).into_owned());
        let _ = io::copy(&mut stderr, &mut io::sink());
    });
    receive
}

/// Runs `command` with `input` to its end. `None` when it fails or writes more than `limit` bytes.
pub(super) fn output(
    remote: &str,
    command: Command,
    input: &str,
    limit: u64,
    time: Duration,
) -> Result<Option<String>, GitError> {
    let (process, Pipes { mut stdin, mut stdout }) = Process::spawn(remote, command, time)?;
    // A child that doesn't read its input fails by its exit status.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let mut text = String::new();
    let read = stdout.by_ref().take(limit + 1).read_to_string(&mut text);
    if read.is_err() || text.len() as u64 > limit {
        return Ok(None);
    }
    Ok(process.wait(time).is_some_and(|status| status.success()).then_some(text))
}

/// A `git` command in a clean environment: no variables that redirect git, no prompts, no repository's config.
pub(super) fn git_command(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    // The user's own configuration may be meant, that of a repository we happen to stand in never is.
    command.current_dir("/");
    command.envs([("GIT_TERMINAL_PROMPT", "0"), ("GIT_ASKPASS", ""), ("SSH_ASKPASS", ""), ("LC_ALL", "C")]);
    for name in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}
