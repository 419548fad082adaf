//! An input with every property, for tools that learn the properties from a document and not from a schema.

use serde_json::{Map, Value, json};

use super::schema::{referred, schema};

/// An input that has all properties of all kinds of sources at once: texts are empty, numbers 0, booleans false, and
/// each array has one element. What would hold itself, as the materials of provenance do, is left out there.
///
/// No source looks like this; a decision about it means nothing.
pub fn example() -> Value {
    let root = schema();
    of(&root, &root, &mut Vec::new()).unwrap_or_default()
}

/// A value of this schema; nothing if it refers to what is being filled in. `open` has the references to that.
fn of<'s>(schema: &'s Value, root: &'s Value, open: &mut Vec<&'s str>) -> Option<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        if open.contains(&reference) {
            return None;
        }
        open.push(reference);
        let value = of(referred(root, reference)?, root, open);
        open.pop();
        return value;
    }
    if let Some(constant) = schema.get("const") {
        return Some(constant.clone());
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(first) = schema[alternatives].as_array().and_then(|all| all.first()) {
            return of(first, root, open);
        }
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    Some(match kind.unwrap_or("object") {
        "string" => json!(""),
        "boolean" => json!(false),
        "integer" | "number" => json!(0),
        "array" => of(&schema["items"], root, open).into_iter().collect(),
        _ => {
            let mut fields = Map::new();
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(value) = of(property, root, open) {
                    fields.insert(name.clone(), value);
                }
            }
            Value::Object(fields)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_source_is_there_and_ends() {
        let example = example();
        for path in [
            "/image/labels",
            "/image/signatures/0/signer/issuer",
            "/image/provenance/materials/0/git/commitChecksum",
            "/git/commit/author/name",
            "/http/checksum",
            "/local/name",
            "/ociLayout/checksum",
            "/env/target",
        ] {
            assert!(example.pointer(path).is_some(), "{path}");
        }
        assert_eq!(example.pointer("/image/provenance/materials/0/image"), None);
    }
}
