//! Bounds one conversation with a server: a deadline, byte limits, and the typed error behind a failed read.
//!
//! gix sees plain I/O errors only; what really happened is kept here ([`Guard::fail`], [`Guard::explain`]).

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::GitError;

/// Shared by all parts of one conversation.
pub(super) struct Guard {
    /// The remote, without credentials.
    pub(super) remote: String,
    deadline: Instant,
    limit: Duration,
    bytes_left: Cell<u64>,
    part: Cell<Part>,
    error: RefCell<Option<GitError>>,
}

/// What is being read, and how much of it at most.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// For messages.
    pub(super) what: &'static str,
    /// In bytes.
    pub(super) limit: u64,
}

impl Guard {
    /// `limit` is the time that the whole conversation may take.
    pub(super) fn new(remote: String, limit: Duration, first: Part) -> Rc<Self> {
        let deadline = Instant::now() + limit;
        let bytes_left = Cell::new(first.limit);
        Rc::new(Self {
            remote,
            deadline,
            limit,
            bytes_left,
            part: Cell::new(first),
            error: RefCell::default(),
        })
    }

    /// From now on something else is read, with a limit of its own.
    pub(super) fn begin(&self, part: Part) {
        self.bytes_left.set(part.limit);
        self.part.set(part);
    }

    /// Accounts for bytes that were read.
    pub(super) fn count(&self, bytes: usize) -> io::Result<()> {
        if let Some(left) = self.bytes_left.get().checked_sub(bytes as u64) {
            self.bytes_left.set(left);
            return Ok(());
        }
        let Part { what, limit } = self.part.get();
        Err(self.fail(GitError::TooLarge { remote: self.remote.clone(), what, limit }))
    }

    /// Time until the deadline; an error once it has passed.
    pub(super) fn time_left(&self) -> io::Result<Duration> {
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(self.fail(self.timeout())),
        }
    }

    /// The error of a passed deadline.
    pub(super) fn timeout(&self) -> GitError {
        GitError::Timeout { remote: self.remote.clone(), limit: self.limit }
    }

    /// Keeps the first typed error and returns an I/O error to hand to gix.
    pub(super) fn fail(&self, error: GitError) -> io::Error {
        let message = error.to_string();
        self.error.borrow_mut().get_or_insert(error);
        io::Error::other(message)
    }

    /// The typed error that was kept, else one that tells what gix said.
    pub(super) fn explain(&self, said: &dyn std::error::Error) -> GitError {
        if let Some(error) = self.error.take() {
            return error;
        }
        if self.time_left().is_err() {
            return self.timeout();
        }
        let mut detail = said.to_string();
        let mut source = said.source();
        while let Some(error) = source {
            let message = error.to_string();
            if !detail.contains(&message) {
                detail.push_str(": ");
                detail.push_str(&message);
            }
            source = error.source();
        }
        self.protocol(&detail)
    }

    /// The server broke the protocol, or sent a message that says why it refuses.
    pub(super) fn protocol(&self, detail: &str) -> GitError {
        GitError::Protocol { remote: self.remote.clone(), detail: printable(detail) }
    }
}

/// Longest message of a server or program that is passed on, in characters.
const MESSAGE_LIMIT: usize = 600;

/// A foreign message, fit to be printed: one line, no control characters, not too long.
pub(super) fn printable(text: &str) -> String {
    let line = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MESSAGE_LIMIT).collect()
}

/// A reader that obeys a [`Guard`].
pub(super) struct Guarded<R> {
    pub(super) inner: R,
    pub(super) guard: Rc<Guard>,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.guard.time_left()?;
        let read = match self.inner.read(buffer) {
            // How a socket says that its read timeout passed.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Err(self.guard.fail(self.guard.timeout()));
            }
            read => read?,
        };
        self.guard.count(read)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, repeat};
    use std::time::Duration;

    use super::{Guard, Guarded, Part, printable};
    use crate::resolve::git::GitError;

    #[test]
    fn limits() {
        let guard = Guard::new("r".into(), Duration::from_mins(1), Part { what: "a part", limit: 10 });
        let mut reader = Guarded { inner: repeat(b'x'), guard: guard.clone() };
        reader.read_exact(&mut [0; 10]).expect("the limit itself is fine");
        let error = reader.read_exact(&mut [0; 1]).expect_err("one too many");
        let error = guard.explain(&error);
        assert!(matches!(error, GitError::TooLarge { what: "a part", limit: 10, .. }), "{error}");
        guard.begin(Part { what: "another", limit: 1 });
        reader.read_exact(&mut [0; 1]).expect("it has a limit of its own");

        let late = Guard::new("r".into(), Duration::ZERO, Part { what: "a part", limit: 10 });
        let error = Guarded { inner: repeat(b'x'), guard: late.clone() }.read(&mut [0; 1]).expect_err("late");
        assert!(matches!(late.explain(&error), GitError::Timeout { .. }));
    }

    #[test]
    fn foreign_messages_are_tamed() {
        assert_eq!(printable(" a\u{1b}[31m\nb\r\n"), "a [31m b");
        assert_eq!(printable(&"x".repeat(10_000)).len(), 600);
    }
}
