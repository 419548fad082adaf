//! The input document.

use std::collections::BTreeMap;

/// `input.env`: the build a source is checked for.
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
