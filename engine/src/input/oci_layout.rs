//! `input.ociLayout`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{ImageContent, ImagePlatform, is_false};

/// An image in an OCI layout. It has no host and no repository, so a rule about registries never
/// matches it by accident; whatever else `input.image` has is here too, under the same names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OciLayout {
    /// What follows `oci-layout://`.
    #[schemars(example = &"images/base:1.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#ref: String,
    /// Path of the layout, or the name of the client's store.
    #[schemars(example = &"images/base")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Tag that picks an image of the layout.
    #[schemars(example = &"1.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// The platform it is wanted for.
    #[serde(flatten)]
    pub platform: ImagePlatform,
    /// Whether the reference has a digest.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub is_canonical: bool,
    /// What the image says of itself.
    #[serde(flatten)]
    pub content: ImageContent,
}
