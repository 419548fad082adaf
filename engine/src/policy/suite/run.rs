//! Running one test.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::SystemTime;

use regorus::Value;

use super::super::decide::nanoseconds;
use super::super::{Explanation, ExplanationEvent, PolicyError};
use super::host::TestHost;
use super::missing::resolvable;
use super::{Suite, Test};
use crate::check::{Position, Print};
use crate::rego::ast::Loc;
use crate::rego::eval::{Case, Evaluation, Mocks, Record};
use crate::rego::ir::{Rule, RuleKind};
use crate::rego::unknown;

/// The input and its documents, whose fields are completed.
const DOCUMENT_LEVELS: usize = 2;
/// Properties that a message names.
const SHOWN_PROPERTIES: usize = 2;

/// How tests are run.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// What `time.now_ns()` answers.
    pub now: SystemTime,
    inputs: BTreeMap<Value, Value>,
}

/// What a test came to.
#[derive(Debug, Clone)]
pub struct TestRun {
    /// Of the test; for a parametrized one, of each of its cases, by their names.
    pub cases: Vec<CaseRun>,
    /// Built-in functions that were called to verify a signature, which nothing mocked has.
    pub unverified: Vec<&'static str>,
    /// Every input that it put in force.
    pub inputs: Vec<serde_json::Value>,
    pub(super) reached: HashSet<Loc>,
    pub(super) held: HashSet<Loc>,
}

/// What a test, or one of its cases, came to.
#[derive(Debug, Clone)]
pub struct CaseRun {
    /// `test_hosts`, `test_hosts[docker.io]`
    pub name: String,
    /// How it ended.
    pub verdict: TestVerdict,
    /// For one that failed: the statements that had no solution.
    pub failed_at: Vec<Position>,
    /// The input that it put in force last.
    pub input: Option<serde_json::Value>,
    /// What the policy decides about that input, with what else was mocked; `None` without a decision.
    pub decision: Option<ShownDecision>,
    /// Properties of the input that the policy reads somewhere and this input has not: `image.labels`.
    pub missing_input: Vec<String>,
    /// Of which documents something would be looked up for a build: `image`.
    pub metadata_resolve: Vec<String>,
    /// What happened.
    pub explanation: Explanation,
    /// What `print` said.
    pub prints: Vec<Print>,
}

/// What was told on the way.
#[derive(Clone)]
struct Told {
    explanation: Explanation,
    prints: Vec<Print>,
}

/// How a test or case ended.
struct End {
    verdict: TestVerdict,
    failed_at: Vec<Position>,
    mocks: Option<Mocks>,
    told: Told,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq)]
pub enum TestVerdict {
    /// It is true.
    Passed,
    /// It is not; why, where that is not just a statement that has no solution.
    Failed(Option<String>),
    /// It could not be evaluated.
    Error(PolicyError),
}

/// A decision as far as it can be shown, right or wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ShownDecision {
    /// `allow`, when it is a boolean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// The strings of `deny_msg`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_msg: Vec<String>,
    /// The booleans of `caps`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<String, bool>,
}

impl RunOptions {
    /// Mocked inputs stay as they are.
    pub fn new(now: SystemTime) -> Self {
        Self { now, inputs: BTreeMap::new() }
    }

    /// Where `mock` is put in force, the properties that it has not are taken from `resolved`.
    pub fn complete(&mut self, mock: &serde_json::Value, resolved: &serde_json::Value) {
        let (mock, resolved) = (value(mock), value(resolved));
        let whole = overlay(&resolved, &mock, DOCUMENT_LEVELS);
        self.inputs.insert(mock, whole);
    }

    /// What takes the place of `mock`.
    pub fn completed(&self, mock: &serde_json::Value) -> Option<serde_json::Value> {
        self.inputs.get(&value(mock)).map(json)
    }
}

impl TestRun {
    /// Whether all of it passed.
    pub fn passed(&self) -> bool {
        self.cases.iter().all(|case| case.verdict == TestVerdict::Passed)
    }
}

impl Suite {
    /// What of `input` the policy that a test belongs to reads and `input` has not: `image.labels`.
    pub fn missing_input(&self, test: &Test, input: &serde_json::Value) -> Vec<String> {
        self.missing(&test.package_path, &value(input))
    }

    /// Runs a test of this suite. Never fails: an error is one of its outcomes.
    pub fn run(&self, test: &Test, options: &RunOptions) -> TestRun {
        let host = TestHost {
            policy: &self.policy,
            inputs: &options.inputs,
            unverified: RefCell::new(BTreeSet::new()),
        };
        let rule = &self.policy.program.rules[test.rule];
        let mut evaluation = self.evaluation(&host, options);
        evaluation.record(Record::new(self.test_files.clone()));
        evaluation.explain();
        let path: Vec<&str> = rule.path.iter().map(|name| &**name).collect();
        let value = evaluation.value_at(&path);
        let found = evaluation.findings();
        let mut explanation = Explanation::default();
        let mut record = found.record.map(|record| *record).unwrap_or_default();
        let properties = |id| self.documents.property(id).into_iter().collect();
        explanation.add(&self.policy, found.events, &properties);
        let prints = found.prints.into_iter();
        let prints =
            prints.map(|print| Print { position: self.policy.position(print.loc), text: print.text });
        let told = Told { explanation, prints: prints.collect() };
        let (reached, held) = (std::mem::take(&mut record.reached), std::mem::take(&mut record.held));
        let inputs = record.inputs.iter().map(|input| json(&unknown::without(input))).collect();
        let value = value.map_err(|failure| self.policy.failure(failure)).and_then(|value| {
            if unknown::is_unknown(&value) { Err(self.unresolved(test, &value)) } else { Ok(value) }
        });
        let cases = match value {
            Ok(value) if rule.kind == RuleKind::Object => {
                self.cases(test, rule, &value, record.cases, &told, options)
            }
            Ok(value) => vec![self.whole(test, rule, &value, record.mocks, told, options)],
            Err(error) => {
                let mocks = record.mocks.or_else(|| record.cases.pop().and_then(|case| case.mocks));
                let end = End { verdict: TestVerdict::Error(error), failed_at: Vec::new(), mocks, told };
                vec![self.case(test, test.name.clone(), end, options)]
            }
        };
        let unverified = host.unverified.into_inner().into_iter().collect();
        TestRun { cases, unverified, inputs, reached, held }
    }

    fn evaluation<'s>(&'s self, host: &'s TestHost<'s>, options: &RunOptions) -> Evaluation<'s> {
        let now = nanoseconds(options.now);
        let mut evaluation = Evaluation::new(&self.policy.program, host, Value::Undefined, now);
        evaluation.add_documents(&self.data);
        evaluation
    }

    fn unresolved(&self, test: &Test, unknown: &Value) -> PolicyError {
        let properties = self.documents.unresolved(unknown);
        let further = match properties.len().saturating_sub(SHOWN_PROPERTIES) {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let shown = properties.into_iter().take(SHOWN_PROPERTIES).collect::<Vec<_>>().join(", ");
        PolicyError::Evaluation {
            position: test.position.clone(),
            code: "unresolved",
            message: format!("the test depends on what nobody looked up: {shown}{further}"),
        }
    }

    /// A test with one verdict.
    fn whole(
        &self,
        test: &Test,
        rule: &Rule,
        value: &Value,
        mocks: Option<Mocks>,
        told: Told,
        options: &RunOptions,
    ) -> CaseRun {
        let verdict = match (rule.kind, value) {
            (_, Value::Bool(true)) => TestVerdict::Passed,
            (RuleKind::Set, _) => {
                TestVerdict::Failed(Some("a set is no verdict: write `test_name[case] if …`".to_owned()))
            }
            (_, Value::Undefined | Value::Bool(false)) => TestVerdict::Failed(None),
            (_, other) => {
                let message = format!("a test must be true: its value is {}", unknown::without(other));
                TestVerdict::Failed(Some(message))
            }
        };
        let name = rule.name();
        let failed = told.explanation.events.iter().filter_map(|event| match event {
            ExplanationEvent::Failed { rule, at, .. } if *rule == name => Some(at.clone()),
            _ => None,
        });
        let failed_at = if verdict == TestVerdict::Passed { Vec::new() } else { failed.collect() };
        self.case(test, test.name.clone(), End { verdict, failed_at, mocks, told }, options)
    }

    /// A parametrized test: a case holds if the object has it, and has true there.
    fn cases(
        &self,
        test: &Test,
        rule: &Rule,
        value: &Value,
        begun: Vec<Case>,
        told: &Told,
        options: &RunOptions,
    ) -> Vec<CaseRun> {
        let depth =
            rule.clauses.iter().flat_map(|c| &c.alternatives).map(|a| a.keys.len()).max().unwrap_or(0);
        let mut cases: BTreeMap<Vec<Value>, Option<Case>> = BTreeMap::new();
        entries(value, depth, &mut Vec::new(), &mut |keys| {
            cases.insert(keys.to_vec(), None);
        });
        for case in begun {
            cases.insert(case.keys.clone(), Some(case));
        }
        if cases.is_empty() {
            let verdict = TestVerdict::Failed(Some("no case began".to_owned()));
            let failed_at = vec![test.position.clone()];
            let end = End { verdict, failed_at, mocks: None, told: told.clone() };
            return vec![self.case(test, test.name.clone(), end, options)];
        }
        let case = |(keys, case): (Vec<Value>, Option<Case>)| {
            let name = keys.iter().fold(test.name.clone(), |name, key| format!("{name}[{}]", text(key)));
            let held = keys.iter().try_fold(value, |value, key| match value {
                Value::Object(fields) => fields.get(key),
                _ => None,
            });
            let verdict = match held {
                Some(Value::Bool(true)) => TestVerdict::Passed,
                None | Some(Value::Bool(false)) => TestVerdict::Failed(None),
                Some(other) => {
                    TestVerdict::Failed(Some(format!("a case must be true: its value is {other}")))
                }
            };
            let Some(case) = case else {
                let end = End { verdict, failed_at: Vec::new(), mocks: None, told: told.clone() };
                return self.case(test, name, end, options);
            };
            let failed_at = case.failed_at.filter(|_| verdict != TestVerdict::Passed);
            let failed_at = failed_at.into_iter().map(|loc| self.policy.position(loc)).collect();
            let events = told.explanation.events.get(case.events).unwrap_or_default().to_vec();
            let prints = told.prints.get(case.prints).unwrap_or_default().to_vec();
            let told = Told { explanation: Explanation { events, omitted: 0 }, prints };
            self.case(test, name, End { verdict, failed_at, mocks: case.mocks, told }, options)
        };
        cases.into_iter().map(case).collect()
    }

    fn case(&self, test: &Test, name: String, end: End, options: &RunOptions) -> CaseRun {
        let End { verdict, failed_at, mocks, told } = end;
        let input = mocks.as_ref().map_or(Value::Undefined, |mocks| unknown::without(&mocks.input));
        let missing_input = self.missing(&test.package_path, &input);
        CaseRun {
            name,
            verdict,
            failed_at,
            metadata_resolve: resolvable(&missing_input, &input),
            missing_input,
            decision: self.decision(test, mocks, options),
            input: (input != Value::Undefined).then(|| json(&input)),
            explanation: told.explanation,
            prints: told.prints,
        }
    }

    /// What the policy decides under the mocks of a test, if it decides.
    fn decision(&self, test: &Test, mocks: Option<Mocks>, options: &RunOptions) -> Option<ShownDecision> {
        let own: Vec<&str> = test.package_path.iter().map(|name| &**name).chain(["decision"]).collect();
        let has_own = self.policy.program.node(&own).is_some();
        let path = if has_own { own.as_slice() } else { &["docker", "decision"] };
        let host = TestHost {
            policy: &self.policy,
            inputs: &options.inputs,
            unverified: RefCell::new(BTreeSet::new()),
        };
        let mut evaluation = self.evaluation(&host, options);
        if let Some(mocks) = mocks {
            evaluation.mock(mocks);
        }
        let value = evaluation.value_at(path).ok().filter(|value| !unknown::is_unknown(value))?;
        shown(&unknown::without(&value))
    }
}

fn shown(decision: &Value) -> Option<ShownDecision> {
    let Value::Object(fields) = decision else { return None };
    let field = |name: &str| fields.get(&Value::from(name));
    let strings = |items: &mut dyn Iterator<Item = &Value>| {
        items.filter_map(|item| item.as_string().ok().map(ToString::to_string)).collect()
    };
    let deny_msg: Vec<String> = match field("deny_msg") {
        Some(Value::String(message)) => vec![message.to_string()],
        Some(Value::Array(items)) => strings(&mut items.iter()),
        Some(Value::Set(items)) => strings(&mut items.iter()),
        Some(Value::Object(items)) if items.values().all(|value| *value == Value::Bool(true)) => {
            strings(&mut items.keys())
        }
        _ => Vec::new(),
    };
    let caps = match field("caps") {
        Some(Value::Object(caps)) => {
            let known = caps.iter().filter_map(|(name, wanted)| match (name, wanted) {
                (Value::String(name), Value::Bool(wanted)) => Some((name.to_string(), *wanted)),
                _ => None,
            });
            known.collect()
        }
        _ => BTreeMap::new(),
    };
    let allow = match field("allow") {
        Some(Value::Bool(allow)) => Some(*allow),
        _ => None,
    };
    Some(ShownDecision { allow, deny_msg, caps })
}

/// Calls `each` with the keys of all entries `depth` deep.
fn entries(value: &Value, depth: usize, keys: &mut Vec<Value>, each: &mut dyn FnMut(&[Value])) {
    match value {
        Value::Object(fields) if keys.len() < depth => {
            for (key, value) in fields.iter() {
                keys.push(key.clone());
                entries(value, depth, keys, each);
                keys.pop();
            }
        }
        _ if keys.len() == depth => each(keys),
        _ => {}
    }
}

fn text(key: &Value) -> String {
    match key {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    }
}

/// `over`, and the fields of its documents that it has not from `under`. A field that it has stands as it is.
fn overlay(under: &Value, over: &Value, levels: usize) -> Value {
    let (Value::Object(under), Value::Object(fields)) = (under, over) else { return over.clone() };
    if levels == 0 {
        return over.clone();
    }
    let mut whole: BTreeMap<Value, Value> = under.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    for (key, value) in fields.iter() {
        let value = whole.get(key).map_or_else(|| value.clone(), |under| overlay(under, value, levels - 1));
        whole.insert(key.clone(), value);
    }
    Value::from(whole)
}

/// Sets come out as arrays.
fn json(value: &Value) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or(serde_json::Value::Null)
}

fn value(json: &serde_json::Value) -> Value {
    Value::from_json_str(&json.to_string()).unwrap_or(Value::Undefined)
}
