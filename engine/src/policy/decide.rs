//! One check of one policy: input, evaluation, decision.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use regorus::Value;

use super::host::SourceHost;
use super::{EVALUATION_CODES, ErrorCode, Explanation, Policy, PolicyError};
use crate::check::{Action, Check, Decision, Outcome, Print};
use crate::input::{self, Built, Demand, Env, Group, Input, Node, PathSegment, RawObjects};
use crate::metadata::{ChecksumRequest, Request};
use crate::rego::ast::Loc;
use crate::rego::eval::{Evaluation, Failure, Findings};
use crate::rego::unknown;
use crate::source::{Redacted, SourceOp};
use crate::verify::{self, Trust};

/// Capabilities that a policy may ask for, as buildx knows them.
const KNOWN_CAPS: [&str; 1] = ["exec.proxy"];

/// Which metadata the numbers in unknown values stand for.
#[derive(Default)]
pub(super) struct Demands {
    nodes: Vec<Node>,
    /// By number: the node and the group.
    list: Vec<(usize, Group)>,
    /// What built-ins ask for while the policy is evaluated, about the source being checked; numbered after
    /// those of `list`.
    made: RefCell<Vec<Demand>>,
}

pub(super) fn check(
    policy: &Policy,
    check: &Check<'_>,
    trust: &Trust,
    explanation: Option<&mut Explanation>,
) -> Result<Outcome, PolicyError> {
    let trust = &trust.as_of(check.now);
    let Built { input, nodes, warnings, raw } =
        input::build(check.source, check.platform, check.facts, check.env, trust)?;
    let mut document = input.to_value();
    let demands = Demands::mark(&mut document, nodes);
    let host = SourceHost {
        policy,
        input: &input,
        document: &document,
        raw: &raw,
        trust,
        now: check.now,
        demands: &demands,
        failures: RefCell::default(),
        by_key: RefCell::default(),
    };
    let now_ns = nanoseconds(check.now);
    let mut evaluation = Evaluation::new(&policy.program, &host, document.clone(), now_ns);
    if explanation.is_some() {
        evaluation.explain();
    }
    let evaluated = evaluation.value_at(&["docker", "decision"]);
    let origin = origin(&evaluation, evaluated.as_ref().ok());
    let Findings { pins, prints, events, omitted, .. } = evaluation.findings();
    if let Some(explanation) = explanation {
        explanation.add(policy, events, &|id| demands.properties(id));
        explanation.omitted = omitted;
    }
    let value = evaluated.map_err(|failure| policy.failure(failure))?;
    let value = match unresolved(&value) {
        Some(unknown) => return Ok(demands.needs(&unknown, check)),
        None => value,
    };
    let parsed = parse(policy, &value)?;
    let mut decision = Decision {
        action: if parsed.allow { Action::Allow } else { Action::Deny },
        messages: parsed.messages,
        update: None,
        position: origin.map(|loc| policy.position(loc)),
        caps: parsed.caps,
        prints: prints
            .into_iter()
            .map(|print| Print { position: policy.position(print.loc), text: print.text })
            .collect(),
        warnings,
        failures: failures(&input, host.failures.into_inner(), &host.by_key.borrow()),
    };
    if decision.action == Action::Allow
        && let Some(update) = pinned(check.source, &input, pins)?
    {
        decision.action = Action::Convert;
        decision.update = Some(update);
    }
    Ok(Outcome::Decided(decision))
}

/// The decision without a source, of which only `caps` counts.
pub(super) fn caps(
    policy: &Policy,
    env: &Env,
    now: SystemTime,
) -> Result<BTreeMap<String, bool>, PolicyError> {
    let input = Input::caps_request(env);
    let document = input.to_value();
    // No source, so nothing to verify: the built-ins answer before they look at any of these.
    let (demands, raw, trust) = (Demands::default(), RawObjects::default(), Trust::default());
    let host = SourceHost {
        policy,
        input: &input,
        document: &document,
        raw: &raw,
        trust: &trust,
        now,
        demands: &demands,
        failures: RefCell::default(),
        by_key: RefCell::default(),
    };
    let mut evaluation = Evaluation::new(&policy.program, &host, document.clone(), nanoseconds(now));
    let value = evaluation.value_at(&["docker", "decision"]).map_err(|failure| policy.failure(failure))?;
    // Nothing is unresolved in this input, so nothing can be unknown.
    Ok(parse(policy, &value)?.caps)
}

/// Since 1970, as `time.now_ns()` answers.
pub(super) fn nanoseconds(now: SystemTime) -> i64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}

impl Policy {
    pub(super) fn failure(&self, failure: Failure) -> PolicyError {
        debug_assert!(
            ErrorCode::find(&EVALUATION_CODES, failure.code).is_some(),
            "{} is in no table",
            failure.code
        );
        PolicyError::Evaluation {
            position: self.position(failure.loc),
            code: failure.code,
            message: failure.message,
        }
    }
}

/// The signatures that don't count: those of the image, if it was asked for its signatures, and those that built-ins
/// noted. One that needed a key and found it counts; where a key was tried, that it needs one is no news.
fn failures(input: &Input, noted: Vec<verify::Failure>, by_key: &BTreeSet<String>) -> Vec<verify::Failure> {
    let verification = input.image_content().map(|content| content.verification.as_slice());
    let needed_key = |failure: &&verify::Failure| {
        failure.step == verify::Step::KeyNeeded
            && (by_key.contains(&failure.digest) || noted.iter().any(|tried| tried.digest == failure.digest))
    };
    let of_image = verification.unwrap_or_default().iter().filter(|failure| !needed_key(failure)).cloned();
    let mut failures: Vec<_> = of_image.collect();
    for failure in noted {
        if !failures.contains(&failure) {
            failures.push(failure);
        }
    }
    failures
}

/// The place that made the decision what it is: for a denial with messages the first of them, else `allow`.
fn origin(evaluation: &Evaluation<'_>, decision: Option<&Value>) -> Option<Loc> {
    let denied_with_message = decision.is_some_and(|decision| {
        decision["allow"] != Value::from(true)
            && match &decision["deny_msg"] {
                Value::Set(messages) => !messages.is_empty(),
                Value::Object(messages) => !messages.is_empty(),
                _ => false,
            }
    });
    let message = denied_with_message.then(|| evaluation.origin(&["docker", "deny_msg"])).flatten();
    message
        .or_else(|| evaluation.origin(&["docker", "allow"]))
        .or_else(|| evaluation.origin(&["docker", "decision"]))
}

/// What of a decision is unknown, as far as it counts.
fn unresolved(decision: &Value) -> Option<Value> {
    if unknown::is_unknown(decision) {
        return Some(decision.clone());
    }
    let mut found = None;
    if let Value::Object(fields) = decision {
        for key in ["allow", "deny_msg", "caps"] {
            if let Some(unknown) = fields.get(&Value::from(key)).and_then(unknown::inside) {
                unknown::add(&mut found, &unknown);
            }
        }
    }
    found
}

impl Demands {
    /// Puts an unknown value into each unresolved field of `document`.
    fn mark(document: &mut Value, nodes: Vec<Node>) -> Self {
        let mut list: Vec<(usize, Group)> = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let first = list.len();
            let Some(at) = walk(document, &node.path) else { continue };
            for field in &node.unresolved {
                let known = list[first..].iter().position(|(_, group)| *group == field.group);
                let id = known.map_or(list.len(), |known| first + known);
                if id == list.len() {
                    list.push((index, field.group));
                }
                let (objects, name) = field.field.rsplit_once('.').unwrap_or(("", field.field));
                let mut names = objects.split('.').filter(|name| !name.is_empty());
                let object = child(at, field.document).and_then(|at| names.try_fold(at, child));
                let Some(object) = object.and_then(|v| v.as_object_mut().ok()) else { continue };
                object.insert(Value::from(name), unknown::unknown(u32::try_from(id).unwrap_or(u32::MAX)));
            }
        }
        Self { nodes, list, made: RefCell::default() }
    }

    /// The unknown value of a group of the source being checked, if that is unresolved.
    pub(super) fn of_root(&self, group: Group) -> Option<Value> {
        let id = self.list.iter().position(|entry| *entry == (0, group))?;
        Some(unknown::unknown(u32::try_from(id).ok()?))
    }

    /// The unknown value of something about the source being checked that no property of the input shows.
    pub(super) fn make(&self, demand: Demand) -> Value {
        let mut made = self.made.borrow_mut();
        let known = made.iter().position(|other| *other == demand);
        let index = known.unwrap_or_else(|| {
            made.push(demand);
            made.len() - 1
        });
        unknown::unknown(u32::try_from(self.list.len() + index).unwrap_or(u32::MAX))
    }

    /// Number `id` among those made during the evaluation.
    fn made(&self, id: u32) -> Option<Demand> {
        let index = (id as usize).checked_sub(self.list.len())?;
        self.made.borrow().get(index).cloned()
    }

    /// `input.image.labels` and its like: all that a demand would resolve.
    fn properties(&self, id: u32) -> Vec<String> {
        match self.made(id) {
            Some(Demand::Checksum(ChecksumRequest { algorithm, .. })) => {
                return vec![format!("the {} of `input.http` with a signature's trailer", algorithm.name())];
            }
            Some(Demand::GithubAttestation(repository)) => {
                return vec![format!("the attestations of `input.http` in {repository}")];
            }
            Some(Demand::Group(_)) | None => {}
        }
        let Some((node, group)) = self.list.get(id as usize) else { return Vec::new() };
        let node = &self.nodes[*node];
        let mut prefix = String::from("input");
        for segment in &node.path {
            match segment {
                PathSegment::Field(name) => prefix.extend([".", name]),
                PathSegment::Index(index) => prefix.extend(["[", &index.to_string(), "]"]),
            }
        }
        let fields = node.unresolved.iter().filter(|field| field.group == *group);
        fields.map(|field| format!("{prefix}.{}.{}", field.document, field.field)).collect()
    }

    /// The requests that would resolve `unknown`, one for each source.
    fn needs(&self, unknown: &Value, check: &Check<'_>) -> Outcome {
        let mut groups: BTreeMap<usize, Vec<Demand>> = BTreeMap::new();
        for id in unknown::demands(unknown) {
            if let Some((node, group)) = self.list.get(id as usize) {
                groups.entry(*node).or_default().push(Demand::Group(*group));
            } else if let Some(demand) = self.made(id) {
                groups.entry(0).or_default().push(demand);
            }
        }
        let mut requests: Vec<Request> = Vec::new();
        for (node, groups) in groups {
            let node = &self.nodes[node];
            let known = check.facts.get(&node.source, node.platform.as_ref());
            let wanted = input::wanted(groups, known);
            // The same material may be there more than once.
            match requests.iter_mut().find(|r| r.source == node.source && r.platform == node.platform) {
                Some(request) => request.wanted.add(wanted),
                None => requests.push(Request {
                    source: node.source.clone(),
                    platform: node.platform.clone(),
                    wanted,
                }),
            }
        }
        Outcome::Needs(requests)
    }
}

pub(super) fn walk<'v>(value: &'v mut Value, path: &[PathSegment]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        PathSegment::Field(name) => child(value, name),
        PathSegment::Index(index) => value.as_array_mut().ok()?.get_mut(*index),
    })
}

pub(super) fn child<'v>(value: &'v mut Value, name: &str) -> Option<&'v mut Value> {
    value.as_object_mut().ok()?.get_mut(&Value::from(name))
}

struct Parsed {
    allow: bool,
    messages: Vec<String>,
    caps: BTreeMap<String, bool>,
}

fn parse(policy: &Policy, value: &Value) -> Result<Parsed, PolicyError> {
    let invalid = |message: String| Err(PolicyError::InvalidDecision(message));
    let fields = match value {
        Value::Undefined => return Err(PolicyError::Undefined { policy: policy.name().to_owned() }),
        Value::Object(fields) => fields,
        other => return invalid(format!("the decision must be an object, not {}", kind(other))),
    };
    let field = |name: &str| fields.get(&Value::from(name));
    let allow = match field("allow") {
        None => false,
        Some(Value::Bool(allow)) => *allow,
        Some(other) => return invalid(format!("`allow` must be a boolean, not {}", kind(other))),
    };
    let messages = match field("deny_msg") {
        None => Vec::new(),
        Some(Value::String(message)) => vec![message.to_string()],
        Some(Value::Array(items)) => messages(items.iter())?,
        Some(Value::Set(items)) => messages(items.iter())?,
        // What `deny_msg[message] if …` makes: a set, to an author who knows Rego from before version 1.
        Some(Value::Object(items)) if items.values().all(|value| *value == Value::Bool(true)) => {
            messages(items.keys())?
        }
        Some(other) => {
            return invalid(format!("`deny_msg` must be a set of strings, not {}", kind(other)));
        }
    };
    let mut caps = BTreeMap::new();
    match field("caps") {
        None => {}
        Some(Value::Object(entries)) => {
            for (name, wanted) in entries.iter() {
                match (name, wanted) {
                    (Value::String(name), Value::Bool(wanted)) if KNOWN_CAPS.contains(&&**name) => {
                        caps.insert(name.to_string(), *wanted);
                    }
                    (Value::String(name), _) if KNOWN_CAPS.contains(&&**name) => {
                        return invalid(format!("`caps` must hold booleans: {name:?} is {}", kind(wanted)));
                    }
                    _ => return invalid(format!("unknown policy cap {name}: known is \"exec.proxy\"")),
                }
            }
        }
        Some(other) => return invalid(format!("`caps` must be an object, not {}", kind(other))),
    }
    Ok(Parsed { allow, messages, caps })
}

fn messages<'v>(items: impl Iterator<Item = &'v Value>) -> Result<Vec<String>, PolicyError> {
    items
        .map(|item| match item {
            Value::String(message) => Ok(message.to_string()),
            other => Err(PolicyError::InvalidDecision(format!(
                "`deny_msg` must hold strings, and one of its elements is {}",
                kind(other)
            ))),
        })
        .collect()
}

fn kind(value: &Value) -> String {
    let types = crate::builtins::Types::of(value).to_string();
    if types.starts_with(['a', 'o']) { format!("an {types}") } else { format!("a {types}") }
}

/// The source with the digest that the policy pinned it to. As in buildx, an image that is known to have
/// that digest is used as it is; but whether the pins agree does not depend on what is known.
fn pinned(
    source: &SourceOp,
    input: &input::Input,
    mut pins: Vec<String>,
) -> Result<Option<SourceOp>, PolicyError> {
    pins.sort();
    pins.dedup();
    match pins.as_slice() {
        [] => Ok(None),
        [pin] if input.image.as_ref().is_some_and(|image| image.content.checksum == *pin) => Ok(None),
        [pin] => source.with_digest(pin).map(Some).map_err(|error| PolicyError::Input(error.into())),
        several => Err(PolicyError::InvalidDecision(format!(
            "the policy pins {} to several digests: {}",
            Redacted(&source.identifier),
            several.join(", ")
        ))),
    }
}
