//! What Compose's schema and rules say of what builds depend on.

use serde_json::{Map, Value};

use super::Project;
use crate::bake::error::BakeError;

/// Whether names and types are right.
pub(super) fn shape(project: &Project) -> Result<(), BakeError> {
    for (name, service) in &project.services {
        let invalid =
            |message: String| BakeError::invalid(&project.at, format!("service `{name}`: {message}"));
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(invalid(
                "its name has characters other than letters, digits, `.`, `_` and `-`".to_owned(),
            ));
        }
        let service = match service {
            Value::Null => continue,
            Value::Object(service) => service,
            _ => return Err(invalid("it must be a mapping".to_owned())),
        };
        for (key, value) in service {
            let right = match key.as_str() {
                "image" => value.is_string(),
                "environment" => list_or_mapping(value),
                "env_file" => value.is_string() || value.is_array(),
                "build" => {
                    let Some(build) = value.as_object() else {
                        return Err(invalid("`build` must be a context or a mapping".to_owned()));
                    };
                    check_build(build).map_err(invalid)?;
                    true
                }
                _ => true,
            };
            if !right {
                return Err(invalid(format!("`{key}` has a value of a wrong type")));
            }
        }
    }
    Ok(())
}

fn check_build(build: &Map<String, Value>) -> Result<(), String> {
    for (key, value) in build {
        let right = match key.as_str() {
            "context" | "dockerfile" | "dockerfile_inline" | "network" | "target" | "isolation" => {
                value.is_string()
            }
            "additional_contexts" => match value {
                Value::Object(entries) => entries.values().all(Value::is_string),
                value => strings(value, true),
            },
            "args" | "labels" | "ssh" => list_or_mapping(value),
            "entitlements" | "cache_from" | "cache_to" | "tags" | "platforms" => strings(value, false),
            "no_cache_filter" => value.is_string() || strings(value, true),
            "no_cache" | "pull" | "privileged" | "provenance" | "sbom" => {
                value.is_string() || value.is_boolean()
            }
            "shm_size" => value.is_string() || value.is_i64() || value.is_u64(),
            "secrets" => value.as_array().is_some_and(|items| {
                items.iter().all(|item| item.is_string() || item.get("source").is_none_or(Value::is_string))
            }),
            "extra_hosts" => value.is_object() || strings(value, true),
            "ulimits" => value.is_object(),
            key if key.starts_with("x-") => true,
            key => return Err(format!("`build` has no key `{key}`")),
        };
        if !right {
            return Err(format!("`build.{key}` has a value of a wrong type"));
        }
    }
    Ok(())
}

fn strings(value: &Value, unique: bool) -> bool {
    value.as_array().is_some_and(|items| {
        let all = items.iter().all(Value::is_string);
        all && (!unique
            || items.iter().enumerate().all(|(index, item)| !items.iter().take(index).any(|one| one == item)))
    })
}

fn list_or_mapping(value: &Value) -> bool {
    match value {
        Value::Object(entries) => {
            entries.iter().all(|(name, value)| !name.is_empty() && !value.is_object() && !value.is_array())
        }
        value => strings(value, true),
    }
}

/// Whether what refers to one another is there.
pub(super) fn consistency(project: &Project) -> Result<(), BakeError> {
    for (name, service) in &project.services {
        let invalid =
            |message: String| BakeError::invalid(&project.at, format!("service `{name}`: {message}"));
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(build) = service.get("build").and_then(Value::as_object) else {
            if text(service.get("image")).is_empty() {
                return Err(invalid("it has neither an `image` nor a `build`".to_owned()));
            }
            continue;
        };
        if !text(build.get("dockerfile")).is_empty() && !text(build.get("dockerfile_inline")).is_empty() {
            return Err(invalid("it has a `dockerfile` and a `dockerfile_inline`".to_owned()));
        }
        for (context, value) in super::service::pairs(build.get("additional_contexts")) {
            let Some(other) = value.as_deref().and_then(|value| value.strip_prefix("service:")) else {
                continue;
            };
            let built = project
                .services
                .get(other)
                .is_some_and(|other| other.get("build").is_some_and(Value::is_object));
            if !built {
                return Err(invalid(format!(
                    "the context `{context}` is service `{other}`, which has no `build`"
                )));
            }
        }
        for secret in build.get("secrets").and_then(Value::as_array).into_iter().flatten() {
            let source =
                text(Some(secret).filter(|secret| secret.is_string()).or_else(|| secret.get("source")));
            match project.secrets.get(&source) {
                None => return Err(invalid(format!("there is no secret `{source}`"))),
                Some(secret) if secret.get("external").is_some_and(|one| *one == Value::Bool(true)) => {
                    return Err(invalid(format!(
                        "the secret `{source}` is external, which bake does not take"
                    )));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}
