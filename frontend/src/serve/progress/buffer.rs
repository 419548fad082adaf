//! Messages that are kept for those who come late.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

#[derive(Debug)]
pub(super) struct Buffer {
    shared: Arc<Shared>,
    changed: watch::Sender<()>,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Shared {
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    messages: Vec<Bytes>,
    bytes: usize,
    closed: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Kept,
    /// There is no room for it.
    Full,
    Closed,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Content> {
        // Nothing can panic while this is locked.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { shared: Arc::default(), changed: watch::Sender::new(()), max_bytes }
    }

    pub(super) fn push(&self, message: Bytes) -> Pushed {
        self.push_within(message, self.max_bytes)
    }

    /// Keeps it even when there is no room: for one last word.
    pub(super) fn push_last(&self, message: Bytes) -> Pushed {
        self.push_within(message, usize::MAX)
    }

    fn push_within(&self, message: Bytes, max_bytes: usize) -> Pushed {
        {
            let mut content = self.shared.lock();
            let bytes = content.bytes.saturating_add(message.len());
            if content.closed {
                return Pushed::Closed;
            }
            if bytes > max_bytes {
                return Pushed::Full;
            }
            content.bytes = bytes;
            content.messages.push(message);
        }
        self.changed.send_replace(());
        Pushed::Kept
    }

    pub(super) fn close(&self) {
        self.shared.lock().closed = true;
        self.changed.send_replace(());
    }

    pub(super) fn subscribe(&self) -> Subscription {
        Subscription { shared: Arc::clone(&self.shared), changed: self.changed.subscribe(), next: 0 }
    }
}

/// Follows the steps of one build.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    changed: watch::Receiver<()>,
    next: usize,
}

impl Subscription {
    /// The next gRPC message, its 5-byte prefix included; `None` when the build has ended. Safe to cancel.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(message) = self.ready() {
                return Some(message);
            }
            if self.shared.lock().closed || self.changed.changed().await.is_err() {
                // The last message may have come in between.
                return self.ready();
            }
        }
    }

    /// The next message, if there is one already.
    pub fn ready(&mut self) -> Option<Bytes> {
        let message = self.shared.lock().messages.get(self.next).cloned()?;
        self.next += 1;
        Some(message)
    }
}
