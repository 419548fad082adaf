//! `input.git`.

use schemars::JsonSchema;
use serde::Serialize;

use super::is_false;

/// A ref in a git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Git {
    /// Protocol: `https`, `http`, `ssh` or `git`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// Host and port.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// URL that git fetches from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remote: String,
    /// URL as the build has it.
    #[serde(rename = "fullURL", skip_serializing_if = "String::is_empty")]
    pub full_url: String,
    /// Tag that the ref names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag_name: String,
    /// Branch that the ref names.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub branch: String,
    /// Full ref (`refs/heads/main`), or the commit id when that was asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#ref: String,
    /// Directory within the repository.
    #[serde(rename = "subDir", skip_serializing_if = "String::is_empty")]
    pub subdir: String,
    /// Whether the build names a commit by its full id.
    #[serde(skip_serializing_if = "is_false")]
    pub is_commit_ref: bool,
    /// Whether the repository uses SHA-256.
    #[serde(rename = "isSHA256", skip_serializing_if = "is_false")]
    pub is_sha256: bool,
    /// Object id that the ref names: of the tag object for an annotated tag.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub checksum: String,
    /// Id of the commit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub commit_checksum: String,
    /// Whether the ref is an annotated tag.
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
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tree: String,
    /// Ids of the parents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Who wrote the change.
    #[serde(skip_serializing_if = "Actor::is_empty")]
    pub author: Actor,
    /// Who made the commit.
    #[serde(skip_serializing_if = "Actor::is_empty")]
    pub committer: Actor,
    /// Message, without its last line break.
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
    #[serde(skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// Type of the tagged object, mostly `commit`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Who made the tag.
    #[serde(skip_serializing_if = "Actor::is_empty")]
    pub tagger: Actor,
    /// Message, without its last line break and the signature.
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
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Email address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Time (RFC 3339), in the person's time zone.
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
    pub version: u8,
    /// Id of the signing key, 16 hex digits.
    #[serde(rename = "keyID", skip_serializing_if = "String::is_empty")]
    pub key_id: String,
}

/// What an SSH signature says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SshSignature {
    /// Version of the format: 1.
    pub version: u32,
    /// Fingerprint of the signing key, `SHA256:…`.
    #[serde(rename = "pubKey", skip_serializing_if = "String::is_empty")]
    pub pub_key: String,
}
