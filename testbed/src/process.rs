//! One run of a program, its output and its end.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// A run is stuck when it takes longer than this; nothing here takes a tenth of it.
const STUCK: Duration = Duration::from_mins(5);

/// A program about to run.
#[derive(Debug)]
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
}

impl Run {
    /// Runs this program in the folder `dir` with nothing of the environment but the path of programs.
    pub(crate) fn of(program: &Path, dir: &Path) -> Self {
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        Self { command, stdin: Vec::new() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item: AsRef<std::ffi::OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// What the program reads from its standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Starts the program.
    pub fn start(mut self) -> Running {
        // Files rather than pipes: they can be looked into while the program runs, and never fill up.
        let [stdout, stderr] = [(); 2].map(|()| NamedTempFile::new().expect("a file for output"));
        let handle = |file: &NamedTempFile| Stdio::from(file.reopen().expect("the file for output"));
        self.command.stdin(Stdio::piped()).stdout(handle(&stdout)).stderr(handle(&stderr));
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let mut stdin = child.stdin.take().expect("a pipe");
        // A program that reads nothing may be gone already.
        drop(stdin.write_all(&self.stdin));
        Running { child, stdout, stderr, started: Instant::now() }
    }

    /// Runs the program to its end.
    pub fn finish(self) -> Finished {
        self.start().finish()
    }
}

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
    started: Instant,
}

impl Running {
    /// Waits until either stream holds this text. The program must not end before.
    pub fn wait_for(&mut self, text: &str) {
        while !self.printed().contains(text) {
            let ended = self.child.try_wait().expect("a child's state");
            // What was printed between the look and the end counts.
            assert!(ended.is_none() || self.printed().contains(text), "no {text:?} in:\n{}", self.printed());
            assert!(self.started.elapsed() < STUCK, "no {text:?} in time, in:\n{}", self.printed());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills the program, so that it cannot say goodbye.
    pub fn kill(mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child's state");
    }

    /// Waits until the program ends by itself.
    pub fn finish(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child's state") {
                break status;
            }
            assert!(self.started.elapsed() < STUCK, "stuck, having printed:\n{}", self.printed());
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.started.elapsed();
        Finished { status, stdout: content(self.stdout.path()), stderr: content(self.stderr.path()), took }
    }

    fn printed(&self) -> String {
        content(self.stdout.path()) + &content(self.stderr.path())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing to kill is well, too.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A file's text, whatever is in it.
pub(crate) fn content(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// A file to append a log to.
pub(crate) fn log_file(path: &Path) -> File {
    File::options().create(true).append(true).open(path).expect("a file for the log")
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code or signal.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error: where buildx and buildctl print their progress.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
}

impl Finished {
    /// Everything, as one text.
    pub fn shown(&self) -> String {
        format!("{}\n-- stdout --\n{}-- stderr --\n{}", self.status, self.stdout, self.stderr)
    }

    /// The run must have ended well.
    #[track_caller]
    pub fn passes(self) -> Self {
        assert!(self.status.success(), "{}", self.shown());
        self
    }

    /// The run must have ended badly by itself, and printed this.
    #[track_caller]
    pub fn fails_with(self, text: &str) -> Self {
        assert!(self.status.code().is_some_and(|code| code != 0), "{}", self.shown());
        self.prints(text)
    }

    /// The run must have printed this, on either stream.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "no {text:?} in {}", self.shown());
        self
    }

    /// The run must not have printed this.
    #[track_caller]
    pub fn prints_no(self, text: &str) -> Self {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "{text:?} in {}", self.shown());
        self
    }
}
