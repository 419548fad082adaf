//! Image configs (OCI image spec, `config.md`), read as leniently as Go's JSON decoder reads them: keys
//! in any letter case, the last one counts, null is nothing. Container runtimes read them that way, so
//! a stricter reader could be shown another user than the one that runs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::{DateTime, SecondsFormat};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The parts of an image config that a policy sees.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ImageConfig {
    /// RFC 3339, in seconds.
    pub(super) created: Option<String>,
    /// Defaults for containers.
    pub(super) container: ContainerConfig,
}

/// Defaults for containers.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ContainerConfig {
    pub(super) user: String,
    pub(super) env: Vec<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) volumes: BTreeSet<String>,
    pub(super) working_dir: String,
}

impl ImageConfig {
    pub(super) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<Option<Self>>(json).map(Option::unwrap_or_default)
    }
}

impl<'de> Deserialize<'de> for ImageConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ImageConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an image config object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ImageConfig, A::Error> {
                let mut config = ImageConfig::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match fold(&key).as_str() {
                        "created" => {
                            if let Some(time) = map.next_value::<Option<Cow<'de, str>>>()? {
                                let time =
                                    DateTime::parse_from_rfc3339(&time).map_err(serde::de::Error::custom)?;
                                config.created = Some(time.to_rfc3339_opts(SecondsFormat::Secs, true));
                            }
                        }
                        "config" => {
                            if let Some(container) = map.next_value()? {
                                config.container = container;
                            }
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(config)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for ContainerConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ContainerConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a container config object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ContainerConfig, A::Error> {
                let mut config = ContainerConfig::default();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    match fold(&key).as_str() {
                        "user" => replace(&mut config.user, map.next_value()?),
                        "workingdir" => replace(&mut config.working_dir, map.next_value()?),
                        "env" => {
                            let env = map.next_value::<Option<Vec<Option<String>>>>()?;
                            config.env = env.into_iter().flatten().map(Option::unwrap_or_default).collect();
                        }
                        "labels" => {
                            let labels = map.next_value::<Option<BTreeMap<String, Option<String>>>>()?;
                            let labels = labels.into_iter().flatten();
                            config
                                .labels
                                .extend(labels.map(|(name, value)| (name, value.unwrap_or_default())));
                        }
                        "volumes" => {
                            let volumes = map.next_value::<Option<HashMap<String, IgnoredAny>>>()?;
                            config.volumes.extend(volumes.into_iter().flatten().map(|(path, _)| path));
                        }
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(config)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn replace(slot: &mut String, value: Option<String>) {
    if let Some(value) = value {
        *slot = value;
    }
}

/// Lower case, with the two letters beyond ASCII that fold into it.
fn fold(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ImageConfig;
    use crate::testing::mutations;

    const CONFIG: &str = r#"{"architecture":"amd64","created":"2026-11-21T01:27:03.290646688Z",
        "config":{"User":"1000:1000","Env":["PATH=/bin","FOO=bar"],"Volumes":{"/data":{},"/cache":{}},
        "WorkingDir":"/work","Labels":{"team":"infra"},"ExposedPorts":null},"history":[{"created":1}]}"#;

    #[test]
    fn a_config_is_read() {
        let config = ImageConfig::parse(CONFIG.as_bytes()).unwrap();
        assert_eq!(config.created.as_deref(), Some("2026-11-21T01:27:03Z"));
        assert_eq!(config.container.user, "1000:1000");
        assert_eq!(config.container.env, ["PATH=/bin", "FOO=bar"]);
        assert_eq!(config.container.volumes.iter().collect::<Vec<_>>(), ["/cache", "/data"]);
        assert_eq!(config.container.working_dir, "/work");
        assert_eq!(config.container.labels["team"], "infra");
    }

    #[test]
    fn the_last_key_in_any_case_counts() {
        let config = br#"{"Config":{"User":"1000","USER":"root","u\u017fer":null},"CREATED":"2026-01-02T03:04:05+01:00"}"#;
        let config = ImageConfig::parse(config).unwrap();
        assert_eq!(config.container.user, "root");
        assert_eq!(config.created.as_deref(), Some("2026-01-02T03:04:05+01:00"));
    }

    #[test]
    fn null_is_nothing_and_nonsense_an_error() {
        for empty in [
            "null",
            "{}",
            r#"{"config":null,"created":null}"#,
            r#"{"config":{"Env":null,"Labels":null,"Volumes":null}}"#,
        ] {
            assert_eq!(ImageConfig::parse(empty.as_bytes()).unwrap(), ImageConfig::default(), "{empty}");
        }
        for bad in [
            "",
            "[]",
            "{",
            r#"{"created":"yesterday"}"#,
            r#"{"config":[]}"#,
            r#"{"config":{"User":1}}"#,
            r#"{"config":{"Env":{}}}"#,
            "{} x",
        ] {
            assert!(ImageConfig::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic() {
        mutations(CONFIG.as_bytes(), 2000, |bytes| drop(ImageConfig::parse(bytes)));
    }
}
