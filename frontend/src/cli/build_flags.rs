//! The flags of `docker buildx build` that make a difference for the sources of a build.

use std::collections::BTreeMap;

use policy_engine::source::Platform;

use crate::build_options::{BuildOptions, context_name};
use crate::flag_values::{parse_bool, record};
use crate::policy_spec::csv_fields;
use crate::redact;
use crate::resolve::image::default_platform;

/// What is built.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Build")]
pub(super) struct BuildFlags {
    /// Dockerfile: a path, a URL, or `-` for standard input [default: Dockerfile in the context]
    #[arg(long, short, value_name = "FILE")]
    file: Option<String>,
    /// Build argument, `KEY=VALUE` or `KEY` to take it from the environment
    #[arg(long, value_name = "KEY=VALUE")]
    build_arg: Vec<String>,
    /// Further context, as in `base=docker-image://alpine:3.22`
    #[arg(long, value_name = "NAME=CONTEXT")]
    build_context: Vec<String>,
    /// Label that the build sets
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Platforms to build for [default: this machine's, on Linux]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',')]
    platform: Vec<String>,
    /// Target stage
    #[arg(long, value_name = "STAGE", default_value = "", hide_default_value = true)]
    target: String,
    /// Attestation, as in `type=sbom,generator=IMAGE`
    #[arg(long, value_name = "ATTESTATION")]
    attest: Vec<String>,
    /// Short for `--attest type=sbom`: true, false or its parameters
    #[arg(long, value_name = "SBOM")]
    sbom: Option<String>,
    /// Short for `--attest type=provenance`: true, false or its parameters
    #[arg(long, value_name = "PROVENANCE")]
    provenance: Option<String>,
}

/// A flag that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum FlagError {
    /// Neither a context nor anything else to look at.
    #[error("there is nothing to look at: name a build context")]
    NoContext,
    /// More than one context.
    #[error("one build has one context")]
    Contexts,
    /// A value of the wrong form.
    #[error("invalid value `{value}` for `--{flag}`: {wanted}")]
    Value {
        /// The flag.
        flag: &'static str,
        /// What was given, without credentials.
        value: String,
        /// What is needed.
        wanted: String,
    },
}

impl FlagError {
    pub(super) fn value(flag: &'static str, value: &str, wanted: impl Into<String>) -> Self {
        Self::Value { flag, value: redact::url(value), wanted: wanted.into() }
    }

    /// What to do next.
    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::NoContext => Some("`policy-check dry-run .` looks at the Dockerfile of this folder".into()),
            Self::Contexts => Some("name several builds by `--bake` or `--compose`".into()),
            Self::Value { .. } => None,
        }
    }
}

impl BuildFlags {
    /// The options of the build of `context`.
    pub(super) fn options(&self, context: &str) -> Result<BuildOptions, FlagError> {
        Ok(BuildOptions {
            context: context.to_owned(),
            // As in buildx, an empty value is none.
            dockerfile: self.file.clone().filter(|file| !file.is_empty()),
            dockerfile_inline: None,
            target: self.target.clone(),
            platforms: self.platforms()?,
            build_args: self.build_args()?,
            labels: self.labels()?,
            build_contexts: self.build_contexts()?,
            attests: self.attests()?,
        })
    }

    fn platforms(&self) -> Result<Vec<Platform>, FlagError> {
        let mut platforms = Vec::new();
        for name in self.platform.iter().filter(|name| !name.is_empty()) {
            let platform = match name.as_str() {
                "local" => default_platform(),
                name => Platform::parse(name)
                    .map_err(|error| FlagError::value("platform", name, error.to_string()))?,
            };
            if !platforms.contains(&platform) {
                platforms.push(platform);
            }
        }
        Ok(platforms)
    }

    /// One that only has a name and isn't set in the environment is none.
    fn build_args(&self) -> Result<BTreeMap<String, Option<String>>, FlagError> {
        let mut args = BTreeMap::new();
        for arg in &self.build_arg {
            let (key, value) = match key_value("build-arg", arg)? {
                (key, Some(value)) => (key, Some(value.to_owned())),
                (key, None) => (key, std::env::var(key).ok()),
            };
            if value.is_some() {
                args.insert(key.to_owned(), value);
            }
        }
        Ok(args)
    }

    fn labels(&self) -> Result<BTreeMap<String, String>, FlagError> {
        let label = |label: &String| {
            let (key, value) = key_value("label", label)?;
            Ok((key.to_owned(), value.unwrap_or_default().to_owned()))
        };
        self.label.iter().map(label).collect()
    }

    fn build_contexts(&self) -> Result<BTreeMap<String, String>, FlagError> {
        let mut contexts = BTreeMap::new();
        for context in self.build_context.iter().filter(|context| !context.is_empty()) {
            let invalid = |wanted: &str| FlagError::value("build-context", context, wanted);
            let (name, value) = context.split_once('=').ok_or_else(|| invalid("NAME=CONTEXT is needed"))?;
            let name = context_name(name).map_err(|error| invalid(&error.to_string()))?;
            contexts.insert(name, value.to_owned());
        }
        Ok(contexts)
    }

    fn attests(&self) -> Result<BTreeMap<String, Option<String>>, FlagError> {
        let mut attests = BTreeMap::new();
        for value in &self.attest {
            let fields =
                csv_fields(value).map_err(|error| FlagError::value("attest", value, error.to_string()))?;
            add_attest(&mut attests, "attest", value, fields)?;
        }
        for (flag, given) in [("provenance", &self.provenance), ("sbom", &self.sbom)] {
            let Some(value) = given.as_deref().filter(|value| !value.is_empty()) else { continue };
            let mut fields = vec![format!("type={flag}")];
            match parse_bool(value) {
                Some(on) => fields.push(format!("disabled={}", !on)),
                None => fields.extend(
                    csv_fields(value).map_err(|error| FlagError::value(flag, value, error.to_string()))?,
                ),
            }
            add_attest(&mut attests, flag, value, fields)?;
        }
        Ok(attests)
    }
}

/// One attestation of fields such as `type=sbom` and `generator=IMAGE`. Each type may be there once.
fn add_attest(
    attests: &mut BTreeMap<String, Option<String>>,
    flag: &'static str,
    value: &str,
    fields: Vec<String>,
) -> Result<(), FlagError> {
    let invalid = |wanted: &str| FlagError::value(flag, value, wanted);
    let (mut kind, mut disabled, mut parameters) = (None, false, Vec::new());
    for field in fields {
        let (key, value) = field.split_once('=').ok_or_else(|| invalid("fields of key=value are needed"))?;
        match key.trim().to_ascii_lowercase().as_str() {
            "type" => kind = Some(value.to_owned()),
            "disabled" => {
                disabled = parse_bool(value).ok_or_else(|| invalid("`disabled` is true or false"))?;
            }
            _ => parameters.push(field),
        }
    }
    let kind = kind.filter(|kind| !kind.is_empty()).ok_or_else(|| invalid("a `type=` is needed"))?;
    match attests.insert(kind, (!disabled).then(|| record(parameters.iter().map(String::as_str)))) {
        None => Ok(()),
        Some(_) => Err(invalid("each type of attestation can be given once")),
    }
}

fn key_value<'a>(flag: &'static str, given: &'a str) -> Result<(&'a str, Option<&'a str>), FlagError> {
    let (key, value) = match given.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (given, None),
    };
    if key.is_empty() {
        return Err(FlagError::value(flag, given, "it has no key"));
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        flags: BuildFlags,
    }

    fn options(args: &[&str]) -> Result<BuildOptions, FlagError> {
        Command::try_parse_from(["x"].iter().chain(args)).unwrap().flags.options(".")
    }

    fn map(of: &[(&str, &str)]) -> BTreeMap<String, String> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn platforms_in_lists_and_once_each() {
        let built = options(&["--platform", "linux/amd64,linux/arm64", "--platform=linux/x86_64"]).unwrap();
        let names: Vec<_> = built.platforms.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["linux/amd64", "linux/arm64"]);
        assert_eq!(options(&["--platform", "local"]).unwrap().platforms, [default_platform()]);
        assert!(options(&["--platform", "linux/a/b/c"]).is_err());
    }

    #[test]
    fn arguments_and_labels() {
        let built =
            options(&["--build-arg", "A=1=2", "--build-arg", "POLICY_CHECK_UNSET", "--label", "l"]).unwrap();
        assert_eq!(built.build_args, [("A".to_owned(), Some("1=2".to_owned()))].into());
        assert_eq!(built.labels, map(&[("l", "")]));
        assert!(options(&["--build-arg", "=1"]).is_err());
    }

    #[test]
    fn context_names_are_familiar() {
        let names = [
            ("base", "base"),
            ("docker.io/library/alpine:latest", "alpine"),
            ("alpine:3", "alpine:3"),
            ("alpine:latest@sha256:DIGEST", "alpine:latest@sha256:DIGEST"),
            ("ghcr.io/o/r", "ghcr.io/o/r"),
        ];
        for (given, name) in names {
            let [given, name] = [given, name].map(|text| text.replace("DIGEST", &"0".repeat(64)));
            let built = options(&["--build-context", &format!("{given}=./x=y")]).unwrap();
            assert_eq!(built.build_contexts, map(&[(&name, "./x=y")]), "{given}");
        }
        for bad in ["base", "UPPER=x", "a b=x"] {
            assert!(options(&["--build-context", bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn attestations_in_all_their_forms() {
        for (args, attests) in [
            (&["--sbom", "true"][..], vec![("sbom", Some(""))]),
            (&["--sbom=false"], vec![("sbom", None)]),
            (&["--sbom", "generator=alpine"], vec![("sbom", Some("generator=alpine"))]),
            (&["--provenance", "mode=max,version=v1"], vec![("provenance", Some("mode=max,version=v1"))]),
            (
                &["--attest", "type=sbom,\"generator=a,b\"", "--attest", "type=provenance,disabled=true"],
                vec![("provenance", None), ("sbom", Some("\"generator=a,b\""))],
            ),
        ] {
            let wanted = attests
                .into_iter()
                .map(|(kind, parameters)| (kind.to_owned(), parameters.map(str::to_owned)))
                .collect();
            assert_eq!(options(args).unwrap().attests, wanted, "{args:?}");
        }
        for bad in
            [&["--attest", "generator=a"][..], &["--attest", "type=sbom", "--sbom", "true"], &["--sbom", "x"]]
        {
            assert!(options(bad).is_err(), "{bad:?}");
        }
    }
}
