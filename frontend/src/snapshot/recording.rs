//! Takes down what a run looks up.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use policy_engine::metadata::{Metadata, Request};

use super::{Answer, LookupKey, Snapshot, SnapshotError};
use crate::redact;

/// What a run has looked up so far. Shared by everything that looks something up.
#[derive(Debug)]
pub struct Recording(Mutex<State>);

#[derive(Debug)]
struct State {
    snapshot: Snapshot,
    /// What was answered in two ways: a snapshot could not tell which of them counted.
    changed: Option<String>,
}

impl Recording {
    /// A recording of a run whose policies see the time `now`.
    pub fn new(now: SystemTime) -> Self {
        let snapshot = Snapshot {
            tool: concat!("policy-check ", env!("CARGO_PKG_VERSION")).to_owned(),
            captured: now,
            lookups: Default::default(),
            media_types: Default::default(),
            context_files: Default::default(),
        };
        Self(Mutex::new(State { snapshot, changed: None }))
    }

    /// What a source was asked, and what it answered: an error is the message.
    pub fn lookup(&self, request: &Request, redirects: Vec<String>, result: Result<&Metadata, String>) {
        let result = result.cloned().map_err(|message| redact::url(&message));
        let answer = Answer { redirects, result };
        let shown = redact::source(&request.source);
        self.add(&shown, |snapshot| insert(&mut snapshot.lookups, LookupKey::new(request), answer));
    }

    /// The media type of what an image reference names.
    pub fn media_type(&self, image: &str, result: Result<&str, String>) {
        let image = redact::url(image);
        let result = result.map(str::to_owned).map_err(|message| redact::url(&message));
        self.add(&image, |snapshot| insert(&mut snapshot.media_types, image.clone(), result));
    }

    /// A file that was read from the remote context with the URL `context`; `None` if it isn't there.
    pub fn context_file(&self, context: &str, path: &str, content: Option<&Bytes>) {
        let (key, content) = ((redact::url(context), path.to_owned()), content.cloned());
        self.add(path, |snapshot| insert(&mut snapshot.context_files, key, content));
    }

    /// The snapshot.
    pub fn finish(&self) -> Result<Snapshot, SnapshotError> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.changed {
            Some(shown) => Err(SnapshotError::Changed(shown.clone())),
            None => Ok(state.snapshot.clone()),
        }
    }

    fn add(&self, shown: &str, add: impl FnOnce(&mut Snapshot) -> bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !add(&mut state.snapshot) {
            state.changed.get_or_insert_with(|| shown.to_owned());
        }
    }
}

/// Whether there was no other answer before.
fn insert<K: Ord, V: PartialEq + Clone>(
    map: &mut std::collections::BTreeMap<K, V>,
    key: K,
    value: V,
) -> bool {
    *map.entry(key).or_insert_with(|| value.clone()) == value
}
