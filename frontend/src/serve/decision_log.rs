//! The decision log: what was decided, a JSON document a line.
//!
//! Nothing is lost: a line that cannot be written is kept and tried again, whoever has more to log waits for
//! it, and [`DecisionLog::healthy`] tells that no build should begin meanwhile.

mod line;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::metrics::Metrics;
use super::record::Record;
use writer::{Entry, Message, Target, Writer};

/// Records that wait to be written; who has more waits too.
const MAX_WAITING: usize = 256;

/// The build that a decision is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// Its id (`Ref` of the solve).
    pub reference: String,
    /// Who builds: the certificate's name, or the peer's user id on a unix socket.
    pub client: String,
}

/// The log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionLogError {
    /// The file, or standard output, cannot be opened.
    #[error("cannot open the decision log `{target}`: {cause}")]
    Open {
        /// As it was named.
        target: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The writing thread cannot be started.
    #[error("cannot start the decision log's thread: {0}")]
    Thread(std::io::Error),
    /// Closed before everything was written.
    #[error("{lines} lines of the decision log `{target}` are lost")]
    Lost {
        /// As it was named.
        target: String,
        /// How many.
        lines: u64,
    },
}

/// A log that is open. Share it in an [`Arc`].
#[derive(Debug)]
pub struct DecisionLog {
    target: String,
    sender: mpsc::Sender<Message>,
    state: Arc<State>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writing thread and everybody else tell each other.
#[derive(Debug)]
struct State {
    healthy: AtomicBool,
    reopen: AtomicBool,
    closing: AtomicBool,
    lost: AtomicU64,
    metrics: Metrics,
}

impl DecisionLog {
    /// Opens `target`: a file to append to, made with mode 0600 where there is none, or `-` for standard
    /// output.
    pub fn open(target: &str, metrics: &Metrics) -> Result<Self, DecisionLogError> {
        let kind = if target == "-" { Target::Stdout } else { Target::File(PathBuf::from(target)) };
        let open = |cause| DecisionLogError::Open { target: target.to_owned(), cause };
        let file = kind.open().map_err(open)?;
        let state = Arc::new(State {
            healthy: AtomicBool::new(true),
            reopen: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            lost: AtomicU64::new(0),
            metrics: metrics.clone(),
        });
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let writer = Writer::new(target.to_owned(), kind, file, Arc::clone(&state));
        let thread = std::thread::Builder::new()
            .name("decision-log".into())
            .spawn(move || writer.run(receiver))
            .map_err(DecisionLogError::Thread)?;
        Ok(Self { target: target.to_owned(), sender, state, thread: Mutex::new(Some(thread)) })
    }

    /// Logs an answer to BuildKit. [`super::record::Verdict::Ask`] decides nothing and is passed over.
    /// Waits while the log is behind; returns before the line is written.
    pub async fn write(&self, build: &Arc<BuildInfo>, record: &Arc<Record>) {
        if record.verdict == super::record::Verdict::Ask {
            return;
        }
        let entry = Entry { time: SystemTime::now(), build: Arc::clone(build), record: Arc::clone(record) };
        if self.sender.send(Message::Entry(entry)).await.is_err() {
            // It was closed: nobody will write this.
            self.state.lost.fetch_add(1, Ordering::Relaxed);
            self.state.healthy.store(false, Ordering::Relaxed);
            self.state.metrics.decision_log_failed();
        }
    }

    /// Whether everything so far could be written. While it could not, no build should begin.
    pub fn healthy(&self) -> bool {
        self.state.healthy.load(Ordering::Relaxed)
    }

    /// Opens the file anew before the next line, as its name may now be another file's: on `SIGHUP`.
    pub fn reopen(&self) {
        self.state.reopen.store(true, Ordering::Release);
        // When there is no room, the thread has lines to write and looks anyway.
        let _full = self.sender.try_send(Message::Wake);
        self.unpark();
    }

    /// Writes what was logged so far, and ends. A log that cannot be written is tried once more only.
    pub async fn close(&self) -> Result<(), DecisionLogError> {
        self.state.closing.store(true, Ordering::Release);
        self.unpark();
        let _gone = self.sender.send(Message::Close).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            debug_assert!(matches!(joined, Ok(Ok(()))));
        }
        match self.state.lost.load(Ordering::Relaxed) {
            0 => Ok(()),
            lines => Err(DecisionLogError::Lost { target: self.target.clone(), lines }),
        }
    }

    fn unpark(&self) {
        if let Some(thread) = &*self.thread.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.thread().unpark();
        }
    }
}

#[cfg(test)]
mod tests;
