//! What of an image's config decides what is built on it: variables, triggers, and whether there is anything in it.

use serde_json::Value;

/// How many `ONBUILD` triggers an image may have.
const MAX_TRIGGERS: usize = 1000;

/// A part of an image's config (OCI image spec, `config.md`, and Docker's `OnBuild`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ImageConfig {
    /// `NAME=value`.
    pub env: Vec<String>,
    pub triggers: Vec<String>,
    /// It has no layers: BuildKit takes it for `scratch` then, and doesn't load it.
    pub is_empty: bool,
}

impl ImageConfig {
    /// Parses a config as BuildKit does, which minds no case in names.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let config: Value = serde_json::from_slice(json)
            .map_err(|error| format!("the image's config is malformed: {error}"))?;
        let inner = field(&config, "config");
        let layers = field(field(&config, "rootfs"), "diff_ids").as_array().map_or(0, Vec::len);
        let history = field(&config, "history").as_array().map_or(&[][..], Vec::as_slice);
        let has_layer = history.iter().any(|entry| field(entry, "empty_layer") != &Value::Bool(true));
        let triggers = strings(field(inner, "OnBuild"));
        if triggers.len() > MAX_TRIGGERS {
            return Err(format!(
                "the image has more than {MAX_TRIGGERS} ONBUILD triggers, which is the limit"
            ));
        }
        Ok(Self { env: strings(field(inner, "Env")), triggers, is_empty: layers == 0 && !has_layer })
    }
}

/// A field of an object by its name, in any case; null where there is none.
fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    let Value::Object(fields) = value else { return &Value::Null };
    let found = fields.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map_or(&Value::Null, |(_, value)| value)
}

fn strings(value: &Value) -> Vec<String> {
    let values = value.as_array().map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}
