//! The schema of the input as OPA's type checker can take it.

use serde_json::{Value, json};

use super::schema::{referred, schema};

/// How often a definition may stand inside itself: an image has materials, and theirs end.
const LEVELS: usize = 2;

/// What the checker has no use for, or has at the root alone.
const LEFT_OUT: [&str; 4] = ["$defs", "$id", "$schema", "description"];

/// JSON Schema of the input without references: OPA's checker ends in a stack overflow where a type holds itself, as the
/// materials of a provenance do. Materials of materials are objects with any properties here.
pub fn opa_schema() -> Value {
    let root = schema();
    let mut expanded = expand(&root, &root, &mut vec!["#"]);
    if let Some(fields) = expanded.as_object_mut() {
        fields.insert("$schema".to_owned(), root["$schema"].clone());
        fields.insert("$id".to_owned(), json!("urn:policy-check:schema:opa-input:1"));
    }
    expanded
}

/// `schema` with what it refers to in the place of references. `open` has those that are being put in.
fn expand<'s>(schema: &'s Value, root: &'s Value, open: &mut Vec<&'s str>) -> Value {
    match schema {
        Value::Object(fields) => {
            let Some(reference) = fields.get("$ref").and_then(Value::as_str) else {
                let expanded = fields.iter().filter(|(key, _)| !LEFT_OUT.contains(&key.as_str()));
                return expanded.map(|(key, value)| (key.clone(), expand(value, root, open))).collect();
            };
            match referred(root, reference) {
                Some(definition) if open.iter().filter(|other| **other == reference).count() < LEVELS => {
                    open.push(reference);
                    let expanded = expand(definition, root, open);
                    open.pop();
                    expanded
                }
                _ => json!({"type": "object"}),
            }
        }
        Value::Array(items) => items.iter().map(|item| expand(item, root, open)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn materials_end_and_nothing_is_referred_to() {
        let schema = opa_schema();
        assert!(!schema.to_string().contains("$ref") && !schema.to_string().contains("$defs"));
        let materials = "/properties/provenance/properties/materials/items/properties/image";
        let first = schema.pointer(&format!("/properties/image{materials}")).unwrap();
        assert!(first["properties"]["ref"].is_object());
        let second = first.pointer("/properties/provenance/properties/materials/items");
        assert_eq!(second, Some(&json!({"type": "object"})));
    }
}
