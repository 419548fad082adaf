//! `input.env`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::is_false;

/// The build a source is checked for, as a caller describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    /// Build arguments; `None` is an argument without a value.
    pub args: BTreeMap<String, Option<String>>,
    /// Labels given on the command line.
    pub labels: BTreeMap<String, String>,
    /// Base name of the Dockerfile.
    pub filename: String,
    /// Target stage.
    pub target: String,
}

/// `input.env`: the build that the source is checked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeEnv {
    /// Build arguments by name; null for an argument without a value.
    #[schemars(example = BTreeMap::from([("VERSION", "1.2")]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Option<String>>,
    /// Labels given on the command line.
    #[schemars(example = BTreeMap::from([("team", "web")]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Base name of the Dockerfile.
    #[schemars(example = &"Dockerfile")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// Target stage.
    #[schemars(example = &"prod")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub target: String,
    /// True when the policy is only asked for its capabilities; there is no source then.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub caps_request: bool,
    /// 0 for the source of the build itself, one more for each step into the materials of a provenance.
    #[schemars(example = 0)]
    pub depth: u32,
}

impl NodeEnv {
    pub(super) fn new(env: &Env, depth: u32) -> Self {
        let Env { args, labels, filename, target } = env.clone();
        Self { args, labels, filename, target, caps_request: false, depth }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.args.is_empty()
            && self.labels.is_empty()
            && self.filename.is_empty()
            && self.target.is_empty()
            && !self.caps_request
            && self.depth == 0
    }
}
