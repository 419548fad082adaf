//! Takes down what a run looks up.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use policy_engine::metadata::{Metadata, Request};
use policy_engine::source::SourceOp;

use super::key::without_credentials;
use super::{Answer, LookupKey, RecordedRoot, Snapshot, SnapshotError};
use crate::distribution::Files;
use crate::memory_tree::Node;
use crate::redact;

/// What a run has looked up so far. Shared by everything that looks something up.
#[derive(Debug)]
pub struct Recording(Mutex<State>);

#[derive(Debug)]
struct State {
    snapshot: Snapshot,
    /// Lookups that ended at a redirect that a policy refused: another policy may let them go on.
    refused: BTreeSet<LookupKey>,
    /// What was answered in two ways: a snapshot could not tell which of them counted.
    changed: Option<String>,
}

impl Recording {
    /// A recording of a run whose policies see the time `now`.
    pub fn new(now: SystemTime) -> Self {
        let snapshot = Snapshot {
            tool: concat!("policy-check ", env!("CARGO_PKG_VERSION")).to_owned(),
            captured: now,
            lookups: BTreeMap::new(),
            media_types: BTreeMap::new(),
            contexts: BTreeMap::new(),
            downloads: BTreeMap::new(),
            policies: BTreeMap::new(),
            trust: Vec::new(),
        };
        Self(Mutex::new(State { snapshot, refused: BTreeSet::new(), changed: None }))
    }

    /// What a source was asked, and what it answered: an error is the message.
    pub fn lookup(&self, request: &Request, redirects: Vec<String>, result: Result<&Metadata, String>) {
        let (key, answer) = (LookupKey::new(request), answer(redirects, result));
        let shown = redact::source(&request.source);
        self.add(&shown, |State { snapshot, refused, .. }| {
            if refused.remove(&key) {
                snapshot.lookups.remove(&key);
            }
            insert(&mut snapshot.lookups, key, answer)
        });
    }

    /// A lookup that ended where a policy refused the last one of these redirects. Counts only until a lookup
    /// gets further.
    pub fn refused(&self, request: &Request, redirects: Vec<String>, result: Result<&Metadata, String>) {
        let (key, answer) = (LookupKey::new(request), answer(redirects, result));
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { snapshot, refused, .. } = &mut *state;
        let further = snapshot
            .lookups
            .get(&key)
            .is_none_or(|known| refused.contains(&key) && known.redirects.len() < answer.redirects.len());
        if further {
            refused.insert(key.clone());
            snapshot.lookups.insert(key, answer);
        }
    }

    /// The media type of what an image reference names.
    pub fn media_type(&self, image: &str, result: Result<&str, String>) {
        let image = redact::url(image);
        let result = result.map(str::to_owned).map_err(|message| redact::url(&message));
        self.add(&image, |state| insert(&mut state.snapshot.media_types, image.clone(), result));
    }

    /// A git context; an error is the message.
    pub fn context(&self, source: &SourceOp, result: Result<(), String>) {
        let (key, shown) = (without_credentials(source), redact::source(source));
        let result = result.map_err(|message| redact::url(&message));
        self.add(&shown, |state| {
            let contexts = &mut state.snapshot.contexts;
            match (contexts.entry(key).or_insert_with(|| result.clone().map(|()| BTreeMap::new())), &result) {
                (Ok(_), Ok(())) => true,
                (Err(known), Err(message)) => known == message,
                _ => false,
            }
        });
    }

    /// What is at a path of a context that was told of before.
    pub fn context_file(&self, source: &SourceOp, path: &str, node: &Node) {
        let key = without_credentials(source);
        self.add(path, |state| match state.snapshot.contexts.get_mut(&key) {
            Some(Ok(files)) => insert(files, path.to_owned(), node.clone()),
            _ => false,
        });
    }

    /// What the URL of a context or a Dockerfile delivered; an error is the message.
    pub fn download(&self, url: &str, result: Result<&Bytes, String>) {
        let url = redact::url(url);
        let result = result.cloned().map_err(|message| redact::url(&message));
        self.add(&url, |state| insert(&mut state.snapshot.downloads, url.clone(), result));
    }

    /// The files of a policy or a library, by its place with digest or commit, without credentials.
    pub fn policies(&self, place: &str, files: &Files) {
        self.add(place, |state| insert(&mut state.snapshot.policies, place.to_owned(), files.clone()));
    }

    /// The trust roots that signatures were tried under, in this order.
    pub fn trust(&self, roots: Vec<RecordedRoot>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).snapshot.trust = roots;
    }

    /// The snapshot.
    pub fn finish(&self) -> Result<Snapshot, SnapshotError> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.changed {
            Some(shown) => Err(SnapshotError::Changed(shown.clone())),
            None => Ok(state.snapshot.clone()),
        }
    }

    fn add(&self, shown: &str, add: impl FnOnce(&mut State) -> bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !add(&mut state) {
            state.changed.get_or_insert_with(|| shown.to_owned());
        }
    }
}

fn answer(redirects: Vec<String>, result: Result<&Metadata, String>) -> Answer {
    Answer { redirects, result: result.cloned().map_err(|message| redact::url(&message)) }
}

/// Whether there was no other answer before.
fn insert<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, V>, key: K, value: V) -> bool {
    match map.entry(key) {
        Entry::Occupied(known) => *known.get() == value,
        Entry::Vacant(free) => {
            free.insert(value);
            true
        }
    }
}
