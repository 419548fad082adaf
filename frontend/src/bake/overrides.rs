//! `--set TARGET.KEY[.SUBKEY]=VALUE`.

use std::collections::BTreeMap;

use super::Environment;
use super::attributes::{Field, Kind};
use super::config::Config;
use super::error::BakeError;
use super::target::Target;
use crate::flag_values::parse_bool;

/// Overrides by target and key (`args.NAME`, `platform`, …).
pub(crate) struct Overrides {
    targets: BTreeMap<String, BTreeMap<String, Override>>,
}

#[derive(Debug, Clone, Default)]
struct Override {
    /// Of keys that take one value.
    value: String,
    /// Of keys that take several.
    values: Vec<String>,
    append: bool,
}

impl Overrides {
    pub(crate) fn read(
        given: &[String],
        config: &Config,
        environment: &Environment,
    ) -> Result<Self, BakeError> {
        let mut targets: BTreeMap<String, BTreeMap<String, Override>> = BTreeMap::new();
        for text in given {
            let invalid = |message: &str| BakeError::Target(format!("the override `{text}` {message}"));
            let (left, value) = match text.split_once('=') {
                Some((left, value)) => (left, Some(value)),
                None => (text.as_str(), None),
            };
            let append = left.ends_with('+');
            let left = left.strip_suffix('+').unwrap_or(left);
            let mut parts = left.splitn(3, '.');
            let (pattern, key, subkey) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
            let key = key.ok_or_else(|| invalid("is not of the form `TARGET.KEY=VALUE`"))?;
            if value.is_none() && key != "args" {
                return Err(invalid("has no value"));
            }
            if subkey.is_none() && matches!(key, "args" | "contexts" | "resources" | "secret") {
                return Err(invalid("needs a name after its key"));
            }
            if append && matches!(key, "resources" | "secret") {
                return Err(invalid("cannot append"));
            }
            // An argument without a value has that of the environment, if it has one.
            let from_environment =
                if value.is_none() { environment.lookup(subkey.unwrap_or_default()) } else { None };
            let names = config.matching_targets(pattern)?;
            let Some(value) = value.or(from_environment) else {
                if environment.lookup_disabled() {
                    return Err(invalid("has no value, and looking up variables is switched off"));
                }
                continue;
            };
            let full_key = subkey.map_or_else(|| key.to_owned(), |subkey| format!("{key}.{subkey}"));
            for name in names {
                let entry = targets.entry(name.to_owned()).or_default().entry(full_key.clone()).or_default();
                if takes_several(key) {
                    entry.append = append;
                    entry.values.push(value.to_owned());
                } else {
                    value.clone_into(&mut entry.value);
                }
            }
        }
        Ok(Self { targets })
    }

    pub(crate) fn apply(&self, target: &mut Target) -> Result<(), BakeError> {
        let Some(overrides) = self.targets.get(&target.name) else { return Ok(()) };
        for (key, given) in overrides {
            given.apply(key, target).map_err(|message| {
                BakeError::Target(format!("the override `{}.{key}` {message}", target.name))
            })?;
        }
        Ok(())
    }
}

fn takes_several(key: &str) -> bool {
    let keys = [
        "output",
        "cache-to",
        "cache-from",
        "tags",
        "platform",
        "secrets",
        "ssh",
        "attest",
        "entitlements",
        "network",
        "annotations",
        "policy",
    ];
    keys.contains(&key)
}

impl Override {
    fn apply(&self, key: &str, target: &mut Target) -> Result<(), String> {
        let (key, subkey) = match key.split_once('.') {
            Some((key, subkey)) => (key, Some(subkey)),
            None => (key, None),
        };
        match key {
            "context" => self.text(target, "context"),
            "dockerfile" => self.text(target, "dockerfile"),
            "target" => self.text(target, "target"),
            "call" => self.text(target, "call"),
            "shm-size" => self.text(target, "shm-size"),
            // Its values are not looked at.
            "network" => {
                target.fields.insert("network", Field::Text(String::new()));
            }
            "args" => self.member(target, "args", subkey)?,
            "contexts" => self.member(target, "contexts", subkey)?,
            "labels" => self.member(target, "labels", subkey)?,
            "extra-hosts" => self.member(target, "extra-hosts", subkey)?,
            "resources" => self.member(target, "resources", subkey)?,
            "tags" => self.texts(target, "tags", self.append),
            "platform" => self.texts(target, "platforms", self.append),
            "annotations" => self.texts(target, "annotations", true),
            "entitlements" => self.texts(target, "entitlements", true),
            "no-cache-filter" => self.texts(target, "no-cache-filter", self.append),
            "ulimits" => self.texts(target, "ulimits", self.append),
            "policy" => self.entries(target, "policy", Kind::Policy, self.append)?,
            "attest" => self.entries(target, "attest", Kind::Attest, true)?,
            "cache-from" => self.entries(target, "cache-from", Kind::Entries, self.append)?,
            "cache-to" => self.entries(target, "cache-to", Kind::Entries, self.append)?,
            "secrets" => self.entries(target, "secret", Kind::Entries, self.append)?,
            "ssh" => self.entries(target, "ssh", Kind::Entries, self.append)?,
            "output" => self.entries(target, "output", Kind::Entries, self.append)?,
            "pull" => self.flag(target, Some("pull"))?,
            "no-cache" => self.flag(target, Some("no-cache"))?,
            "push" | "load" => self.flag(target, None)?,
            "secret" => {
                let declared = target
                    .entries("secret")
                    .iter()
                    .any(|secret| secret.get("id").map(String::as_str) == subkey);
                if !declared {
                    return Err("is of a secret that the target does not have".to_owned());
                }
            }
            _ => return Err(format!("has the unknown key `{key}`")),
        }
        Ok(())
    }

    fn text(&self, target: &mut Target, name: &'static str) {
        target.fields.insert(name, Field::Text(self.value.clone()));
    }

    fn flag(&self, target: &mut Target, name: Option<&'static str>) -> Result<(), String> {
        let value =
            parse_bool(&self.value).ok_or_else(|| format!("must be true or false, not `{}`", self.value))?;
        if let Some(name) = name {
            target.fields.insert(name, Field::Flag(value));
        }
        Ok(())
    }

    fn member(&self, target: &mut Target, name: &'static str, subkey: Option<&str>) -> Result<(), String> {
        let subkey = subkey.ok_or("needs a name after its key")?;
        if let Field::Map(map) = target.fields.entry(name).or_insert_with(|| Field::Map(BTreeMap::new())) {
            map.insert(subkey.to_owned(), Some(self.value.clone()));
        }
        Ok(())
    }

    fn texts(&self, target: &mut Target, name: &'static str, append: bool) {
        let old = if append { target.texts(name).to_vec() } else { Vec::new() };
        target.fields.insert(name, Field::Texts([old, self.values.clone()].concat()));
    }

    fn entries(
        &self,
        target: &mut Target,
        name: &'static str,
        kind: Kind,
        append: bool,
    ) -> Result<(), String> {
        let mut entries = if append { target.entries(name).to_vec() } else { Vec::new() };
        // An empty text stands for none, but of a policy.
        for value in self.values.iter().filter(|value| !value.is_empty() || kind == Kind::Policy) {
            entries.push(kind.parse_entry(value).map_err(|message| format!("is invalid: {message}"))?);
        }
        target.fields.insert(name, Field::Entries(entries));
        Ok(())
    }
}
