//! Flags of instructions: `--name`, `--name=value`.

use std::collections::BTreeMap;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`; without a value it is `true`.
    Bool,
    Text,
    /// It may be given several times.
    Texts,
}

/// The flags that were given.
#[derive(Debug, Default)]
pub(super) struct Flags(BTreeMap<&'static str, Vec<String>>);

impl Flags {
    /// Reads flags that must be among `known`.
    pub(super) fn read(given: &[String], known: &[(&'static str, Kind)]) -> Result<Self, String> {
        let mut flags = Self::default();
        for flag in given {
            let (name, value) = flag.split_once('=').map_or((flag.as_str(), None), |(n, v)| (n, Some(v)));
            let found = name.strip_prefix("--").and_then(|name| known.iter().find(|known| known.0 == name));
            let Some(&(known_name, kind)) = found else {
                return Err(format!("unknown flag `{name}`"));
            };
            let values = flags.0.entry(known_name).or_default();
            if kind != Kind::Texts && !values.is_empty() {
                return Err(format!("the flag `{name}` is given twice"));
            }
            let value = match (kind, value) {
                (Kind::Bool, None) => "true",
                (Kind::Bool, Some(value)) if value.eq_ignore_ascii_case("true") => "true",
                (Kind::Bool, Some(value)) if value.eq_ignore_ascii_case("false") => "false",
                (Kind::Bool, Some(value)) => {
                    return Err(format!("the flag `{name}` must be true or false, not {value:?}"));
                }
                (_, Some(value)) => value,
                (_, None) => return Err(format!("the flag `{name}` needs a value")),
            };
            values.push(value.to_owned());
        }
        Ok(flags)
    }

    /// The value of a flag; empty where it is not given.
    pub(super) fn text(&self, name: &str) -> String {
        self.texts(name).first().cloned().unwrap_or_default()
    }

    /// All values of a flag.
    pub(super) fn texts(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a flag that is true or false, if it is given.
    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        self.texts(name).first().map(|value| value == "true")
    }
}
