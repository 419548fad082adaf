//! The value of `--policy`, in the grammar of `docker buildx build --policy`: comma-separated `key=value`
//! fields, quoted as in CSV.

use std::str::FromStr;

use crate::flag_values::{fields, parse_bool};

/// One `--policy` flag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySpec {
    /// `filename=`, each file once per field. The files of one flag form one policy.
    pub files: Vec<String>,
    /// `reset=`: forget every policy given before, the one beside the Dockerfile included.
    pub reset: bool,
    /// `disabled=`: evaluate nothing.
    pub disabled: bool,
    /// `strict=`: finding no policy is an error.
    pub strict: Option<bool>,
    /// `log-level=`: which messages of the policy are shown.
    pub log_level: Option<LogLevel>,
}

/// How much of what a policy says is shown, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    None,
    /// Errors.
    Error,
    /// Warnings too.
    Warn,
    /// What `print` says too.
    Info,
    /// Everything.
    Debug,
}

/// A `--policy` flag that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// A quote is missing, or stands in the middle of a field.
    #[error("misplaced quote in `{0}`")]
    Quote(String),
    /// A key that is not known.
    #[error("unknown key `{key}` in `{field}`: known are filename, reset, disabled, strict and log-level")]
    UnknownKey {
        /// The key.
        key: String,
        /// The field it stands in.
        field: String,
    },
    /// A key without a value, or with one of the wrong type.
    #[error("invalid value in `{field}`: {wanted} is needed")]
    Value {
        /// The field.
        field: String,
        /// What was wanted.
        wanted: &'static str,
    },
}

impl FromStr for PolicySpec {
    type Err = SpecError;

    fn from_str(value: &str) -> Result<Self, SpecError> {
        let fields = csv_fields(value)?;
        // A bare path is the file's name. buildx wants `filename=` there; nothing else could be meant.
        if let [only] = fields.as_slice()
            && !only.is_empty()
            && !only.contains('=')
        {
            return Ok(Self { files: vec![only.clone()], ..Self::default() });
        }
        let mut spec = Self::default();
        for field in fields {
            spec.set(&field)?;
        }
        Ok(spec)
    }
}

impl PolicySpec {
    fn set(&mut self, field: &str) -> Result<(), SpecError> {
        let invalid = |wanted| SpecError::Value { field: field.to_owned(), wanted };
        let (key, value) = field.split_once('=').ok_or_else(|| invalid("key=value"))?;
        let boolean = || parse_bool(value).ok_or_else(|| invalid("true or false"));
        match key.trim().to_ascii_lowercase().as_str() {
            "filename" if value.is_empty() => return Err(invalid("a path")),
            "filename" => self.files.push(value.to_owned()),
            "reset" => self.reset = boolean()?,
            "disabled" => self.disabled = boolean()?,
            "strict" => self.strict = Some(boolean()?),
            "log-level" => {
                let level = LogLevel::parse(value);
                self.log_level = Some(level.ok_or_else(|| invalid("none, error, warn, info or debug"))?);
            }
            key => return Err(SpecError::UnknownKey { key: key.to_owned(), field: field.to_owned() }),
        }
        Ok(())
    }
}

impl LogLevel {
    /// The names of buildx's documentation, and those that its code takes.
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "panic" | "fatal" | "error" => Self::Error,
            "warn" | "warning" => Self::Warn,
            "info" => Self::Info,
            "debug" | "trace" => Self::Debug,
            _ => return None,
        })
    }
}

/// The fields of one record; see [`fields`].
pub(crate) fn csv_fields(record: &str) -> Result<Vec<String>, SpecError> {
    fields(record, ',').ok_or_else(|| SpecError::Quote(record.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(value: &str) -> Result<PolicySpec, SpecError> {
        value.parse()
    }

    #[test]
    fn files_of_one_flag() {
        assert_eq!(parse("filename=a.rego,filename=b.rego").unwrap().files, ["a.rego", "b.rego"]);
        assert_eq!(parse(r#""filename=a,b.rego",reset=1"#).unwrap().files, ["a,b.rego"]);
        assert_eq!(parse(r#""filename=a""b.rego""#).unwrap().files, ["a\"b.rego"]);
    }

    #[test]
    fn bare_path_is_a_file() {
        assert_eq!(parse("policies/a.rego").unwrap().files, ["policies/a.rego"]);
    }

    #[test]
    fn options() {
        let spec = parse("reset=true, STRICT=F,log-level=none,disabled=0").unwrap();
        let wanted = PolicySpec {
            reset: true,
            strict: Some(false),
            log_level: Some(LogLevel::None),
            ..PolicySpec::default()
        };
        assert_eq!(spec, wanted);
    }

    #[test]
    fn refuses_what_buildx_refuses() {
        for value in
            ["", "filename=", "reset=yes", "log-level=loud", "color=red", "a.rego,b.rego", "filename=a,"]
        {
            assert!(parse(value).is_err(), "{value}");
        }
        assert_eq!(parse("\"filename=a"), Err(SpecError::Quote("\"filename=a".into())));
        assert_eq!(
            parse("color=red").unwrap_err().to_string(),
            "unknown key `color` in `color=red`: known are filename, reset, disabled, strict and log-level"
        );
    }
}
