//! The builds that go through this hook, by the id that their client chose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tonic::Status;

use super::build::Build;
use crate::buildkit::endpoint::Peer;

/// How long a call may come before the solve that it belongs to, as at buildkitd.
const REGISTERED_WITHIN: Duration = Duration::from_secs(3);

/// All builds that are being solved.
#[derive(Default)]
pub struct Builds {
    solving: Mutex<HashMap<String, Entry>>,
    changed: watch::Sender<()>,
}

#[derive(Clone)]
struct Entry {
    client: Peer,
    /// `None` until it is known what holds for the build.
    build: Option<Arc<Build>>,
}

impl Builds {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.solving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the id `reference` for a client's solve. Two solves of one id would share what buildkitd keeps
    /// for it.
    pub fn begin(self: &Arc<Self>, reference: &str, client: &Peer) -> Result<Registration, Status> {
        if reference.is_empty() {
            return Err(Status::invalid_argument("policy-check: a build needs an id (`Ref`)"));
        }
        let mut solving = self.lock();
        if solving.contains_key(reference) {
            return Err(Status::already_exists("policy-check: a build with this id is being solved already"));
        }
        solving.insert(reference.to_owned(), Entry { client: client.clone(), build: None });
        drop(solving);
        // Whoever came before the solve waits on.
        self.changed.send_replace(());
        Ok(Registration { builds: Arc::clone(self), reference: reference.to_owned() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// The build that a call of `client` names. Waits for its solve: the two come in any order, and a solve
    /// takes some time before it may be passed on. Builds of others, and of the hook itself, are not found.
    pub async fn find(&self, reference: &str, client: &Peer) -> Result<Arc<Build>, Status> {
        let no_such_job = || Status::not_found(format!("policy-check: no such build here: {reference}"));
        let mut changed = self.changed.subscribe();
        let mut seen = false;
        let registered = tokio::time::sleep(REGISTERED_WITHIN);
        tokio::pin!(registered);
        loop {
            changed.borrow_and_update();
            let entry = self.lock().get(reference).cloned();
            match entry {
                Some(Entry { client: owner, .. }) if owner != *client => return Err(no_such_job()),
                Some(Entry { build: Some(build), .. }) => return Ok(build),
                // It came and was refused.
                None if seen => return Err(no_such_job()),
                other => seen = other.is_some(),
            }
            tokio::select! {
                // The sender lives as long as `self`.
                _lives = changed.changed() => {}
                () = &mut registered, if !seen => return Err(no_such_job()),
            }
        }
    }
}

impl Builds {
    /// Waits while it is open whether a build may begin. Whoever names another build needn't wait.
    pub async fn settled(&self, reference: &str) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let is_open = self.lock().get(reference).is_some_and(|entry| entry.build.is_none());
            if !is_open || changed.changed().await.is_err() {
                return;
            }
        }
    }
}

/// A client's hold on the id of its build, for as long as it is solved.
pub struct Registration {
    builds: Arc<Builds>,
    reference: String,
}

impl Registration {
    /// From now on calls for the build are passed on.
    pub fn ready(&self, build: Arc<Build>) {
        if let Some(entry) = self.builds.lock().get_mut(&self.reference) {
            entry.build = Some(build);
        }
        self.builds.changed.send_replace(());
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.builds.lock().remove(&self.reference);
        self.builds.changed.send_replace(());
    }
}
