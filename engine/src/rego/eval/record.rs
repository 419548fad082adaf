//! What is written down about an evaluation for the report of a test: what was reached, what held, which
//! mocks were in force.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use regorus::Value;

use super::super::ast::{Loc, Name};
use super::super::ir::{Expr, Stmt};
use super::attempt::Attempt;
use super::body::Then;
use super::call::{FunctionKey, FunctionReplacement};
use super::{Context, Evaluation, Flow, Result};

/// What happened in one evaluation.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Files of tests: only what their `with` replaces is a mock.
    test_files: HashSet<u32>,
    /// Statements that were tried.
    pub(crate) reached: HashSet<Loc>,
    /// Definitions of rules that held.
    pub(crate) held: HashSet<Loc>,
    /// Cases of a parametrized test, in the order in which they began.
    pub(crate) cases: Vec<Case>,
    /// What was replaced last.
    pub(crate) mocks: Option<Mocks>,
    /// Every input that was put in force.
    pub(crate) inputs: BTreeSet<Value>,
}

/// A case of a parametrized test.
#[derive(Debug)]
pub(crate) struct Case {
    /// What names it.
    pub(crate) keys: Vec<Value>,
    /// The statement that had no solution last, if one had none.
    pub(crate) failed_at: Option<Loc>,
    /// What it replaced last.
    pub(crate) mocks: Option<Mocks>,
    /// Which of the evaluation's events are its own, and which of what was printed.
    pub(crate) events: Range<usize>,
    pub(crate) prints: Range<usize>,
}

/// What `with` put in the place of input, data and functions.
#[derive(Debug, Clone)]
pub(crate) struct Mocks {
    pub(crate) input: Value,
    data: Vec<(Vec<Name>, Value)>,
    functions: Vec<(FunctionKey, FunctionReplacement)>,
}

impl Record {
    pub(crate) fn new(test_files: HashSet<u32>) -> Self {
        Self { test_files, ..Self::default() }
    }

    pub(super) fn replaced(&mut self, at: Loc, context: &Context) {
        if self.test_files.contains(&at.file) {
            self.inputs.insert(context.input.clone());
            self.mocks = Some(Mocks {
                input: context.input.clone(),
                data: context.data.clone(),
                functions: context.functions.clone(),
            });
        }
    }
}

impl<'p> Evaluation<'p> {
    /// Puts mocks in force that were recorded before.
    pub(crate) fn mock(&mut self, mocks: Mocks) {
        self.has_unknown |= super::unknown::inside(&mocks.input).is_some();
        self.context.input = mocks.input;
        self.context.data = mocks.data;
        self.context.functions = mocks.functions;
    }

    /// The rest of a body, as the case that `keys` name.
    pub(super) fn case(
        &mut self,
        loc: Loc,
        keys: &'p [Expr],
        rest: &'p [Stmt],
        pending: Option<Value>,
        then: Then<'_, 'p>,
    ) -> Result<Flow> {
        let keys = keys.iter().map(|key| self.eval(key)).collect::<Result<Vec<_>>>()?;
        let before = self.record.as_mut().and_then(|record| record.mocks.take());
        let outer = std::mem::take(&mut self.attempt);
        self.attempt = Attempt::new(loc, outer.names, outer.rule);
        let events = self.events.as_ref().map_or(0, Vec::len);
        let prints = self.prints.len();
        let flow = self.solve(rest, pending, then)?;
        let own = std::mem::replace(&mut self.attempt, outer);
        let failed_at = Some(own.at).filter(|at| *at != loc);
        if failed_at.is_some() {
            self.attempt.copy_failure(own);
        }
        let events = events..self.events.as_ref().map_or(0, Vec::len);
        if let Some(record) = &mut self.record {
            let mocks = std::mem::replace(&mut record.mocks, before);
            let prints = prints..self.prints.len();
            record.cases.push(Case { keys, failed_at, mocks, events, prints });
        }
        Ok(flow)
    }
}
