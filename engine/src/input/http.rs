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
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// `http` or `https`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// Host and port.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// Path, decoded and cleaned of `.`, `..` and empty segments.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Query parameters, each with its values in their order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, Vec<String>>,
    /// Whether the build sends an `Authorization` header.
    #[serde(skip_serializing_if = "is_false")]
    pub has_auth: bool,
    /// `sha256:…` of the file. Reading it downloads the file.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checksum: String,
}
