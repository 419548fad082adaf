//! Running tests: on all processors, with results in the order of the tests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use policy_engine::policy::suite::{RunOptions, Suite, Test, TestRun};

use super::LoadedSuite;

/// What the tests of a suite came to, in their order.
pub type Outcome = Vec<TestRun>;

/// Runs all tests; the outcomes are in the order of the suites. Policies see the time `now`.
pub fn run(suites: &[LoadedSuite], now: SystemTime) -> Vec<Outcome> {
    let options = RunOptions::new(now);
    let tasks: Vec<(usize, &Suite, &Test)> = tasks(suites).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((index, suite, test)) = tasks.get(number) else { break };
            let run = suites[*index].select(test, suite.run(test, &options));
            done.lock().unwrap_or_else(PoisonError::into_inner).push((number, run));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(tasks.len());
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    let mut outcomes: Vec<Outcome> = suites.iter().map(|_| Vec::new()).collect();
    for (number, run) in done {
        outcomes[tasks[number].0].push(run);
    }
    outcomes
}

/// Every test with its suite, and that suite's index.
pub(super) fn tasks(suites: &[LoadedSuite]) -> impl Iterator<Item = (usize, &Suite, &Test)> {
    suites.iter().enumerate().flat_map(|(index, loaded)| {
        let suite = loaded.suite.as_ref().ok();
        loaded.tests().filter_map(move |test| Some((index, suite?, test)))
    })
}
