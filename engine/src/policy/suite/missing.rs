//! What rules read and an input does not have, as buildx reports it for a failing test.

use std::collections::BTreeSet;

use regorus::Value;

use super::super::load::HELPERS_NAME;
use super::Suite;
use crate::input;
use crate::rego::ast::{Loc, Name};

/// Steps below `input` that are told apart: `image.labels`.
const STEPS: usize = 2;

impl Suite {
    /// Properties that the policy's rules read somewhere and `input` has not, sorted: `image.labels`.
    pub(super) fn missing(&self, package: &[Name], input: &Value) -> Vec<String> {
        let of_package =
            |loc: Loc| self.modules.iter().any(|m| m.package_loc.file == loc.file && m.package == package);
        let of_policy = |loc: Loc| {
            let name = self.policy.files.get(loc.file as usize).map(super::super::SourceFile::name);
            !self.test_files.contains(&loc.file) && name != Some(HELPERS_NAME)
        };
        // Tests may be in a package of their own.
        let has_own = self.input_refs.iter().any(|read| of_policy(read.loc) && of_package(read.loc));
        let reads = self
            .input_refs
            .iter()
            .filter(|read| of_policy(read.loc) && (!has_own || of_package(read.loc)))
            .map(|read| &read.path[..read.path.len().min(STEPS)])
            .filter(|path| !path.is_empty() && !has(input, path));
        reads.map(|path| path.join(".")).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Of which documents in `input` something would be looked up for a build, sorted.
pub(super) fn resolvable(missing: &[String], input: &Value) -> Vec<String> {
    let documents = missing.iter().filter_map(|path| {
        let steps: Vec<Name> = path.split('.').map(Name::from).collect();
        let (document, _) = path.split_once('.')?;
        let is_there = !matches!(input[document], Value::Undefined);
        // What a URL delivers comes with the source itself.
        (is_there && document != "http" && input::may_be_unresolved(&steps)).then(|| document.to_owned())
    });
    documents.collect::<BTreeSet<_>>().into_iter().collect()
}

fn has(input: &Value, path: &[Name]) -> bool {
    let found = path.iter().try_fold(input, |value, key| match value {
        Value::Object(fields) => fields.get(&Value::String(key.clone())),
        _ => None,
    });
    found.is_some()
}
