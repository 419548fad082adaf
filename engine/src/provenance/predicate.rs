//! In-toto statements with an SLSA provenance predicate.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{SLSA_V1, SLSA_V02};

/// What both versions of the predicate say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Predicate {
    /// [`SLSA_V1`] or [`SLSA_V02`].
    pub predicate_type: &'static str,
    /// What the statement is about: digests by algorithm, of each subject.
    pub subjects: Vec<BTreeMap<String, String>>,
    /// What kind of build it was.
    pub build_type: String,
    /// Who built.
    pub builder_id: String,
    /// Where the Dockerfile was read.
    pub config_uri: String,
    /// Digests of it by algorithm.
    pub config_digest: BTreeMap<String, String>,
    /// Its path.
    pub config_path: String,
    /// BuildKit frontend.
    pub frontend: String,
    /// Arguments of the frontend.
    pub args: BTreeMap<String, String>,
    /// About the build; absent when the builder does not say.
    pub metadata: Option<BuildMetadata>,
    /// What went into the build.
    pub materials: Vec<RawMaterial>,
}

/// About a build.
#[allow(clippy::struct_excessive_bools, reason = "claims, each for itself")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildMetadata {
    /// Id of the build.
    pub invocation_id: String,
    /// RFC 3339, UTC, in seconds; empty when unknown.
    pub started_on: String,
    /// RFC 3339, UTC, in seconds; empty when unknown.
    pub finished_on: String,
    /// Claimed to be reproducible.
    pub reproducible: bool,
    /// Built without network.
    pub hermetic: bool,
    /// Parameters are complete.
    pub parameters_complete: bool,
    /// The environment is complete; v0.2 only.
    pub environment_complete: Option<bool>,
    /// Materials are complete.
    pub materials_complete: bool,
}

/// A material as the predicate names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct RawMaterial {
    /// Package URL, git URL or URL.
    #[serde(default, deserialize_with = "or_default")]
    pub uri: String,
    /// Digests by algorithm.
    #[serde(default, deserialize_with = "or_default")]
    pub digest: BTreeMap<String, String>,
}

/// Why a blob is no provenance.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredicateError {
    /// Not the JSON that it should be.
    #[error("it is malformed: {0}")]
    Json(#[from] serde_json::Error),
    /// The statement has no predicate.
    #[error("the statement has no predicate")]
    Missing,
    /// The statement says that it is something else.
    #[error("the statement has the predicate type {0:?}")]
    Type(String),
    /// Neither build type nor builder is known.
    #[error("it names neither a build type nor a builder")]
    Empty,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a> {
    #[serde(default, deserialize_with = "or_default")]
    predicate_type: String,
    #[serde(default, deserialize_with = "or_default")]
    subject: Vec<Subject>,
    #[serde(borrow)]
    predicate: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default, deserialize_with = "or_default")]
    digest: BTreeMap<String, String>,
}

impl Predicate {
    /// Parses a statement. `annotated` is the predicate type on its descriptor, for statements that
    /// leave it out.
    pub fn parse(statement: &[u8], annotated: &str) -> Result<Self, PredicateError> {
        let statement: Statement<'_> = serde_json::from_slice(statement)?;
        let predicate = statement.predicate.ok_or(PredicateError::Missing)?.get();
        let stated = Some(statement.predicate_type.as_str()).filter(|t| !t.is_empty());
        let mut parsed: Self = match stated.unwrap_or(annotated) {
            SLSA_V1 => serde_json::from_str::<V1>(predicate)?.into(),
            SLSA_V02 => serde_json::from_str::<V02>(predicate)?.into(),
            other => return Err(PredicateError::Type(other.to_owned())),
        };
        if parsed.build_type.is_empty() && parsed.builder_id.is_empty() {
            return Err(PredicateError::Empty);
        }
        parsed.subjects = statement.subject.into_iter().map(|subject| subject.digest).collect();
        Ok(parsed)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct V1 {
    #[serde(deserialize_with = "or_default")]
    build_definition: BuildDefinition,
    #[serde(deserialize_with = "or_default")]
    run_details: RunDetails,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BuildDefinition {
    #[serde(deserialize_with = "or_default")]
    build_type: String,
    #[serde(deserialize_with = "or_default")]
    external_parameters: ExternalParameters,
    #[serde(deserialize_with = "or_default")]
    resolved_dependencies: Vec<RawMaterial>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ExternalParameters {
    #[serde(deserialize_with = "or_default")]
    config_source: ConfigSource,
    #[serde(deserialize_with = "or_default")]
    request: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RunDetails {
    #[serde(deserialize_with = "or_default")]
    builder: Builder,
    metadata: Option<MetadataV1>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MetadataV1 {
    #[serde(deserialize_with = "or_default")]
    invocation_id: String,
    started_on: Option<Time>,
    finished_on: Option<Time>,
    #[serde(rename = "buildkit_hermetic", deserialize_with = "or_default")]
    hermetic: bool,
    #[serde(rename = "buildkit_reproducible", deserialize_with = "or_default")]
    reproducible: bool,
    #[serde(rename = "buildkit_completeness", deserialize_with = "or_default")]
    completeness: CompletenessV1,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CompletenessV1 {
    #[serde(deserialize_with = "or_default")]
    request: bool,
    #[serde(deserialize_with = "or_default")]
    resolved_dependencies: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct V02 {
    #[serde(deserialize_with = "or_default")]
    builder: Builder,
    #[serde(deserialize_with = "or_default")]
    build_type: String,
    #[serde(deserialize_with = "or_default")]
    invocation: Invocation,
    metadata: Option<MetadataV02>,
    #[serde(deserialize_with = "or_default")]
    materials: Vec<RawMaterial>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Invocation {
    #[serde(deserialize_with = "or_default")]
    config_source: ConfigSourceV02,
    #[serde(deserialize_with = "or_default")]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MetadataV02 {
    #[serde(rename = "buildInvocationID", deserialize_with = "or_default")]
    invocation_id: String,
    build_started_on: Option<Time>,
    build_finished_on: Option<Time>,
    #[serde(deserialize_with = "or_default")]
    completeness: CompletenessV02,
    #[serde(deserialize_with = "or_default")]
    reproducible: bool,
    #[serde(rename = "https://mobyproject.org/buildkit@v1#hermetic", deserialize_with = "or_default")]
    hermetic: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompletenessV02 {
    #[serde(deserialize_with = "or_default")]
    parameters: bool,
    #[serde(deserialize_with = "or_default")]
    environment: bool,
    #[serde(deserialize_with = "or_default")]
    materials: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Builder {
    #[serde(deserialize_with = "or_default")]
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigSource {
    #[serde(deserialize_with = "or_default")]
    uri: String,
    #[serde(deserialize_with = "or_default")]
    digest: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    path: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigSourceV02 {
    #[serde(deserialize_with = "or_default")]
    uri: String,
    #[serde(deserialize_with = "or_default")]
    digest: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_default")]
    entry_point: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    #[serde(deserialize_with = "or_default")]
    frontend: String,
    #[serde(deserialize_with = "or_default")]
    args: BTreeMap<String, String>,
}

/// A time, kept as RFC 3339 in UTC.
struct Time(String);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Secs, true)))
    }
}

/// Null is the same as absent.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn text(time: Option<Time>) -> String {
    time.map(|t| t.0).unwrap_or_default()
}

impl From<V1> for Predicate {
    fn from(v1: V1) -> Self {
        let BuildDefinition { build_type, external_parameters, resolved_dependencies } = v1.build_definition;
        let ExternalParameters { config_source, request } = external_parameters;
        Self {
            predicate_type: SLSA_V1,
            subjects: Vec::new(),
            build_type,
            builder_id: v1.run_details.builder.id,
            config_uri: config_source.uri,
            config_digest: config_source.digest,
            config_path: config_source.path,
            frontend: request.frontend,
            args: request.args,
            metadata: v1.run_details.metadata.map(|m| BuildMetadata {
                invocation_id: m.invocation_id,
                started_on: text(m.started_on),
                finished_on: text(m.finished_on),
                reproducible: m.reproducible,
                hermetic: m.hermetic,
                parameters_complete: m.completeness.request,
                environment_complete: None,
                materials_complete: m.completeness.resolved_dependencies,
            }),
            materials: resolved_dependencies,
        }
    }
}

impl From<V02> for Predicate {
    fn from(v02: V02) -> Self {
        let Invocation { config_source, parameters } = v02.invocation;
        Self {
            predicate_type: SLSA_V02,
            subjects: Vec::new(),
            build_type: v02.build_type,
            builder_id: v02.builder.id,
            config_uri: config_source.uri,
            config_digest: config_source.digest,
            config_path: config_source.entry_point,
            frontend: parameters.frontend,
            args: parameters.args,
            metadata: v02.metadata.map(|m| BuildMetadata {
                invocation_id: m.invocation_id,
                started_on: text(m.build_started_on),
                finished_on: text(m.build_finished_on),
                reproducible: m.reproducible,
                hermetic: m.hermetic,
                parameters_complete: m.completeness.parameters,
                environment_complete: Some(m.completeness.environment),
                materials_complete: m.completeness.materials,
            }),
            materials: v02.materials,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Predicate, PredicateError, SLSA_V1, SLSA_V02};
    use crate::testing::mutations;

    const BASE: &[u8] = include_bytes!("../../../fixtures/provenance/base-v1.json");
    const CHILD: &[u8] = include_bytes!("../../../fixtures/provenance/child-v1.json");

    #[test]
    fn v1_as_buildkit_writes_it() {
        let predicate = Predicate::parse(BASE, SLSA_V1).unwrap();
        assert_eq!(predicate.predicate_type, SLSA_V1);
        assert_eq!(predicate.args["build-arg:MYARG"], "x");
        assert_eq!(
            (predicate.frontend.as_str(), predicate.config_path.as_str()),
            ("dockerfile.v0", "Dockerfile")
        );
        let metadata = predicate.metadata.unwrap();
        assert!(metadata.parameters_complete && metadata.environment_complete.is_none());
        let materials = Predicate::parse(CHILD, SLSA_V1).unwrap().materials;
        assert_eq!(materials.len(), 3);
        assert_eq!(materials[1].uri, "http://127.0.0.1:8088/git/repo.git#v1.0.0");
    }

    #[test]
    fn what_is_no_provenance() {
        let parse = |json: &str| Predicate::parse(json.as_bytes(), SLSA_V02);
        assert!(matches!(parse("{}"), Err(PredicateError::Missing)));
        assert!(matches!(parse(r#"{"predicateType":"x","predicate":{}}"#), Err(PredicateError::Type(_))));
        assert!(matches!(parse(r#"{"predicate":{"buildType":null}}"#), Err(PredicateError::Empty)));
        for json in [
            "",
            "[]",
            r#"{"predicate":{"buildType":1}}"#,
            r#"{"predicate":{"buildType":"x","metadata":{"buildStartedOn":"now"}}}"#,
        ] {
            assert!(matches!(parse(json), Err(PredicateError::Json(_))), "{json}");
        }
        assert!(parse(r#"{"predicate":{"buildType":"x","metadata":{"buildStartedOn":null}}}"#).is_ok());
    }

    #[test]
    fn arbitrary_bytes_never_panic() {
        for seed in [BASE, CHILD] {
            mutations(seed, 500, |bytes| drop(Predicate::parse(bytes, SLSA_V1)));
        }
    }
}
