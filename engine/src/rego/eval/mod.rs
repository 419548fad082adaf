//! Running a program over an input that may be unresolved in places.
//!
//! Every expression has a value, is `Undefined`, or is *unknown* (see [`super::unknown`]). A body that
//! meets an unknown statement goes on: a later statement that fails settles the body whatever the unknown
//! one would have said. Only where the unknown statement might have ended in an error (which a later
//! failure must not hide) the body stops there.
//!
//! Errors and pins count wherever they are made, so it matters whether the place is reached at all. An
//! error or a pin that comes after something unknown was met may not come when that is known
//! ([`Evaluation::met`]), and an unknown statement may turn out to make one ([`Evaluation::uncertain`]):
//! with either, there is no decision yet, whatever the rules say.

mod attempt;
mod body;
mod call;
mod data;
mod expr;
mod pattern;
mod record;
mod rule;

use std::collections::HashMap;

use regorus::Value;

use super::ast::{Loc, Name};
use super::ir::{OwnBuiltin, Program, RuleId, Slot};
use super::unknown;
pub(crate) use attempt::Read;
pub(crate) use record::{Case, Mocks, Record};

/// Statements and expressions that one evaluation may run: a second or so.
const MAX_STEPS: u64 = 10_000_000;
/// Bytes that the values made in one evaluation may take, roughly.
const MAX_BYTES: u64 = 256 << 20;
/// Bytes of operands that are one step of work.
const BYTES_PER_STEP: u64 = 1_024;
/// Parts of a value that are one step of work.
const PARTS_PER_STEP: u64 = 4;
/// Events that are remembered of one evaluation.
const MAX_EVENTS: usize = 10_000;
/// Arrays, sets and objects may hold each other this deep.
const MAX_NESTING: usize = 512;
/// Stack that must be left before an evaluation goes deeper: enough to go through a value to its depth.
const RED_ZONE: usize = 1 << 20;
/// Stack that is added when less is left.
const STACK_SEGMENT: usize = 4 << 20;
/// Rules may refer to rules this deep.
const MAX_RULE_DEPTH: usize = 2_000;

/// Why an evaluation ended without a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) loc: Loc,
    /// Stable, kebab-case.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

type Result<T> = std::result::Result<T, Failure>;

/// What one of the product's own built-ins answers.
pub(crate) enum Answer {
    /// A value, `Undefined` included.
    Value(Value),
    /// Undefined, and why.
    Undefined(String),
    /// It cannot do its work: the evaluation ends.
    Error(String),
    /// True, and the image is to be replaced by the one with this digest if the rule body holds.
    Pin(String),
}

/// What the product's own built-ins work on.
pub(crate) trait Host {
    /// Calls `builtin`. The arguments are known and defined, but may hold unresolved fields inside.
    fn call(&self, builtin: OwnBuiltin, args: &[Value]) -> Answer;

    /// As [`Host::call`], where `with` has perhaps replaced the input by `input`.
    fn call_with(&self, _input: &Value, builtin: OwnBuiltin, args: &[Value]) -> Answer {
        self.call(builtin, args)
    }

    /// The input that takes the place of one that `with input as …` puts in force.
    fn mocked(&self, input: Value) -> Value {
        input
    }
}

/// Whether to look for further solutions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

/// A `print` that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) loc: Loc,
    pub(crate) text: String,
}

/// What happened, for a user who asks why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A definition of a rule held.
    Held { rule: RuleId, loc: Loc },
    /// It did not: the statement without a solution that was reached last, how often it was tried, and what it read
    /// the last time.
    Failed { rule: RuleId, loc: Loc, at: Loc, tries: usize, read: Vec<Read> },
    /// It could not be told.
    Unknown { rule: RuleId, loc: Loc },
    /// An unresolved property was read.
    Asked { loc: Loc, demands: Vec<u32> },
    /// A built-in had an error, so that the expression is undefined.
    Undefined { loc: Loc, message: String },
}

/// A rule's value and the place that gave it.
#[derive(Debug, Clone)]
struct Memo {
    value: Value,
    loc: Loc,
}

/// What `with` can replace, and what was computed under the replacements in force.
#[derive(Debug)]
struct Context {
    input: Value,
    data: Vec<(Vec<Name>, Value)>,
    functions: Vec<(call::FunctionKey, call::FunctionReplacement)>,
    memo: Vec<Option<Memo>>,
    /// The same without replaced functions, once a replacement has run.
    unmocked: Option<Box<Context>>,
}

/// One evaluation of a program.
pub(crate) struct Evaluation<'p> {
    program: &'p Program,
    host: &'p dyn Host,
    now_ns: i64,
    /// Whether anything in the input is unresolved, or was asked for: if not, nothing needs to be searched for it.
    has_unknown: bool,
    context: Context,
    stack: Vec<Value>,
    base: usize,
    depth: usize,
    steps: u64,
    bytes: u64,
    /// Pins made in bodies that are still being evaluated, and those whose bodies held.
    open_pins: Vec<String>,
    pins: Vec<String>,
    prints: Vec<Printed>,
    /// Random values by function and arguments (as text: values have no hash).
    random: HashMap<(OwnBuiltin, String), Value>,
    attempt: attempt::Attempt<'p>,
    events: Option<Vec<Event>>,
    /// Events beyond [`MAX_EVENTS`].
    omitted: usize,
    /// For tests.
    record: Option<Box<Record>>,
    /// Everything unknown that the evaluation had to go on without.
    met: Option<Value>,
    /// What errors and pins depend on that nobody has resolved yet.
    uncertain: Option<Value>,
}

/// What an evaluation found out besides the value.
pub(crate) struct Findings {
    pub(crate) pins: Vec<String>,
    pub(crate) prints: Vec<Printed>,
    pub(crate) events: Vec<Event>,
    /// How many more events there were than are remembered.
    pub(crate) omitted: usize,
    pub(crate) record: Option<Box<Record>>,
}

impl<'p> Evaluation<'p> {
    pub(crate) fn new(program: &'p Program, host: &'p dyn Host, input: Value, now_ns: i64) -> Self {
        let has_unknown = unknown::inside(&input).is_some();
        let memo = program.rules.iter().map(|_| None).collect();
        Self {
            program,
            host,
            now_ns,
            has_unknown,
            context: Context { input, data: Vec::new(), functions: Vec::new(), memo, unmocked: None },
            stack: Vec::new(),
            base: 0,
            depth: 0,
            steps: 0,
            bytes: 0,
            open_pins: Vec::new(),
            pins: Vec::new(),
            prints: Vec::new(),
            random: HashMap::new(),
            attempt: attempt::Attempt::default(),
            events: None,
            omitted: 0,
            record: None,
            met: None,
            uncertain: None,
        }
    }

    /// Remembers what happens, for [`Findings::events`].
    pub(crate) fn explain(&mut self) {
        self.events = Some(Vec::new());
    }

    /// Puts documents below `data`, beside what the rules define. None is at or above a rule.
    pub(crate) fn add_documents(&mut self, documents: &[(Vec<Name>, Value)]) {
        self.has_unknown |= documents.iter().any(|(_, value)| unknown::inside(value).is_some());
        self.context.data.extend(documents.iter().cloned());
    }

    /// Writes down what a test did, for [`Findings::record`].
    pub(crate) fn record(&mut self, record: Record) {
        self.record = Some(Box::new(record));
    }

    /// The value of the rule at `path` below `data`; undefined when there is none. Unknown as long as
    /// errors or pins depend on something unresolved.
    pub(crate) fn value_at(&mut self, path: &[&str]) -> Result<Value> {
        let Some(rule) = self.program.node(path).and_then(|node| self.program.tree[node].rule) else {
            return Ok(Value::Undefined);
        };
        match (self.rule_value(rule), &self.met, &self.uncertain) {
            (Ok(value), _, Some(why)) if unknown::is_unknown(&value) => Ok(unknown::merge(&value, why)),
            (Ok(_), _, Some(why)) | (Err(_), Some(why), _) => Ok(why.clone()),
            (result, ..) => result,
        }
    }

    /// Notes that the evaluation goes on without knowing this.
    fn meet(&mut self, why: &Value) {
        unknown::add(&mut self.met, why);
    }

    /// Notes that what is unknown might have ended in an error or made a pin, if `may_fail`: also where
    /// something undefined next to it hides that it is unknown.
    fn meet_uncertain(&mut self, why: &Value, may_fail: bool) {
        self.meet(why);
        // What a function does that stands in for another is not in the statement's traits.
        if may_fail || !self.context.functions.is_empty() {
            unknown::add(&mut self.uncertain, why);
        }
    }

    /// Where the value of the rule at `path` came from, if it was evaluated.
    pub(crate) fn origin(&self, path: &[&str]) -> Option<Loc> {
        let rule = self.program.tree[self.program.node(path)?].rule?;
        self.context.memo[rule].as_ref().map(|memo| memo.loc)
    }

    pub(crate) fn findings(self) -> Findings {
        Findings {
            pins: self.pins,
            prints: self.prints,
            events: self.events.unwrap_or_default(),
            omitted: self.omitted,
            record: self.record,
        }
    }

    fn local(&self, slot: Slot) -> &Value {
        &self.stack[self.base + slot]
    }

    fn set(&mut self, slot: Slot, value: Value) {
        let at = self.base + slot;
        self.stack[at] = value;
    }

    fn step(&mut self, loc: Loc) -> Result<()> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            let message = format!("the evaluation takes more than {MAX_STEPS} steps");
            return Err(Failure { loc, code: "limit", message });
        }
        Ok(())
    }

    /// Counts memory that a new value takes.
    fn charge(&mut self, loc: Loc, bytes: usize) -> Result<()> {
        self.bytes += bytes as u64;
        if self.bytes > MAX_BYTES {
            let message = format!("the evaluation takes more than {} MiB of memory", MAX_BYTES >> 20);
            return Err(Failure { loc, code: "limit", message });
        }
        Ok(())
    }

    /// Counts the work that going through operands is, as a built-in or comparison does.
    fn work(&mut self, loc: Loc, operands: &[&Value]) -> Result<()> {
        let bytes: usize = operands.iter().map(|value| size(value)).sum();
        self.steps += bytes as u64 / BYTES_PER_STEP;
        self.step(loc)
    }

    /// Checks a value made of others: it may not nest too deep, and it must be small enough to go through.
    /// (Written out, a value may be far larger than what it takes in memory.)
    fn made(&mut self, loc: Loc, value: &Value) -> Result<()> {
        let budget = (MAX_STEPS + 1).saturating_sub(self.steps) * PARTS_PER_STEP;
        let mut parts = 0;
        let fits = count_parts(value, 0, budget, &mut parts);
        self.steps += parts / PARTS_PER_STEP;
        if !fits && parts < budget {
            let message = format!("a value nests more than {MAX_NESTING} deep");
            return Err(Failure { loc, code: "limit", message });
        }
        self.step(loc)
    }

    fn note(&mut self, event: impl FnOnce() -> Event) {
        match &mut self.events {
            Some(events) if events.len() < MAX_EVENTS => events.push(event()),
            Some(_) => self.omitted += 1,
            None => {}
        }
    }
}

/// Counts a value and everything in it; gives up beyond `budget` parts or too deep.
fn count_parts(value: &Value, depth: usize, budget: u64, parts: &mut u64) -> bool {
    *parts += 1;
    if depth > MAX_NESTING || *parts >= budget {
        return false;
    }
    match value {
        Value::Array(items) => items.iter().all(|item| count_parts(item, depth + 1, budget, parts)),
        Value::Set(items) => items.iter().all(|item| count_parts(item, depth + 1, budget, parts)),
        Value::Object(fields) => fields.iter().all(|(key, field)| {
            count_parts(key, depth + 1, budget, parts) && count_parts(field, depth + 1, budget, parts)
        }),
        _ => true,
    }
}

/// Bytes of a value itself and of what it directly holds, roughly.
fn size(value: &Value) -> usize {
    const ELEMENT: usize = 32;
    ELEMENT
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.len() * ELEMENT,
            Value::Set(items) => items.len() * 2 * ELEMENT,
            Value::Object(fields) => fields.len() * 3 * ELEMENT,
            _ => 0,
        }
}
