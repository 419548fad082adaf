//! The attributes of a target: what type each has, and how those of several blocks become one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{BakeError, Position};
use super::eval::Evaluator;
use super::value::{Type, Value};
use crate::flag_values;
use crate::flag_values::parse_bool;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Text(String),
    Flag(bool),
    Texts(Vec<String>),
    /// Values that are null are `None`.
    Map(BTreeMap<String, Option<String>>),
    Entries(Vec<Entry>),
}

/// Settings as `type=provenance,mode=max`.
pub(crate) type Entry = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Flag,
    Texts,
    /// Null stands for no value.
    Map,
    /// Null is refused.
    FullMap,
    Attest,
    Policy,
    /// Caches, secrets, SSH keys, outputs: they bring in no source, so only their type is checked.
    Entries,
}

/// What a later block's value does to an earlier one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    Replace,
    Append,
    /// Key by key, in maps; by type, in attestations.
    ByKey,
}

pub(crate) struct Specification {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) merge: Merge,
}

const fn attribute(name: &'static str, kind: Kind, merge: Merge) -> Specification {
    Specification { name, kind, merge }
}

pub(crate) const TARGET: [Specification; 29] = [
    attribute("annotations", Kind::Texts, Merge::Append),
    attribute("args", Kind::Map, Merge::ByKey),
    attribute("attest", Kind::Attest, Merge::ByKey),
    attribute("cache-from", Kind::Entries, Merge::Append),
    attribute("cache-to", Kind::Entries, Merge::Replace),
    attribute("call", Kind::Text, Merge::Replace),
    attribute("context", Kind::Text, Merge::Replace),
    attribute("contexts", Kind::FullMap, Merge::ByKey),
    attribute("description", Kind::Text, Merge::Replace),
    attribute("dockerfile", Kind::Text, Merge::Replace),
    attribute("dockerfile-inline", Kind::Text, Merge::Replace),
    attribute("entitlements", Kind::Texts, Merge::Append),
    attribute("extra-hosts", Kind::Map, Merge::ByKey),
    attribute("inherits", Kind::Texts, Merge::Append),
    attribute("labels", Kind::Map, Merge::ByKey),
    attribute("network", Kind::Text, Merge::Replace),
    attribute("no-cache", Kind::Flag, Merge::Replace),
    attribute("no-cache-filter", Kind::Texts, Merge::Append),
    attribute("output", Kind::Entries, Merge::Replace),
    attribute("platforms", Kind::Texts, Merge::Replace),
    attribute("policy", Kind::Policy, Merge::Append),
    attribute("pull", Kind::Flag, Merge::Replace),
    attribute("resources", Kind::Map, Merge::ByKey),
    attribute("secret", Kind::Entries, Merge::Append),
    attribute("shm-size", Kind::Text, Merge::Replace),
    attribute("ssh", Kind::Entries, Merge::Append),
    attribute("tags", Kind::Texts, Merge::Replace),
    attribute("target", Kind::Text, Merge::Replace),
    attribute("ulimits", Kind::Texts, Merge::Append),
];

pub(crate) const GROUP: [Specification; 2] =
    [attribute("description", Kind::Text, Merge::Replace), attribute("targets", Kind::Texts, Merge::Replace)];

impl Kind {
    fn value_type(self) -> Type {
        match self {
            Self::Text => Type::String,
            Self::Flag => Type::Bool,
            Self::Texts => Type::list(Type::String),
            Self::Map | Self::FullMap => Type::map(Type::String),
            Self::Attest | Self::Policy | Self::Entries => Type::list(Type::map(Type::String)),
        }
    }

    /// An attribute's value as other expressions see it.
    pub(crate) fn to_value(self, field: Option<&Field>) -> Value {
        let text = |text: &String| Value::string(text);
        match field {
            None if matches!(self, Self::Attest | Self::Policy | Self::Entries) => {
                Value::list(Type::map(Type::String), Vec::new())
            }
            None => Value::Null(self.value_type()),
            Some(Field::Text(value)) => text(value),
            Some(Field::Flag(value)) => Value::Bool(*value),
            Some(Field::Texts(values)) => Value::list(Type::String, values.iter().map(text).collect()),
            Some(Field::Map(entries)) => {
                let value = |value: &Option<String>| value.as_ref().map_or(Value::Null(Type::String), text);
                let entries = entries.iter().map(|(name, one)| (Arc::from(&**name), value(one)));
                Value::map(Type::String, entries.collect())
            }
            Some(Field::Entries(entries)) => {
                let one = |entry: &Entry| {
                    let fields = entry.iter().map(|(name, value)| (Arc::from(&**name), text(value)));
                    Value::map(Type::String, fields.collect())
                };
                Value::list(Type::map(Type::String), entries.iter().map(one).collect())
            }
        }
    }

    /// The attribute that a value is; `None` for null.
    pub(crate) fn read_value(
        self,
        value: &Value,
        evaluator: &Evaluator<'_>,
        at: &Position,
    ) -> Result<Option<Field>, BakeError> {
        if matches!(self, Self::Attest | Self::Policy | Self::Entries) {
            return self.entries(value, evaluator, at);
        }
        let converted = evaluator.convert(value, &self.value_type(), at)?;
        Ok(Some(match &converted {
            Value::Null(_) => return Ok(None),
            Value::String(text) => Field::Text(text.to_string()),
            Value::Bool(value) => Field::Flag(*value),
            Value::List(_, _) => Field::Texts(
                converted
                    .items()
                    .unwrap_or_default()
                    .iter()
                    .map(|item| evaluator.text(item, at).map(|text| text.to_string()))
                    .collect::<Result<_, _>>()?,
            ),
            value => {
                let mut map = BTreeMap::new();
                for (name, value) in value.entries().into_iter().flatten() {
                    let value = match value {
                        Value::Null(_) if self == Self::Map => None,
                        value => Some(evaluator.text(value, at)?.to_string()),
                    };
                    map.insert(name.to_string(), value);
                }
                Field::Map(map)
            }
        }))
    }

    fn entries(
        self,
        value: &Value,
        evaluator: &Evaluator<'_>,
        at: &Position,
    ) -> Result<Option<Field>, BakeError> {
        let (Value::List(_, sequence) | Value::Tuple(sequence)) = value else {
            return Err(BakeError::invalid(at, format!("a list is required, but found {}", value.type_of())));
        };
        let mut entries = Vec::new();
        for item in &sequence.items {
            let entry = match item {
                Value::Null(_) => return Err(BakeError::invalid(at, "an entry is null")),
                Value::String(text) => {
                    self.parse_entry(text).map_err(|message| BakeError::invalid(at, message))?
                }
                item => self.map_entry(item, evaluator, at)?,
            };
            entries.push(entry);
        }
        Ok(Some(Field::Entries(entries)))
    }

    fn map_entry(self, item: &Value, evaluator: &Evaluator<'_>, at: &Position) -> Result<Entry, BakeError> {
        // An SSH key has a list of paths; nothing else has anything but strings.
        let (item, paths) = match item.entries() {
            Some(entries) if self == Self::Entries && entries.contains_key("paths") => {
                let mut rest = entries.clone();
                let paths = rest.remove("paths").unwrap_or_else(Value::null);
                (Value::object(rest), Some(evaluator.convert(&paths, &Type::list(Type::String), at)?))
            }
            _ => (item.clone(), None),
        };
        let map = evaluator.convert(&item, &Type::map(Type::String), at)?;
        let mut entry = Entry::new();
        for (name, value) in map.entries().into_iter().flatten() {
            // A policy's field that is null or empty is as good as not there.
            if self != Self::Attest && (value.is_null() || *value == Value::string("")) {
                continue;
            }
            entry.insert(name.to_string(), evaluator.text(value, at)?.to_string());
        }
        if let Some(paths) = &paths {
            let all = paths.items().unwrap_or_default().iter().map(|path| evaluator.text(path, at));
            entry.insert("paths".to_owned(), all.collect::<Result<Vec<_>, _>>()?.join(","));
        }
        let checked = match self {
            Self::Policy => policy_record(&entry).map(drop),
            Self::Attest => attest_disabled(&entry).map(drop),
            _ => Ok(()),
        };
        checked.map_err(|message| BakeError::invalid(at, message))?;
        Ok(entry)
    }

    /// An entry that is written as text.
    pub(crate) fn parse_entry(self, text: &str) -> Result<Entry, String> {
        let fields =
            flag_values::fields(text, ',').ok_or_else(|| format!("a quote in `{text}` is misplaced"))?;
        if self == Self::Policy {
            // The fields of one policy may repeat, so the text is kept as it is.
            policy_spec(text)?;
            return Ok(Entry::from([(POLICY_TEXT.to_owned(), text.to_owned())]));
        }
        let mut entry = Entry::new();
        for field in &fields {
            let (name, value) = match field.split_once('=') {
                Some(pair) => pair,
                // A cache's reference, an output's folder, the id of an SSH key.
                None if self == Self::Entries && fields.len() == 1 => ("", field.as_str()),
                None => return Err(format!("`{field}` is not of the form `name=value`")),
            };
            let lower = name.trim().to_lowercase();
            let name = if matches!(&*lower, "type" | "disabled") { &lower } else { name };
            entry.insert(name.to_owned(), value.to_owned());
        }
        if self == Self::Attest {
            attest_disabled(&entry)?;
            if entry.get("type").is_none_or(String::is_empty) {
                return Err(format!("the attestation `{text}` has no `type`"));
            }
        }
        Ok(entry)
    }
}

/// The name under which a policy's entry keeps the text that it was written as.
const POLICY_TEXT: &str = "";

/// An attestation's `disabled`.
pub(crate) fn attest_disabled(entry: &Entry) -> Result<bool, String> {
    let Some(value) = entry.get("disabled") else { return Ok(false) };
    parse_bool(value).ok_or_else(|| format!("`disabled` must be true or false, not `{value}`"))
}

/// A policy's entry as the value of `--policy`.
pub(crate) fn policy_record(entry: &Entry) -> Result<crate::policy_spec::PolicySpec, String> {
    match entry.get(POLICY_TEXT) {
        Some(text) => policy_spec(text),
        None if entry.is_empty() => Ok(crate::policy_spec::PolicySpec::default()),
        None => {
            let fields: Vec<String> = entry.iter().map(|(name, value)| format!("{name}={value}")).collect();
            policy_spec(&flag_values::record(fields.iter().map(String::as_str)))
        }
    }
}

fn policy_spec(text: &str) -> Result<crate::policy_spec::PolicySpec, String> {
    // The flag takes a path alone too; bake does not.
    if !text.contains('=') {
        return Err(format!("the policy `{text}` is not of the form `name=value`"));
    }
    text.parse()
        .map_err(|error: crate::policy_spec::SpecError| format!("the policy `{text}` is invalid: {error}"))
}
