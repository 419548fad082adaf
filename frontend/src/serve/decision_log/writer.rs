//! The thread that writes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::Receiver;

use super::{BuildInfo, State, line};
use crate::serve::operator;
use crate::serve::record::Record;

/// Pause between attempts to write.
const RETRY: Duration = Duration::from_secs(1);

/// What the writing thread is told.
#[derive(Debug)]
pub(super) enum Message {
    Entry(Entry),
    /// Look at the state: it has changed.
    Wake,
    Close,
}

/// A line to be.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) time: SystemTime,
    pub(super) build: Arc<BuildInfo>,
    pub(super) record: Arc<Record>,
}

/// Where lines go.
#[derive(Debug)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
}

impl Target {
    /// Unbuffered, so that what is written is written.
    pub(super) fn open(&self) -> io::Result<File> {
        match self {
            Self::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
            Self::File(path) => OpenOptions::new().append(true).create(true).mode(0o600).open(path),
        }
    }
}

pub(super) struct Writer {
    /// As it was named.
    name: String,
    target: Target,
    file: File,
    state: Arc<State>,
}

impl Writer {
    pub(super) fn new(name: String, target: Target, file: File, state: Arc<State>) -> Self {
        Self { name, target, file, state }
    }

    /// Writes until it is told to close, or nobody is left to tell.
    pub(super) fn run(mut self, mut messages: Receiver<Message>) {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Entry(entry) => match line::render(&entry) {
                    Ok(line) => self.write(&line),
                    Err(error) => self.give_up(&format!("a decision cannot be written as JSON: {error}")),
                },
                Message::Wake => {
                    self.reopen_if_wanted();
                }
                Message::Close => break,
            }
        }
        // Who still waits to send gets an error and counts its line as lost.
        messages.close();
        while let Some(message) = messages.blocking_recv() {
            if let Message::Entry(_) = message {
                self.state.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Err(error) = self.file.sync_data()
            // Pipes and terminals have nothing to sync.
            && error.kind() != io::ErrorKind::InvalidInput
        {
            operator::tell(&format!("the decision log `{}` may not be on disk: {error}", self.name));
        }
    }

    /// Writes one line, however often it takes; only when closing, one more attempt must do.
    fn write(&mut self, line: &[u8]) {
        let mut written = 0;
        loop {
            let last = self.state.closing.load(Ordering::Acquire);
            if self.reopen_if_wanted() {
                // The new file gets the line whole.
                written = 0;
            }
            match self.append(&line[written..]) {
                Ok(()) => {
                    self.state.healthy.store(true, Ordering::Relaxed);
                    return;
                }
                Err((more, error)) => {
                    written += more;
                    self.failed(&error);
                }
            }
            if last {
                self.state.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            std::thread::park_timeout(RETRY);
        }
    }

    /// Appends all of `bytes`, or says how many it could.
    fn append(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }

    fn failed(&self, error: &io::Error) {
        self.state.metrics.decision_log_failed();
        if self.state.healthy.swap(false, Ordering::Relaxed) {
            operator::tell(&format!(
                "cannot write the decision log `{}`: {error}; builds wait until it can be written",
                self.name
            ));
        }
    }

    /// Loses a line for good.
    fn give_up(&self, reason: &str) {
        self.state.metrics.decision_log_failed();
        self.state.lost.fetch_add(1, Ordering::Relaxed);
        self.state.healthy.store(false, Ordering::Relaxed);
        operator::tell(reason);
    }

    /// Whether the file is another one now. One that cannot be opened leaves the old one in use.
    fn reopen_if_wanted(&mut self) -> bool {
        if !self.state.reopen.swap(false, Ordering::AcqRel) {
            return false;
        }
        match self.target.open() {
            Ok(file) => {
                self.file = file;
                true
            }
            Err(error) => {
                self.state.metrics.decision_log_failed();
                operator::tell(&format!(
                    "cannot reopen the decision log `{}`: {error}; the file that is open stays in use",
                    self.name
                ));
                false
            }
        }
    }
}
