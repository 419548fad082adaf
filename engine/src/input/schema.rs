//! JSON Schemas (draft 2020-12) of what goes into a policy and what comes out.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use super::{Input, is_false};

/// What a policy answers as `data.docker.decision`.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[serde(rename = "Decision")]
#[allow(dead_code, reason = "only its shape is needed")]
struct DecisionDocument {
    /// Whether the source may be used; without it, it may not.
    #[serde(skip_serializing_if = "is_false")]
    allow: bool,
    /// Why not: a set (or array) of messages, or a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    deny_msg: Option<DenyMessages>,
    /// Capabilities that the policy asks of the build, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    caps: BTreeMap<String, bool>,
}

/// Messages of a denial.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its shape is needed")]
enum DenyMessages {
    /// A message each.
    Several(Vec<String>),
    /// One message.
    One(String),
}

/// JSON Schema of the input.
pub fn schema() -> Value {
    generate::<Input>("urn:policy-check:schema:input:1")
}

/// JSON Schema of the decision.
pub fn decision_schema() -> Value {
    generate::<DecisionDocument>("urn:policy-check:schema:decision:1")
}

/// What `$ref` refers to in the schema `root`: `#`, or a path in it such as `#/$defs/Image`.
pub(super) fn referred<'s>(root: &'s Value, reference: &str) -> Option<&'s Value> {
    root.pointer(reference.strip_prefix('#')?)
}

fn generate<T: JsonSchema>(id: &str) -> Value {
    let mut schema: Schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), id.into());
    let mut schema = schema.into();
    without_null(&mut schema);
    schema
}

/// An optional property is absent, never null: takes null out of the types of all properties.
fn without_null(schema: &mut Value) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            if let Some(types) = property.get_mut("type").and_then(Value::as_array_mut) {
                types.retain(|t| t != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    property.insert("type".to_owned(), one);
                }
            }
            let choices = property.get("anyOf").and_then(Value::as_array);
            let reference =
                choices.and_then(|choices| choices.iter().find_map(|choice| choice.get("$ref"))).cloned();
            if let Some(reference) = reference {
                property.remove("anyOf");
                property.insert("$ref".to_owned(), reference);
            }
        }
    }
    if let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        definitions.values_mut().for_each(without_null);
    }
}
