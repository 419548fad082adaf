//! Targets and groups.

use std::collections::BTreeMap;

use super::attributes::{Entry, Field, Kind, Merge, TARGET};
use super::error::Position;

/// A target, or a part of one: what its blocks, those it inherits from and overrides have said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) at: Position,
    pub(crate) fields: BTreeMap<&'static str, Field>,
    /// Whether it is only there as the context of another.
    pub(crate) linked: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) targets: Vec<String>,
}

impl Target {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.fields.get(name) {
            Some(Field::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn texts(&self, name: &str) -> &[String] {
        match self.fields.get(name) {
            Some(Field::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub(crate) fn map(&self, name: &str) -> impl Iterator<Item = (&String, &Option<String>)> {
        let map = match self.fields.get(name) {
            Some(Field::Map(map)) => Some(map),
            _ => None,
        };
        map.into_iter().flatten()
    }

    pub(crate) fn entries(&self, name: &str) -> &[Entry] {
        match self.fields.get(name) {
            Some(Field::Entries(entries)) => entries,
            _ => &[],
        }
    }

    /// The targets that its contexts are results of.
    pub(crate) fn linked_names(&self) -> impl Iterator<Item = &str> {
        self.map("contexts").filter_map(|(_, value)| value.as_deref()?.strip_prefix("target:"))
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let field = |field: &Field| match field {
            Field::Text(text) => text.len(),
            Field::Flag(_) => 1,
            Field::Texts(texts) => texts.iter().map(|text| text.len() + 24).sum(),
            Field::Map(map) => {
                map.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, String::len) + 48).sum()
            }
            Field::Entries(entries) => {
                entries.iter().flatten().map(|(name, value)| name.len() + value.len() + 48).sum()
            }
        };
        self.fields.values().map(|one| field(one) + 48).sum()
    }

    /// Sets an argument that is not set.
    pub(crate) fn default_argument(&mut self, name: &str, value: &str) {
        if let Field::Map(map) = self.fields.entry("args").or_insert_with(|| Field::Map(BTreeMap::new())) {
            map.entry(name.to_owned()).or_insert_with(|| Some(value.to_owned()));
        }
    }

    /// Lays what `other` says over this.
    pub(crate) fn merge(&mut self, other: &Self) {
        for specification in &TARGET {
            let Some(field) = other.fields.get(specification.name) else { continue };
            if specification.name == "description" && *field == Field::Text(String::new()) {
                continue;
            }
            let merged = match (self.fields.remove(specification.name), specification.merge) {
                (Some(Field::Texts(mut old)), Merge::Append) => {
                    if let Field::Texts(new) = field {
                        old.extend_from_slice(new);
                    }
                    Field::Texts(old)
                }
                (Some(Field::Entries(mut old)), Merge::Append | Merge::ByKey) => {
                    if let Field::Entries(new) = field {
                        old.extend_from_slice(new);
                    }
                    Field::Entries(old)
                }
                (old, Merge::ByKey) => match field {
                    Field::Map(new) => {
                        let mut map = match old {
                            Some(Field::Map(map)) => map,
                            _ => BTreeMap::new(),
                        };
                        let set = new.iter().filter(|(_, value)| value.is_some());
                        map.extend(set.map(|(name, value)| (name.clone(), value.clone())));
                        Field::Map(map)
                    }
                    other => other.clone(),
                },
                _ => field.clone(),
            };
            self.fields.insert(specification.name, merged);
        }
        self.normalize_attests();
    }

    /// Brings lists in their final form: nothing twice, nothing empty.
    pub(crate) fn normalize(&mut self) {
        for specification in TARGET.iter().filter(|one| one.kind == Kind::Texts && one.name != "inherits") {
            if let Some(Field::Texts(texts)) = self.fields.get_mut(specification.name) {
                let mut kept: Vec<String> = Vec::new();
                for text in texts.drain(..) {
                    if !text.is_empty() && !kept.contains(&text) {
                        kept.push(text);
                    }
                }
                *texts = kept;
            }
        }
        self.normalize_attests();
        if self.text("network") == Some("host") {
            let entitlements = self.fields.entry("entitlements").or_insert(Field::Texts(Vec::new()));
            if let Field::Texts(texts) = entitlements
                && !texts.iter().any(|text| text == "network.host")
            {
                texts.push("network.host".to_owned());
            }
        }
        if let Some(Field::Map(contexts)) = self.fields.get_mut("contexts") {
            contexts.retain(|_, value| value.as_deref() != Some(""));
        }
    }

    /// Of several attestations of one type the last one holds, where the first one stood.
    fn normalize_attests(&mut self) {
        if let Some(Field::Entries(entries)) = self.fields.get_mut("attest") {
            let mut kept: Vec<Entry> = Vec::new();
            for entry in entries.drain(..) {
                match kept.iter_mut().find(|other| other.get("type") == entry.get("type")) {
                    Some(other) => *other = entry,
                    None => kept.push(entry),
                }
            }
            *entries = kept;
        }
    }
}
