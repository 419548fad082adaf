//! What a policy decides about the input of a test, as far as it can be shown.

use std::collections::BTreeMap;

use regorus::Value;

/// A decision as far as it can be shown, right or wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct ShownDecision {
    /// `allow`, when it is a boolean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow: Option<bool>,
    /// The strings of `deny_msg`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny_msg: Vec<String>,
    /// The booleans of `caps`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub caps: BTreeMap<String, bool>,
}

impl ShownDecision {
    /// What of a value a decision has; `None` if it is no object.
    pub(super) fn of(decision: &Value) -> Option<Self> {
        let Value::Object(fields) = decision else { return None };
        let field = |name: &str| fields.get(&Value::from(name));
        let strings = |items: &mut dyn Iterator<Item = &Value>| {
            items.filter_map(|item| item.as_string().ok().map(ToString::to_string)).collect()
        };
        let deny_msg: Vec<String> = match field("deny_msg") {
            Some(Value::String(message)) => vec![message.to_string()],
            Some(Value::Array(items)) => strings(&mut items.iter()),
            Some(Value::Set(items)) => strings(&mut items.iter()),
            Some(Value::Object(items)) if items.values().all(|value| *value == Value::Bool(true)) => {
                strings(&mut items.keys())
            }
            _ => Vec::new(),
        };
        let caps = match field("caps") {
            Some(Value::Object(caps)) => {
                let known = caps.iter().filter_map(|(name, wanted)| match (name, wanted) {
                    (Value::String(name), Value::Bool(wanted)) => Some((name.to_string(), *wanted)),
                    _ => None,
                });
                known.collect()
            }
            _ => BTreeMap::new(),
        };
        let allow = match field("allow") {
            Some(Value::Bool(allow)) => Some(*allow),
            _ => None,
        };
        Some(Self { allow, deny_msg, caps })
    }
}
