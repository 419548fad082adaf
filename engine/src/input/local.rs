//! `input.local`.

use schemars::JsonSchema;
use serde::Serialize;

/// A directory that the client of a build shares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Local {
    /// Its name within the build: `context`, `dockerfile`, or that of a named context. Not a path.
    #[schemars(example = &"context")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}
