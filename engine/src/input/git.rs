//! `input.git`.

use schemars::JsonSchema;
use serde::Serialize;

use super::is_false;

/// A ref in a git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Git {
    /// Protocol: `https`, `http`, `ssh` or `git`.
    #[schemars(example = &"https")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// Host and port.
    #[schemars(example = &"github.com")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// URL that git fetches from.
    #[schemars(example = &"https://github.com/our-org/app.git")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remote: String,
    /// URL as the build has it.
    #[schemars(example = &"https://github.com/our-org/app.git#v1.2.0:lib")]
    #[serde(rename = "fullURL", skip_serializing_if = "String::is_empty")]
    pub full_url: String,
    /// Tag that the ref names.
    #[schemars(example = &"v1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag_name: String,
    /// Branch that the ref names.
    #[schemars(example = &"main")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub branch: String,
    /// Full ref (`refs/heads/main`), or the commit id when that was asked for.
    #[schemars(example = &"refs/tags/v1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#ref: String,
    /// Directory within the repository.
    #[schemars(example = &"lib")]
    #[serde(rename = "subDir", skip_serializing_if = "String::is_empty")]
    pub subdir: String,
    /// Whether the build names a commit by its full id.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub is_commit_ref: bool,
    /// Whether the repository uses SHA-256.
    #[schemars(example = true)]
    #[serde(rename = "isSHA256", skip_serializing_if = "is_false")]
    pub is_sha256: bool,
    /// Object id that the ref names: of the tag object for an annotated tag.
    #[schemars(example = &"9f0c1d2e3a4b5c6d7e8f90a1b2c3d4e5f6a7b8c9")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checksum: String,
    /// Id of the commit.
    #[schemars(example = &"5c1b0e4f0f3f3c7e6a1d9f6b2a8e7c4d3b2a1908")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit_checksum: String,
    /// Whether the ref is an annotated tag.
    #[schemars(example = true)]
    #[serde(skip_serializing_if = "is_false")]
    pub is_annotated_tag: bool,
    /// The tag object, for annotated tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The commit object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

/// A commit object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// Id of the tree.
    #[schemars(example = &"d8329fc1cc938780ffdd9f94e0d364e0ea74f579")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// Ids of the parents.
    #[schemars(example = ["3b0f9ff0f4ddd9172874d5250192ef05b23e8404"])]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Who wrote the change.
    #[serde(skip_serializing_if = "Actor::is_empty")]
    pub author: Actor,
    /// Who made the commit.
    #[serde(skip_serializing_if = "Actor::is_empty")]
    pub committer: Actor,
    /// Message, without its last line break.
    #[schemars(example = &"Fix the parser")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The PGP signature, not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pgp_signature: Option<PgpSignature>,
    /// The SSH signature, not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_signature: Option<SshSignature>,
}

/// A tag object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    /// Id of the tagged object.
    #[schemars(example = &"5c1b0e4f0f3f3c7e6a1d9f6b2a8e7c4d3b2a1908")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// Type of the tagged object, mostly `commit`.
    #[schemars(example = &"commit")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Name.
    #[schemars(example = &"v1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Who made the tag.
    #[serde(skip_serializing_if = "Actor::is_empty")]
    pub tagger: Actor,
    /// Message, without its last line break and the signature.
    #[schemars(example = &"Version 1.2.0")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The PGP signature, not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pgp_signature: Option<PgpSignature>,
    /// The SSH signature, not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_signature: Option<SshSignature>,
}

/// A person, as a git object names them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Actor {
    /// Name.
    #[schemars(example = &"Ann Example")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Email address.
    #[schemars(example = &"ann@example.com")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Time (RFC 3339), in the person's time zone.
    #[schemars(example = &"2026-05-04T10:00:00+02:00")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub when: String,
}

impl Actor {
    fn is_empty(&self) -> bool {
        self.name.is_empty() && self.email.is_empty() && self.when.is_empty()
    }
}

/// What a PGP signature says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PgpSignature {
    /// Version of the signature packet: 4 or 6.
    #[schemars(example = 4)]
    pub version: u8,
    /// Id of the signing key, 16 hex digits.
    #[schemars(example = &"4AEE18F83AFDEB23")]
    #[serde(rename = "keyID", skip_serializing_if = "String::is_empty")]
    pub key_id: String,
}

/// What an SSH signature says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SshSignature {
    /// Version of the format: 1.
    #[schemars(example = 1)]
    pub version: u32,
    /// Fingerprint of the signing key, `SHA256:…`.
    #[schemars(example = &"SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8")]
    #[serde(rename = "pubKey", skip_serializing_if = "String::is_empty")]
    pub pub_key: String,
}
