//! Mocked inputs that no source has: a misspelt property or a value of another type makes a test pass for the wrong
//! reason.

use policy_engine::input::paths::{PathCheck, check, type_at};
use serde_json::Value;

/// The documents of an input: `with input as input.image` may have put one in its place.
const DOCUMENTS: [&str; 6] = ["image", "git", "http", "ociLayout", "local", "env"];

/// What of a mocked input no source has, in words.
pub(super) fn impossible(input: &Value) -> Vec<String> {
    let mut found = Vec::new();
    search(input, &mut Vec::new(), &mut found);
    found
}

fn search(value: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
    let wanted = type_at(&path.iter().map(String::as_str).collect::<Vec<_>>());
    if let Some(wanted) = wanted.filter(|wanted| !is_of_type(value, wanted)) {
        let is = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array or a set",
            Value::Object(_) => "an object",
        };
        let what = if path.is_empty() { "input".to_owned() } else { format!("`{}`", path.join(".")) };
        found.push(format!("the mock has {is} as {what}, which is always of type {wanted}"));
        return;
    }
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => (0..).zip(items).map(|(i, item): (usize, _)| (i.to_string(), item)).collect(),
        _ => return,
    };
    for (name, part) in parts {
        path.push(name);
        let steps: Vec<&str> = path.iter().map(String::as_str).collect();
        match check(&steps) {
            PathCheck::Unknown { nearest, .. } if !is_known_below(&steps) => {
                let help = nearest.map(|name| format!(": did you mean `{name}`?")).unwrap_or_default();
                found.push(format!("the mock has `{}`, which no input has{help}", steps.join(".")));
            }
            PathCheck::Unknown { .. } => {}
            _ => search(part, path, found),
        }
        path.pop();
    }
}

fn is_of_type(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Null => wanted == "null",
        Value::Bool(_) => wanted == "boolean",
        Value::Number(_) => matches!(wanted, "integer" | "number"),
        Value::String(_) => wanted == "string",
        Value::Array(_) => wanted == "array",
        Value::Object(_) => wanted == "object",
    }
}

fn is_known_below(steps: &[&str]) -> bool {
    DOCUMENTS.iter().any(|document| {
        let below: Vec<&str> = std::iter::once(*document).chain(steps.iter().copied()).collect();
        !matches!(check(&below), PathCheck::Unknown { .. })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::impossible;

    #[test]
    fn values_of_another_type_are_told() {
        let input = json!({
            "image": {"labels": {"a": true}, "env": "A=1", "tag": "3", "isCanonical": "yes"},
            "git": null,
            "env": {"depth": 1},
        });
        assert_eq!(
            impossible(&input),
            [
                "the mock has a boolean as `image.labels.a`, which is always of type string",
                "the mock has a string as `image.env`, which is always of type array",
                "the mock has a string as `image.isCanonical`, which is always of type boolean",
                "the mock has null as `git`, which is always of type object",
            ]
        );
        assert_eq!(
            impossible(&json!([1])),
            ["the mock has an array or a set as input, which is always of type object"]
        );
        assert_eq!(impossible(&json!({"repo": "alpine", "labels": {"a": "b"}})), [""; 0]);
    }

    #[test]
    fn what_no_input_has_is_told() {
        let input = json!({
            "image": {
                "rpo": "alpine",
                "labels": {"any": "x"},
                "provenance": {"materials": [{"image": {"ref": "x", "tagg": "1"}}]},
            },
            "imgae": {"x": {"y": 1}},
        });
        assert_eq!(
            impossible(&input),
            [
                "the mock has `image.rpo`, which no input has: did you mean `repo`?",
                "the mock has `image.provenance.materials.0.image.tagg`, which no input has: did you mean `tag`?",
                "the mock has `imgae`, which no input has: did you mean `image`?",
            ]
        );
        // `with input as input.image`
        assert_eq!(impossible(&json!({"repo": "alpine", "labels": {"a": "b"}})), [""; 0]);
    }
}
