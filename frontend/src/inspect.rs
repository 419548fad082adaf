//! What a policy would see of a source: the input, with the properties looked up that somebody names.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy_engine::check::Facts;
use policy_engine::input::{self, Built, Env, Input, InputError, Node, PathSegment, Unresolved};
use policy_engine::metadata::Request;
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::Trust;

use crate::decide::MAX_ROUNDS;
use crate::lookup::{self, LookupError, Resolve};

/// An input, and what is to be said about it.
#[derive(Debug)]
pub struct Inspection {
    /// What a policy would see.
    pub input: Input,
    /// Properties that are not there because nobody looked them up, sorted.
    pub unresolved: Vec<String>,
    /// Named properties that this input cannot have, in the order they were named.
    pub invalid: Vec<String>,
    /// What was passed over in the metadata.
    pub warnings: Vec<String>,
}

/// Why there is no input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The source or its metadata is malformed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Metadata could not be looked up.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The limit on rounds was hit.
    #[error("the properties were not all there after {MAX_ROUNDS} rounds of looking them up")]
    Rounds,
}

/// Looks up the properties `fields` (`image.labels`, `image.provenance.materials[0].git.commit`), and what
/// has to be known first to get there; signatures are verified under `trust`. Must be called on a tokio runtime.
pub async fn inspect<R: Resolve>(
    source: &SourceOp,
    platform: Option<&Platform>,
    fields: &[String],
    trust: &Trust,
    resolver: &Arc<R>,
    mut slow: impl FnMut(&[Request]) + Send,
) -> Result<Inspection, InspectError> {
    let env = Env::default();
    let mut facts = Facts::default();
    let mut looked_up = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let built = input::build(source, platform, &facts, &env, trust)?;
        let requests = requests(&built, &facts, fields, &mut looked_up);
        if requests.is_empty() {
            return Ok(finish(built, fields, &looked_up));
        }
        let found = lookup::all(resolver, &requests, || slow(&requests)).await?;
        for (request, metadata) in requests.into_iter().zip(found) {
            facts.insert(request.source, request.platform, metadata);
        }
    }
    Err(InspectError::Rounds)
}

/// What to look up next; notes in `looked_up` which properties that is for, so that nothing is tried twice.
fn requests(
    built: &Built,
    facts: &Facts,
    fields: &[String],
    looked_up: &mut BTreeSet<String>,
) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    for node in &built.nodes {
        let groups: Vec<_> = named(node)
            .filter(|(name, _)| fields.iter().any(|field| leads_to(field, name)))
            .filter(|(name, _)| looked_up.insert(name.clone()))
            .map(|(_, unresolved)| unresolved.group)
            .collect();
        if groups.is_empty() {
            continue;
        }
        let known = facts.get(&node.source, node.platform.as_ref());
        let wanted = input::wanted(groups, known);
        let same = |other: &&mut Request| other.source == node.source && other.platform == node.platform;
        match requests.iter_mut().find(same) {
            Some(other) => other.wanted.add(wanted),
            None => {
                requests.push(Request {
                    source: node.source.clone(),
                    platform: node.platform.clone(),
                    wanted,
                });
            }
        }
    }
    requests
}

/// The unresolved properties of a node, with their full names.
fn named(node: &Node) -> impl Iterator<Item = (String, &Unresolved)> {
    let mut path = String::new();
    for segment in &node.path {
        match segment {
            PathSegment::Field(field) => {
                path.push_str(field);
                path.push('.');
            }
            PathSegment::Index(index) => {
                path.truncate(path.trim_end_matches('.').len());
                path.extend(["[", &index.to_string(), "]."]);
            }
        }
    }
    node.unresolved.iter().map(move |unresolved| (format!("{path}{unresolved}"), unresolved))
}

/// Whether `name` has to be known to know `field`: it is the same, or stands above it.
fn leads_to(field: &str, name: &str) -> bool {
    field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn finish(built: Built, fields: &[String], looked_up: &BTreeSet<String>) -> Inspection {
    let open: BTreeSet<String> = built.nodes.iter().flat_map(named).map(|(name, _)| name).collect();
    let unresolved = if fields.is_empty() {
        open.iter().map(|name| summarized(name)).collect::<BTreeSet<_>>().into_iter().collect()
    } else {
        open.iter().filter(|name| fields.iter().any(|field| leads_to(field, name))).cloned().collect()
    };
    let valid = |field: &String| {
        looked_up.iter().chain(&open).any(|name| leads_to(field, name)) || is_there(&built.input, field)
    };
    let invalid = fields.iter().filter(|field| !valid(field)).cloned().collect();
    Inspection { input: built.input, unresolved, invalid, warnings: built.warnings }
}

/// Properties of materials are too many to be listed one by one.
fn summarized(name: &str) -> String {
    match name.split_once(".materials[") {
        Some((provenance, _)) => format!("{provenance}.materials"),
        None => name.to_owned(),
    }
}

/// Whether the input has the property already.
fn is_there(input: &Input, field: &str) -> bool {
    let pointer: String =
        field.split(['.', '[']).flat_map(|step| ["/", step.trim_end_matches(']')]).collect();
    serde_json::to_value(input).is_ok_and(|input| input.pointer(&pointer).is_some())
}
