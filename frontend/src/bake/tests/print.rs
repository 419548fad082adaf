//! What `docker buildx bake --print` (v0.36.1) says of the same files; recorded by `fixtures/bake/record.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::attributes::{Entry, Field, TARGET, policy_record};
use super::super::target::Target;
use super::super::{Environment, config, options};
use crate::policy_spec::LogLevel;

#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    args: Vec<String>,
    printed: Option<Value>,
}

pub(super) fn environment(variables: &BTreeMap<String, String>) -> Environment {
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    Environment::new(variables.clone(), now, [7; 32], Some("/home/user".to_owned()), "linux/amd64".to_owned())
}

/// Flags of the command line, as far as the cases use them.
fn flags(args: &[String]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut files, mut overrides, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-f" => files.push(args.next().unwrap().clone()),
            "--set" => overrides.push(args.next().unwrap().clone()),
            target => targets.push(target.to_owned()),
        }
    }
    (files, overrides, targets)
}

/// The targets in the form of `--print`, or why there are none.
fn print(case: &Case) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &case.files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (files, overrides, targets) = flags(&case.args);
    let environment = environment(&case.env);
    let resolved =
        config::resolve(&files, folder.path(), &environment, &targets, &overrides, &mut Vec::new())
            .map_err(|error| error.to_string())?;
    let mut printed = Map::new();
    for target in &resolved.targets {
        options::bake_target(target, &environment).map_err(|error| error.to_string())?;
        printed.insert(target.name.clone(), print_target(target));
    }
    Ok(Value::Object(printed))
}

/// What is printed of a field: texts in which a template could begin are escaped.
fn print_target(target: &Target) -> Value {
    let escaped = |text: &str| text.replace("${", "$${").replace("%{", "%%{");
    let mut printed = Map::new();
    for (name, field) in &target.fields {
        let escape = matches!(*name, "annotations" | "args" | "labels" | "dockerfile-inline" | "extra-hosts");
        let text = |text: &String| if escape { escaped(text) } else { text.clone() };
        let value = match field {
            Field::Text(value) if *name == "context" => json!(options::context(value)),
            Field::Text(value) => json!(text(value)),
            Field::Flag(value) => json!(value),
            Field::Texts(values) => json!(values.iter().map(text).collect::<Vec<_>>()),
            Field::Map(map) => {
                let set = map.iter().filter_map(|(name, value)| Some((name.clone(), text(value.as_ref()?))));
                json!(set.collect::<BTreeMap<_, _>>())
            }
            Field::Entries(entries) if *name == "attest" => {
                json!(entries.iter().map(print_attest).collect::<Vec<_>>())
            }
            Field::Entries(entries) if *name == "policy" => {
                json!(entries.iter().map(print_policy).collect::<Vec<_>>())
            }
            Field::Entries(_) => continue,
        };
        let empty =
            value == json!([]) || value == json!({}) || (*name == "description" && value == json!(""));
        if !empty && *name != "resources" {
            printed.insert((*name).to_owned(), value);
        }
    }
    Value::Object(printed)
}

fn print_attest(entry: &Entry) -> Value {
    let mut printed: Map<String, Value> =
        entry.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    if super::super::attributes::attest_disabled(entry).unwrap() {
        printed.insert("disabled".to_owned(), json!(true));
    } else {
        printed.remove("disabled");
    }
    Value::Object(printed)
}

fn print_policy(entry: &Entry) -> Value {
    let spec = policy_record(entry).unwrap();
    json!({
        "Files": spec.files,
        "Reset": spec.reset,
        "Disabled": spec.disabled,
        "Strict": spec.strict,
        "LogLevel": spec.log_level.map(|level| match level {
            LogLevel::None => "none",
            LogLevel::Error => "error",
            LogLevel::Warn => "warning",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }),
    })
}

/// What buildx printed, without what no source depends on and without what is only its encoding.
fn expected(printed: &Value) -> Value {
    let mut targets = printed.get("target").and_then(Value::as_object).cloned().unwrap_or_default();
    let kept: BTreeSet<&str> = TARGET
        .iter()
        .map(|one| one.name)
        .filter(|name| {
            !matches!(*name, "cache-from" | "cache-to" | "secret" | "ssh" | "output" | "resources")
        })
        .collect();
    for target in targets.values_mut().filter_map(Value::as_object_mut) {
        target.retain(|name, _| kept.contains(name.as_str()));
        let policies = target.get_mut("policy").and_then(Value::as_array_mut).into_iter().flatten();
        for policy in policies.filter_map(Value::as_object_mut) {
            let files: Vec<Value> = policy
                .get("Files")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|file| file.get("Filename").cloned())
                .collect();
            policy.insert("Files".to_owned(), json!(files));
        }
    }
    Value::Object(targets)
}

#[test]
fn as_buildx_prints() {
    let recorded = include_str!("../../../../fixtures/bake/print.jsonl");
    let mut failures = Vec::new();
    let mut count = 0;
    for line in recorded.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        count += 1;
        match (print(&case), &case.printed) {
            (Ok(ours), Some(theirs)) if ours == expected(theirs) => {}
            (Err(_), None) => {}
            (Ok(ours), Some(theirs)) => {
                failures.push(format!("{}:\n  ours   {ours}\n  buildx {}", case.name, expected(theirs)));
            }
            (Ok(ours), None) => {
                failures.push(format!("{}: buildx refuses it, but here it is {ours}", case.name));
            }
            (Err(error), Some(_)) => failures.push(format!("{}: {error}", case.name)),
        }
    }
    assert!(failures.is_empty(), "{} of {count} differ:\n{}", failures.len(), failures.join("\n"));
}
