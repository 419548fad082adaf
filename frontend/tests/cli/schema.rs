//! Reports are what their published schemas say.

use serde_json::Value;

use crate::harness::Place;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Checks the keywords that our schemas of reports use; other ones fail, so that none is passed over.
fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (keyword, argument) in schema.as_object().ok_or_else(|| format!("{at}: no schema"))? {
        match keyword.as_str() {
            "$schema" | "$defs" | "$id" | "title" | "description" | "format" | "minimum" => {}
            "$ref" => {
                let name =
                    argument.as_str().and_then(|name| name.strip_prefix("#/$defs/")).unwrap_or_default();
                check(root, &root["$defs"][name], value, at)?;
            }
            "type" => {
                let kind = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "integer",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                let is_allowed =
                    argument == kind || argument.as_array().is_some_and(|all| all.contains(&kind.into()));
                is_allowed.then_some(()).ok_or_else(|| format!("{at}: {kind} is no {argument}"))?;
            }
            "required" => {
                for name in argument.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    value.get(name).ok_or_else(|| format!("{at}: there is no {name}"))?;
                }
            }
            "properties" | "additionalProperties" => {
                let known = &schema["properties"];
                for (name, field) in value.as_object().into_iter().flatten() {
                    let found = known.get(name).or_else(|| schema.get("additionalProperties"));
                    let found = found.ok_or_else(|| format!("{at}: {name} is not in the schema"))?;
                    if found != true {
                        check(root, found, field, &format!("{at}/{name}"))?;
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, argument, item, &format!("{at}/{index}"))?;
                }
            }
            "const" => {
                (value == argument)
                    .then_some(())
                    .ok_or_else(|| format!("{at}: {value} is not {argument}"))?;
            }
            "enum" => {
                let is_listed = argument.as_array().is_some_and(|all| all.contains(value));
                is_listed.then_some(()).ok_or_else(|| format!("{at}: {value} is not in {argument}"))?;
            }
            "oneOf" | "anyOf" => {
                let results: Vec<_> = argument
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|one| check(root, one, value, at))
                    .collect();
                results
                    .iter()
                    .any(Result::is_ok)
                    .then_some(())
                    .ok_or_else(|| format!("{at}: {results:?}"))?;
            }
            other => return Err(format!("{at}: the test doesn't know `{other}`")),
        }
    }
    Ok(())
}

fn place() -> Place {
    let place = Place::with_policy(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
         deny_msg contains \"no layouts\" if input.ociLayout\n\ndecision := {\"allow\": allow, \"deny_msg\": deny_msg}\n",
    );
    place.write("Dockerfile", "FROM scratch\nADD https://127.0.0.1:1/a /\nCOPY --from=base / /\n");
    place.write(
        "Dockerfile_test.rego",
        "package docker\n\ntest_local if allow with input as {\"local\": {\"name\": \"context\"}}\n\n\
         test_typo[name] if {\n\tsome name in [\"a\", \"b\"]\n\tprint(name)\n\tallow with input as {\"image\": {\"rpo\": name}}\n}\n\n\
         test_error if load_json(\"nope.json\")\n\ntodo_test_later if false\n",
    );
    place.write("broken/x_test.rego", "package docker\ntest_x if {\n");
    place
}

#[test]
fn reports_of_builds() {
    let place = place();
    let schema = json(&place.run(["schema", "report"]).finish().stdout);
    for args in [
        &["dry-run", "--format", "json", "."][..],
        &["dry-run", "--format", "json", "--explain", "--build-context", "base=oci-layout://nope", "."],
        &["dry-run", "--format", "json", "--policy", "disabled=true", "."],
        &["dry-run", "--format", "json", "--file", "nope", "."],
    ] {
        let report = json(&place.run(args.iter().copied()).finish().stdout);
        check(&schema, &schema, &report, "").unwrap_or_else(|error| panic!("{args:?}: {error}\n{report:#}"));
    }
}

#[test]
fn reports_of_tests() {
    let place = place();
    let schema = json(&place.run(["schema", "test-report"]).finish().stdout);
    for args in [&["test", "--format", "json"][..], &["test", "--format", "json", "--explain", "."]] {
        let report = json(&place.run(args.iter().copied()).finish().stdout);
        assert_eq!(report["summary"]["notLoaded"], 1, "{report:#}");
        check(&schema, &schema, &report, "").unwrap_or_else(|error| panic!("{args:?}: {error}\n{report:#}"));
    }
}

#[test]
fn snapshots() {
    let place = place();
    let schema = json(&place.run(["schema", "snapshot"]).finish().stdout);
    place.run(["dry-run", "--snapshot", "s.json", "."]).finish();
    let snapshot = json(&std::fs::read_to_string(place.path().join("s.json")).expect("a snapshot"));
    check(&schema, &schema, &snapshot, "").unwrap_or_else(|error| panic!("{error}\n{snapshot:#}"));
}
