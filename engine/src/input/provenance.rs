//! `input.image.provenance`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Input, Signature};

/// How an image was built, as its SLSA provenance (v0.2 or v1) says. It is bound to the image: the attestation manifest
/// lists it, and where it names subjects, the image is one of them. Who vouches for it is in `signatures`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageProvenance {
    /// `https://slsa.dev/provenance/v1` or `…/v0.2`.
    #[schemars(example = &"https://slsa.dev/provenance/v1")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub predicate_type: String,
    /// The verified signatures that cover it, being on the attestation manifest that lists it. Anybody may have made
    /// them: ask for the signer. Not in buildx.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Signature>,
    /// What kind of build it was.
    #[schemars(
        example = "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md"
    )]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub build_type: String,
    /// Who built.
    #[schemars(example = &"https://github.com/our-org/app/actions/runs/123/attempts/1")]
    #[serde(rename = "builderID", skip_serializing_if = "String::is_empty")]
    pub builder_id: String,
    /// Id of the build.
    #[schemars(example = &"qxwz1c8f2jpp9vmscbgsxz1no")]
    #[serde(rename = "invocationID", skip_serializing_if = "String::is_empty")]
    pub invocation_id: String,
    /// When it began (RFC 3339, UTC, in seconds).
    #[schemars(example = &"2026-05-04T08:00:00Z")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub started_on: String,
    /// When it ended (RFC 3339, UTC, in seconds).
    #[schemars(example = &"2026-05-04T08:01:30Z")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub finished_on: String,
    /// Where the Dockerfile came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_source: Option<ConfigSource>,
    /// BuildKit frontend: `dockerfile.v0`, `gateway.v0`.
    #[schemars(example = &"dockerfile.v0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub frontend: String,
    /// Build arguments by name.
    #[schemars(example = BTreeMap::from([("VERSION", "1.2")]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub build_args: BTreeMap<String, String>,
    /// All arguments of the frontend, build arguments as `build-arg:NAME`.
    #[schemars(example = BTreeMap::from([("build-arg:VERSION", "1.2")]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub raw_args: BTreeMap<String, String>,
    /// Whether the builder claims that the build is reproducible.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reproducible: Option<bool>,
    /// Whether the build had no network.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hermetic: Option<bool>,
    /// How much of the build the provenance covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completeness: Option<Completeness>,
    /// What went into the build, each an input of its own. Materials of unknown kinds are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub materials: Vec<Input>,
}

/// Where a build's Dockerfile came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ConfigSource {
    /// Where it was read.
    #[schemars(example = &"https://github.com/our-org/app.git#refs/tags/v1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uri: String,
    /// Digests by algorithm.
    #[schemars(example = BTreeMap::from([("sha1", "5c1b0e4f0f3f3c7e6a1d9f6b2a8e7c4d3b2a1908")]))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub digest: BTreeMap<String, String>,
    /// Path within it.
    #[schemars(example = &"Dockerfile")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
}

/// Which parts of a build its provenance claims to cover completely.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Completeness {
    /// Parameters.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<bool>,
    /// Environment; v0.2 only.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<bool>,
    /// Materials.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub materials: Option<bool>,
}
