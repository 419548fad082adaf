//! Fields in the order in which the input's schema has them, which is buildx's.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> = LazyLock::new(policy_engine::input::schema);

/// The input with its fields in order; fields that no input has come last.
pub(super) fn as_in_schema(input: Value) -> Value {
    ordered(input, &SCHEMA)
}

fn ordered(value: Value, schema: &Value) -> Value {
    let schema = resolved(schema);
    match value {
        Value::Array(items) => {
            let schema = schema.get("items").unwrap_or(&Value::Null);
            Value::Array(items.into_iter().map(|item| ordered(item, schema)).collect())
        }
        Value::Object(mut fields) => {
            let mut sorted = Map::new();
            for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let Some(value) = fields.remove(name) {
                    sorted.insert(name.clone(), ordered(value, schema));
                }
            }
            fields.sort_keys();
            sorted.extend(fields);
            Value::Object(sorted)
        }
        other => other,
    }
}

/// Follows references, and looks through `anyOf` of an optional field.
fn resolved(schema: &Value) -> &Value {
    let mut schema = schema;
    // References of a schema don't go in circles; if they did, the order would be all that is lost.
    for _ in 0..8 {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        let any = schema.get("anyOf").and_then(|any| any.get(0));
        schema = match (target.and_then(|path| SCHEMA.pointer(path)), any) {
            (Some(next), _) | (None, Some(next)) => next,
            (None, None) => break,
        };
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::as_in_schema;

    #[test]
    fn fields_come_as_in_an_input_of_ours() {
        let input = json!({
            "zebra": 1,
            "image": {"tag": "3", "ref": "r", "provenance": {"materials": [{"image": {"tag": "1", "ref": "m"}}], "builderID": "b"}},
            "apple": 1,
            "env": {"target": "t", "args": {}},
        });
        let expected = r#"{"env":{"args":{},"target":"t"},"image":{"ref":"r","tag":"3","provenance":{"builderID":"b","materials":[{"image":{"ref":"m","tag":"1"}}]}},"apple":1,"zebra":1}"#;
        assert_eq!(as_in_schema(input).to_string(), expected);
    }
}
