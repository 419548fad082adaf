//! What is under way, for somebody who waits.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy_engine::metadata::Request;
use policy_engine::policy::Explanation;

use crate::decide::Observer;
use crate::lookup::describe;
use crate::redact;
use crate::report::explanation::Round;

/// What a run is waiting for. Each lookup is told to `log` as well.
pub struct Progress {
    state: Mutex<State>,
    log: Box<dyn Fn(&str) + Send + Sync>,
}

#[derive(Default)]
struct State {
    next: u64,
    /// Lookups under way, the longest first.
    waiting: BTreeMap<u64, String>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

impl Progress {
    /// Nothing is under way yet.
    pub fn new(log: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), log: Box::new(log) })
    }

    /// What is waited for, in a line; `None` while nobody waits for anything.
    pub fn line(&self) -> Option<String> {
        let state = self.state();
        let (_, longest) = state.waiting.first_key_value()?;
        Some(match state.waiting.len() {
            1 => format!("still looking up {longest}"),
            all => format!("still looking up {longest} and {} more", all - 1),
        })
    }

    /// Something that is looked up until the answer is dropped.
    pub(super) fn wait_for(self: &Arc<Self>, what: &str) -> Waiting {
        (self.log)(&format!("looking up {what}"));
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.waiting.insert(id, what.to_owned());
        Waiting { progress: Arc::clone(self), id }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing can panic while this is locked, so a poisoned lock holds a sound state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lookup under way.
pub(super) struct Waiting {
    progress: Arc<Progress>,
    id: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.progress.state().waiting.remove(&self.id);
    }
}

/// Hears what one decision looks up, and how it comes about.
pub(super) struct Watch {
    progress: Arc<Progress>,
    waiting: Option<Waiting>,
    explain: bool,
    /// How it came about, where that is wanted.
    pub(super) rounds: Vec<Round>,
}

impl Watch {
    pub(super) fn new(progress: &Arc<Progress>, explain: bool) -> Self {
        Self { progress: Arc::clone(progress), waiting: None, explain, rounds: Vec::new() }
    }
}

impl Observer for Watch {
    fn wants_explanation(&self) -> bool {
        self.explain
    }

    fn explained(&mut self, explanations: Vec<Explanation>) {
        self.rounds.push(Round::new(&explanations));
    }

    fn asked(&mut self, _round: usize, requests: &[Request]) {
        if let Some(round) = self.rounds.last_mut() {
            round.looked_up(requests);
        }
        self.waiting = Some(self.progress.wait_for(&redact::url(&describe(requests))));
    }

    fn slow(&mut self, _requests: &[Request]) {}
}
