//! The input document: what a policy sees of a source. The only place that names Rego fields.
//!
//! Names, order and omission rules are those of buildx: a field that is empty, false or zero is
//! absent. Ours alone is `input.ociLayout`.

mod build;
mod config;
mod describe;
mod env;
mod example;
mod git;
mod group;
mod http;
mod image;
mod local;
mod oci_layout;
mod opa_schema;
pub mod paths;
mod print;
mod provenance;
mod schema;
mod unresolved;
mod value;

use schemars::JsonSchema;
use serde::Serialize;

pub use build::{Built, InputError, MATERIALS_DEPTH_LIMIT, NODE_LIMIT, Node, PathSegment, build};
pub use describe::RawObjects;
pub use env::{Env, NodeEnv};
pub use example::example;
pub use git::{Actor, Commit, Git, PgpSignature, SshSignature, Tag};
pub use group::{Demand, Group, wanted};
pub use http::Http;
pub use image::{Image, ImageContent, ImagePlatform, Signature, Signer, Timestamp};
pub use local::Local;
pub use oci_layout::OciLayout;
pub use opa_schema::opa_schema;
pub use print::to_print_json;
pub use provenance::{Completeness, ConfigSource, ImageProvenance};
pub use schema::{decision_schema, schema};
pub use unresolved::{Unresolved, lookups};
pub(crate) use unresolved::{may_be_unresolved, may_be_unresolved_name};

/// The input of a policy: the environment of the build, and one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// The build that the source is checked for.
    #[serde(skip_serializing_if = "NodeEnv::is_empty")]
    pub env: NodeEnv,
    /// Set when the source is a directory of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<Local>,
    /// Set when the source is an image in a registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Box<Image>>,
    /// Set when the source is a file behind a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// Set when the source is a ref in a git repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<Box<Git>>,
    /// Set when the source is an image in an OCI layout. Not in buildx, which refuses such sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oci_layout: Option<Box<OciLayout>>,
}

impl Input {
    /// What a policy sees when it is asked which capabilities it wants from a build.
    pub fn caps_request(env: &Env) -> Self {
        Self { env: NodeEnv { caps_request: true, ..NodeEnv::new(env, 0) }, ..Self::default() }
    }

    /// The document as the policy engine takes it.
    pub fn to_value(&self) -> regorus::Value {
        value::to_value(self)
    }

    /// The properties that an image has wherever it lies.
    pub fn image_content(&self) -> Option<&ImageContent> {
        match (&self.image, &self.oci_layout) {
            (Some(image), _) => Some(&image.content),
            (None, Some(layout)) => Some(&layout.content),
            (None, None) => None,
        }
    }

    fn image_content_mut(&mut self) -> Option<&mut ImageContent> {
        match (&mut self.image, &mut self.oci_layout) {
            (Some(image), _) => Some(&mut image.content),
            (None, Some(layout)) => Some(&mut layout.content),
            (None, None) => None,
        }
    }
}

/// For `skip_serializing_if`, which hands out a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(b: &bool) -> bool {
    !*b
}
