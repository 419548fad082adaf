//! What is being checked: a source of a build, as BuildKit names it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A source as BuildKit names it (`pb.SourceOp`): an identifier such as
/// `docker-image://docker.io/library/alpine:3.21` or `git://example.com/repo.git#main`, and attributes
/// such as `git.fullurl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SourceOp {
    /// Scheme and reference, e.g. `local://context`.
    pub identifier: String,
    /// BuildKit's source attributes, by their full names (`git.fullurl`, `http.authheadersecret`, …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<String, String>,
}

impl SourceOp {
    /// A source without attributes.
    pub fn new(identifier: impl Into<String>) -> Self {
        Self { identifier: identifier.into(), attrs: BTreeMap::new() }
    }
}

/// The platform an image is wanted for, normalized as containerd does it
/// (`linux/arm64` has an empty variant, `linux/arm/v7` has `v7`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, …
    pub os: String,
    /// Go's name of the architecture: `amd64`, `arm64`, `arm`, …
    pub architecture: String,
    /// `v7`, `v8`, …; empty when the architecture's default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant: String,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}
