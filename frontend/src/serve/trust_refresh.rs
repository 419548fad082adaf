//! Whom the server trusts: read again from time to time, and updated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::operator;
use super::policy_store::PolicyStore;
use crate::trust::TrustOptions;
use crate::trust::file::RootFileError;
use crate::trust::instance::INSTANCES;

/// How often trust roots are chosen anew: one that has become stale is noticed after that long.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// Gives the server's policies their trust roots.
pub struct TrustRefresh {
    options: TrustOptions,
    every: Option<Duration>,
    policies: Arc<PolicyStore>,
    /// Whether any signature was verified so far: nobody is asked for updates that nobody needs.
    used: AtomicBool,
}

impl TrustRefresh {
    /// Sets the trust roots of `policies`. They are updated after `every` so long, or never.
    pub fn begin(
        options: TrustOptions,
        every: Option<Duration>,
        policies: Arc<PolicyStore>,
    ) -> Result<Arc<Self>, RootFileError> {
        policies.set_trust(Arc::new(options.load(None)?));
        Ok(Arc::new(Self { options, every, policies, used: AtomicBool::new(false) }))
    }

    /// Reads the files again, and chooses the copies anew when they are needed. Where a file can't be used, all stays
    /// as it was.
    pub fn reload(&self) {
        self.note_use();
        match self.options.load(None) {
            // What was verified before under the same roots still is.
            Ok(trust) => {
                let trust = self.policies.current().trust.with_roots(trust.roots().to_vec());
                self.policies.set_trust(Arc::new(trust));
            }
            Err(error) => operator::tell(&format!("the old trust roots stay: {error}")),
        }
    }

    /// Keeps them up to date. Runs until dropped.
    pub async fn watch(self: Arc<Self>) {
        let mut updated = Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let is_due = self.every.is_some_and(|every| updated.elapsed() >= every);
            if is_due && self.note_use() {
                self.update().await;
                updated = Instant::now();
            }
            self.reload();
        }
    }

    /// Whether any signature was verified so far.
    fn note_use(&self) -> bool {
        let current = self.policies.current();
        let now = current.trust.roots().iter().any(|root| root.used().is_some());
        self.used.fetch_or(now, Ordering::Relaxed) || now
    }

    async fn update(&self) {
        for instance in INSTANCES {
            let name = instance.name;
            match self.options.update(&instance, SystemTime::now()).await {
                Ok((_, None)) => operator::tell(&format!("the trust root `{name}` is up to date")),
                Ok((_, Some(problem))) => {
                    operator::tell(&format!("the updated trust root `{name}` cannot be kept: {problem}"));
                }
                Err(error) => operator::tell(&format!("cannot update the trust root `{name}`: {error}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;
    use crate::distribution::Fetcher;
    use crate::serve::metrics::Metrics;
    use crate::trust::file::RootFile;
    use crate::trust::instance::{GITHUB, SIGSTORE};

    #[test]
    fn files_are_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acme.json");
        std::fs::write(&path, SIGSTORE.embedded).unwrap();
        let policies = PolicyStore::load(&[], false, &Fetcher::default(), &Metrics::new()).unwrap();
        let options = TrustOptions {
            files: vec![RootFile { name: "acme".to_owned(), path: path.clone() }],
            ..TrustOptions::default()
        };
        let trust = TrustRefresh::begin(options, None, Arc::clone(&policies)).unwrap();
        let json = || policies.current().trust.roots()[2].json().unwrap().to_vec();
        assert_eq!(json(), SIGSTORE.embedded.as_bytes());
        let builds = policies.current();
        for (content, expected) in [(GITHUB.embedded, GITHUB), ("{}", GITHUB), (SIGSTORE.embedded, SIGSTORE)]
        {
            std::fs::write(&path, content).unwrap();
            trust.reload();
            assert_eq!(json(), expected.embedded.as_bytes());
        }
        // What began keeps what it has.
        assert!(!Arc::ptr_eq(&builds.trust, &policies.current().trust));
    }
}
