//! Mocked inputs that no source has: a misspelt property makes a test pass for the wrong reason.

use policy_engine::input::paths::{PathCheck, check};
use serde_json::Value;

/// The documents of an input: `with input as input.image` may have put one in its place.
const DOCUMENTS: [&str; 6] = ["image", "git", "http", "ociLayout", "local", "env"];

/// What of a mocked input no source has, in words.
pub(super) fn misspelt(input: &Value) -> Vec<String> {
    let mut found = Vec::new();
    search(input, &mut Vec::new(), &mut found);
    found
}

fn search(value: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
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

fn is_known_below(steps: &[&str]) -> bool {
    DOCUMENTS.iter().any(|document| {
        let below: Vec<&str> = std::iter::once(*document).chain(steps.iter().copied()).collect();
        !matches!(check(&below), PathCheck::Unknown { .. })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::misspelt;

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
            misspelt(&input),
            [
                "the mock has `image.rpo`, which no input has: did you mean `repo`?",
                "the mock has `image.provenance.materials.0.image.tagg`, which no input has: did you mean `tag`?",
                "the mock has `imgae`, which no input has: did you mean `image`?",
            ]
        );
        // `with input as input.image`
        assert_eq!(misspelt(&json!({"repo": "alpine", "labels": {"a": "b"}})), [""; 0]);
    }
}
