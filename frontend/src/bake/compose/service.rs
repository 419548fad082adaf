//! A service as a target.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::scalar;
use super::{Project, dotenv};
use crate::bake::attributes::{Entry, Field, Kind};
use crate::bake::error::BakeError;
use crate::bake::files::{read_named, read_optional};
use crate::bake::target::Target;
use crate::flag_values::parse_bool;

/// The target of a service; `None` for one that is not built.
pub(super) fn target(
    name: &str,
    service: &Value,
    project: &Project,
    variables: &BTreeMap<String, String>,
) -> Result<Option<Target>, BakeError> {
    let environment = service_environment(service, project, variables)?;
    let Some(build) = service.get("build").filter(|build| build.is_object()) else { return Ok(None) };
    let invalid = |message: String| BakeError::invalid(&project.at, format!("service `{name}`: {message}"));
    // A target's name has no dot.
    let mut target = Target { name: name.replace('.', "_"), at: project.at.clone(), ..Target::default() };
    let text = |name: &str| build.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    for (key, field) in [
        ("context", "context"),
        ("dockerfile", "dockerfile"),
        ("dockerfile_inline", "dockerfile-inline"),
        ("target", "target"),
        ("network", "network"),
    ] {
        if let Some(text) = text(key) {
            target.fields.insert(field, Field::Text(text.to_owned()));
        }
    }
    let mut contexts = BTreeMap::new();
    for (name, value) in pairs(build.get("additional_contexts")) {
        let value = value.ok_or_else(|| invalid(format!("the context `{name}` has no value")))?;
        contexts.insert(name, Some(named_context(&value)));
    }
    let args = pairs(build.get("args")).into_iter().filter_map(|(name, value)| {
        let value = value.or_else(|| environment.get(&name).or_else(|| variables.get(&name)).cloned());
        value.map(|value| (name, Some(value)))
    });
    insert_map(&mut target, "args", args.collect());
    let labels =
        pairs(build.get("labels")).into_iter().map(|(name, value)| (name, Some(value.unwrap_or_default())));
    insert_map(&mut target, "labels", labels.collect());
    for (key, field) in [("tags", "tags"), ("platforms", "platforms")] {
        if let Some(texts) = build.get(key).and_then(string_list) {
            target.fields.insert(field, Field::Texts(texts));
        }
    }
    for key in ["no_cache", "pull"] {
        if flag(build.get(key)).map_err(|message| invalid(format!("`build.{key}` {message}")))? {
            target.fields.insert(if key == "pull" { "pull" } else { "no-cache" }, Field::Flag(true));
        }
    }
    let attests = attests(build).map_err(invalid)?;
    if !attests.is_empty() {
        target.fields.insert("attest", Field::Entries(attests));
    }
    if let Some(extension) = build.get("x-bake").filter(|extension| !extension.is_null()) {
        extend(&mut target, extension, &mut contexts)
            .map_err(|message| invalid(format!("`x-bake`: {message}")))?;
    }
    insert_map(&mut target, "contexts", contexts);
    if target.texts("tags").is_empty()
        && let Some(image) = service.get("image").and_then(Value::as_str).filter(|image| !image.is_empty())
    {
        target.fields.insert("tags", Field::Texts(vec![image.to_owned()]));
    }
    Ok(Some(target))
}

fn insert_map(target: &mut Target, name: &'static str, map: BTreeMap<String, Option<String>>) {
    if !map.is_empty() {
        target.fields.insert(name, Field::Map(map));
    }
}

/// A mapping, or a list of `name=value`; the value is `None` where there is none.
pub(super) fn pairs(value: Option<&Value>) -> Vec<(String, Option<String>)> {
    match value {
        Some(Value::Object(entries)) => {
            let text = |value: &Value| (!value.is_null()).then(|| scalar(value));
            entries.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .map(|item| match item.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (item.to_owned(), None),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn string_list(value: &Value) -> Option<Vec<String>> {
    let items = value.as_array()?;
    Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn flag(value: Option<&Value>) -> Result<bool, String> {
    match value {
        Some(Value::Bool(value)) => Ok(*value),
        Some(Value::String(text)) => {
            parse_bool(text).ok_or_else(|| format!("must be true or false, not `{text}`"))
        }
        _ => Ok(false),
    }
}

fn attests(build: &Value) -> Result<Vec<Entry>, String> {
    let mut attests = Vec::new();
    for kind in ["sbom", "provenance"] {
        let given = build.get(kind).map(scalar).filter(|text| !text.is_empty());
        let Some(given) = given else { continue };
        let text = match parse_bool(&given) {
            Some(on) => format!("type={kind},disabled={}", !on),
            None => format!("type={kind},{given}"),
        };
        attests.push(Kind::Attest.parse_entry(&text)?);
    }
    Ok(attests)
}

/// `service:NAME` is the result of that service's target.
fn named_context(value: &str) -> String {
    match value.strip_prefix("service:").or_else(|| value.strip_prefix("target:")) {
        Some(name) => format!("target:{}", name.replace('.', "_")),
        None => value.to_owned(),
    }
}

/// What Compose has no words for.
fn extend(
    target: &mut Target,
    extension: &Value,
    contexts: &mut BTreeMap<String, Option<String>>,
) -> Result<(), String> {
    let Value::Object(extension) = extension else { return Err("it must be a mapping".to_owned()) };
    for (key, value) in extension {
        match key.as_str() {
            "tags" | "platforms" | "no-cache-filter" => {
                let name = match key.as_str() {
                    "tags" => "tags",
                    "platforms" => "platforms",
                    _ => "no-cache-filter",
                };
                let mut texts = target.texts(name).to_vec();
                texts.extend(words(value).ok_or_else(|| format!("`{key}` must be a list"))?);
                let mut kept: Vec<String> = Vec::new();
                texts.into_iter().for_each(|text| {
                    if !kept.contains(&text) {
                        kept.push(text);
                    }
                });
                target.fields.insert(name, Field::Texts(kept));
            }
            "cache-from" | "cache-to" | "secret" | "ssh" | "output" => {
                words(value).ok_or_else(|| format!("`{key}` must be a list"))?;
            }
            "pull" | "no-cache" => {
                let on = match value {
                    Value::Bool(on) => *on,
                    Value::Null => continue,
                    _ => return Err(format!("`{key}` must be true or false")),
                };
                target.fields.insert(if key == "pull" { "pull" } else { "no-cache" }, Field::Flag(on));
            }
            "contexts" => {
                let Value::Object(given) = value else {
                    return Err("`contexts` must be a mapping".to_owned());
                };
                for (name, value) in given {
                    if value.is_object() || value.is_array() {
                        return Err(format!("the context `{name}` must be a string"));
                    }
                    contexts.entry(name.clone()).or_insert_with(|| Some(named_context(&scalar(value))));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A list of strings, or one string of words.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => {
            let plain = items.iter().all(|item| !item.is_array() && !item.is_object());
            plain.then(|| items.iter().map(scalar).collect())
        }
        Value::Object(_) => None,
        value => Some(scalar(value).split_whitespace().map(str::to_owned).collect()),
    }
}

/// The environment of a service's containers, which arguments without a value take theirs from.
fn service_environment(
    service: &Value,
    project: &Project,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, BakeError> {
    let mut environment = BTreeMap::new();
    let files = match service.get("env_file") {
        Some(Value::Array(files)) => files.clone(),
        Some(file @ Value::String(_)) => vec![file.clone()],
        _ => Vec::new(),
    };
    for file in &files {
        let path = file.as_str().or_else(|| file.get("path").and_then(Value::as_str)).unwrap_or_default();
        let required = file.get("required").is_none_or(|required| *required != Value::Bool(false));
        let read =
            if required { Some(read_named(path, &project.cwd)?) } else { read_optional(path, &project.cwd)? };
        if let Some(read) = read {
            environment.extend(dotenv::parse(&read, variables)?);
        }
    }
    for (name, value) in pairs(service.get("environment")) {
        match value.or_else(|| variables.get(&name).cloned()) {
            Some(value) => {
                environment.insert(name, value);
            }
            None => {
                environment.remove(&name);
            }
        }
    }
    Ok(environment)
}
