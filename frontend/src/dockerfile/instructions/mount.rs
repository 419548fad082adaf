//! `RUN --mount=type=bind,from=…`.

use crate::policy_spec::csv_fields;

/// A mount. Its values are expanded when it is used, all but `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dockerfile) struct Mount {
    fields: Vec<String>,
    /// Stage, image or named context; empty for the main context.
    pub from: String,
}

/// Where the content of a mount comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dockerfile) enum MountKind {
    /// `bind`: from `from`, or the main context.
    Bind,
    /// `cache`: from `from`, or nothing.
    Cache,
    /// `tmpfs`, `secret`, `ssh`: nothing that is loaded.
    Other,
}

const TYPES: [(&str, MountKind); 5] = [
    ("bind", MountKind::Bind),
    ("cache", MountKind::Cache),
    ("tmpfs", MountKind::Other),
    ("secret", MountKind::Other),
    ("ssh", MountKind::Other),
];

/// Keys that need a value.
const KEYS: [&str; 14] = [
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "size",
    "id",
    "sharing",
    "mode",
    "uid",
    "gid",
    "env",
];

/// Keys that may stand alone.
const SWITCHES: [&str; 5] = ["readonly", "ro", "readwrite", "rw", "required"];

impl Mount {
    pub(super) fn read(value: &str) -> Result<Self, String> {
        let fields = csv_fields(value).map_err(|error| format!("--mount: {error}"))?;
        let mut from = String::new();
        for (key, value) in fields.iter().filter_map(|field| field.split_once('=')) {
            if !key.eq_ignore_ascii_case("from") {
                continue;
            }
            if value.find('$').is_some_and(|dollar| dollar + 1 < value.len()) {
                let instead = "name a stage with FROM, where global arguments are expanded";
                return Err(format!("variables are not expanded in `from` of --mount: {instead}"));
            }
            value.clone_into(&mut from);
        }
        Ok(Self { fields, from })
    }

    /// What the mount is, once its values are expanded, which `expand` does.
    pub(in crate::dockerfile) fn kind(
        &self,
        mut expand: impl FnMut(&str) -> Result<String, String>,
    ) -> Result<MountKind, String> {
        let mut kind = ("bind", MountKind::Bind);
        let mut target = String::new();
        for field in &self.fields {
            let (key, value) = field.split_once('=').map_or((field.as_str(), None), |(k, v)| (k, Some(v)));
            let key = key.to_ascii_lowercase();
            let value = value.map(&mut expand).transpose()?;
            match value {
                None if SWITCHES.contains(&key.as_str()) => {}
                None => return Err(format!("--mount: {field:?} must be of the form key=value")),
                Some(_) if !SWITCHES.contains(&key.as_str()) && !KEYS.contains(&key.as_str()) => {
                    return Err(format!("--mount: unknown key {key:?}"));
                }
                Some(value) if key == "type" => {
                    let found = TYPES.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
                    kind = *found.ok_or_else(|| format!("--mount: unknown type {value:?}"))?;
                }
                Some(value) if ["target", "dst", "destination"].contains(&key.as_str()) => target = value,
                Some(_) => {}
            }
        }
        match kind {
            ("secret", _) if !self.from.is_empty() => Err("--mount: a secret can't have a `from`".to_owned()),
            (name @ ("bind" | "cache" | "tmpfs"), _)
                if target.split('/').all(|part| part.is_empty() || part == ".") =>
            {
                Err(format!("--mount: {target:?} is no target for a mount of the type {name}"))
            }
            (_, kind) => Ok(kind),
        }
    }
}
