//! JSON Schemas (draft 2020-12) of what goes into a policy and what comes out.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use super::Input;

/// What a policy answers as `data.docker.decision`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename = "Decision", deny_unknown_fields)]
#[allow(dead_code, reason = "only its shape is needed")]
struct DecisionDocument {
    /// Whether the source may be used; without it, it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<bool>,
    /// Why not, a message each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deny_msg: Vec<String>,
    /// Capabilities that the policy asks of the build, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    caps: BTreeMap<String, bool>,
}

/// JSON Schema of the input.
pub fn schema() -> Value {
    generate::<Input>("https://policy-check.dev/schema/input.json")
}

/// JSON Schema of the decision.
pub fn decision_schema() -> Value {
    generate::<DecisionDocument>("https://policy-check.dev/schema/decision.json")
}

fn generate<T: JsonSchema>(id: &str) -> Value {
    let mut schema: Schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), id.into());
    schema.into()
}
