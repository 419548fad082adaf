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

/// Names of fields that may have to be resolved first, in any kind of source.
const RESOLVABLE: [&str; 17] = [
    "checksum",
    "createdTime",
    "labels",
    "user",
    "volumes",
    "workingDir",
    "env",
    "hasProvenance",
    "provenance",
    "signatures",
    "tagName",
    "branch",
    "isAnnotatedTag",
    "commitChecksum",
    "isSHA256",
    "tag",
    "commit",
];

/// Whether a field of this name may have to be resolved first.
pub(crate) fn may_be_unresolved_name(name: &str) -> bool {
    RESOLVABLE.contains(&name)
}

/// Whether reading this path below `input` may have to resolve something first.
pub(crate) fn may_be_unresolved(path: &[std::sync::Arc<str>]) -> bool {
    match path {
        [] => true,
        [kind, field, ..] => match &**kind {
            "image" => &**field != "tag" && may_be_unresolved_name(field),
            "git" => &**field == "ref" || may_be_unresolved_name(field),
            "http" | "ociLayout" => may_be_unresolved_name(field),
            _ => false,
        },
        _ => false,
    }
}
