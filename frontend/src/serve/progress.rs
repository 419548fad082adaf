//! The checks as steps in a build's progress: messages of ours among the daemon's in the `Status` stream.
//!
//! A source has one step per platform, however often BuildKit asks about it. What is kept is bounded; a last
//! step says so when there is more.

mod buffer;
mod message;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use policy_engine::source::{Platform, SourceOp};

use super::record::{Record, Verdict};
pub use buffer::Subscription;
use buffer::{Buffer, Pushed};
use message::{Step, Update};

/// Steps that are shown of one build.
const MAX_STEPS: usize = 1_000;
/// Encoded messages that are kept of one build, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// What BuildKit's clients show as canceled rather than failed: Go's error for it.
const CANCELED: &str = "context canceled";

/// The steps of one build. Whoever follows the build's status subscribes, at any time.
#[derive(Debug)]
pub struct Steps {
    buffer: Buffer,
    known: Mutex<Known>,
    /// How many steps are shown.
    limit: usize,
}

#[derive(Debug, Default)]
struct Known {
    steps: HashMap<(SourceOp, Option<Platform>), State>,
    full: bool,
}

#[derive(Debug)]
struct State {
    step: Step,
    /// What was told last, to tell it once.
    told: Option<Update>,
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

impl Steps {
    /// No steps yet.
    pub fn new() -> Self {
        Self::with_limits(MAX_STEPS, MAX_BYTES)
    }

    fn with_limits(max_steps: usize, max_bytes: usize) -> Self {
        Self { buffer: Buffer::new(max_bytes), known: Mutex::default(), limit: max_steps }
    }

    /// BuildKit asks about `source`. Only the first time shows.
    pub fn started(&self, source: &SourceOp, platform: Option<&Platform>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.step(&mut known, source, platform, SystemTime::now());
    }

    /// BuildKit was answered. [`Verdict::Ask`] leaves the step open; an answer that was given before shows
    /// nothing new.
    pub fn checked(&self, record: &Record) {
        if record.verdict == Verdict::Ask {
            return;
        }
        let now = SystemTime::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let began = now.checked_sub(record.elapsed).unwrap_or(now);
        let Some(state) = self.step(&mut known, &record.source, record.platform.as_ref(), began) else {
            return;
        };
        let update = Update::of(record);
        if state.told.as_ref() == Some(&update) {
            return;
        }
        let message = state.step.completed(now, &update);
        state.told = Some(update);
        self.push_or_say_full(&mut known, message);
    }

    /// Everything from the start, then what comes.
    pub fn subscribe(&self) -> Subscription {
        self.buffer.subscribe()
    }

    /// The build ended: steps that are open are shown as canceled, and subscribers see the end.
    pub fn close(&self) {
        let now = SystemTime::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for state in known.steps.values_mut().filter(|state| state.told.is_none()) {
            let update = Update { error: CANCELED.into(), logs: Vec::new() };
            self.buffer.push(state.step.completed(now, &update));
            state.told = Some(update);
        }
        self.buffer.close();
    }

    /// The step of a source, told of when it is new. `None` when there are too many.
    fn step<'k>(
        &self,
        known: &'k mut Known,
        source: &SourceOp,
        platform: Option<&Platform>,
        began: SystemTime,
    ) -> Option<&'k mut State> {
        let key = (source.clone(), platform.cloned());
        if !known.steps.contains_key(&key) {
            if known.full || known.steps.len() >= self.limit {
                self.say_full(known);
                return None;
            }
            let step = Step::new(source, platform, began);
            if !self.push_or_say_full(known, step.started()) {
                return None;
            }
            known.steps.insert(key.clone(), State { step, told: None });
        }
        known.steps.get_mut(&key)
    }

    fn push_or_say_full(&self, known: &mut Known, message: Bytes) -> bool {
        let pushed = self.buffer.push(message);
        if pushed == Pushed::Full {
            self.say_full(known);
        }
        pushed == Pushed::Kept
    }

    /// Once, in the room that is kept for it.
    fn say_full(&self, known: &mut Known) {
        if !std::mem::replace(&mut known.full, true) {
            let text = format!("further checks are not shown: a build shows {} at most", self.limit);
            self.buffer.push_last(Step::remark(&text, SystemTime::now()));
        }
    }
}

#[cfg(test)]
mod tests;
