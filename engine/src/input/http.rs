//! `input.http`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::is_false;

/// A file behind a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    /// The URL as the build has it.
    #[schemars(example = &"https://example.com/a/tool.tar.gz?v=1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// `http` or `https`.
    #[schemars(example = &"https")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// Host and port.
    #[schemars(example = &"example.com")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Path, decoded and cleaned of `.`, `..` and empty segments.
    #[schemars(example = &"/a/tool.tar.gz")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Query parameters, each with its values in their order.
    #[schemars(example = BTreeMap::from([("v", ["1"])]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Vec<String>>,
    /// Whether the build sends an `Authorization` header.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub has_auth: bool,
    /// `sha256:…` of the file. Reading it downloads the file.
    #[schemars(example = &"sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checksum: String,
}
