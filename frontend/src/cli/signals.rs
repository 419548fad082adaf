//! What signals tell `serve`: to stop, or to read its files again.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::serve::guard::Guard;
use crate::serve::notify::Notifier;
use crate::serve::trust_refresh::TrustRefresh;

/// Signals that are listened for.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// SIGTERM and SIGINT stop, the second at once; SIGHUP reads policies and trust roots and opens the log anew.
    pub(super) async fn handle(
        mut self,
        guard: Arc<Guard>,
        trust: Arc<TrustRefresh>,
        notifier: Notifier,
        stop: watch::Sender<bool>,
        now: watch::Sender<bool>,
    ) {
        let watched = Arc::clone(&guard);
        // A server that lets its builds end is as well as can be.
        let well = move || watched.health().is_ok() || watched.may_begin().is_err();
        let manager = notifier.clone();
        tokio::spawn(async move { manager.watchdog(well).await });
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
                _ = self.hangup.recv() => {
                    // The service manager is told on a best effort basis, here and below.
                    let _untold = notifier.reloading();
                    guard.policies.reload().await;
                    trust.reload();
                    if let Some(log) = &guard.log {
                        log.reopen();
                    }
                    let _untold = notifier.ready();
                    continue;
                }
            }
            if *stop.borrow() {
                now.send_replace(true);
            }
            let _untold = notifier.stopping();
            stop.send_replace(true);
        }
    }
}
