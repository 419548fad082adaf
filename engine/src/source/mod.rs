//! What is being checked: a source of a build, as BuildKit names it.

mod cli;
pub mod digest;
mod error;
mod git;
mod git_context;
mod git_url;
mod http;
mod image;
mod oci_layout;
mod path;
mod platform;
mod redact;
pub mod reference;
mod url;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cli::{CliSource, parse_cli};
pub use error::SourceError;
pub use git::GitSource;
pub use git_context::{GitContext, git_context};
pub use git_url::{GitUrl, GitUrlError, is_commit_id};
pub use http::HttpSource;
pub use image::ImageSource;
pub use oci_layout::OciLayoutSource;
pub(crate) use path::join_root;
pub use platform::{Platform, PlatformError};
pub use redact::Redacted;
pub use url::UrlError;
pub(crate) use url::{lossy, unescape_path};

/// Attribute: the URL a git source is fetched from.
pub const ATTR_GIT_FULL_URL: &str = "git.fullurl";
/// Attribute: the object id that a git source must resolve to.
pub const ATTR_GIT_CHECKSUM: &str = "git.checksum";
/// Attribute: the digest that an image source must have.
pub const ATTR_IMAGE_CHECKSUM: &str = "image.checksum";
/// Attribute: the client's content store that an OCI layout is in; on a command line the layout's path.
pub const ATTR_OCI_STORE: &str = "oci.store";
/// Attribute: the secret that holds the `Authorization` header of a URL.
pub const ATTR_HTTP_AUTH_HEADER_SECRET: &str = "http.authheadersecret";

/// A source as BuildKit names it (`pb.SourceOp`): an identifier such as
/// `docker-image://docker.io/library/alpine:3.21` or `git://example.com/repo.git#main`, and attributes
/// such as `git.fullurl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SourceOp {
    /// Scheme and reference, e.g. `local://context`.
    pub identifier: String,
    /// BuildKit's source attributes, by their full names (`git.fullurl`, `http.authheadersecret`, …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attrs: BTreeMap<String, String>,
}

impl SourceOp {
    /// A source without attributes.
    pub fn new(identifier: impl Into<String>) -> Self {
        Self { identifier: identifier.into(), attrs: BTreeMap::new() }
    }
}

/// A [`SourceOp`], parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `docker-image://`: an image in a registry.
    Image(ImageSource),
    /// `git://`: a ref in a git repository.
    Git(GitSource),
    /// `http://` or `https://`: a file.
    Http(HttpSource),
    /// `local://`: a directory of the client.
    Local(LocalSource),
    /// `oci-layout://`: an image in a directory.
    OciLayout(OciLayoutSource),
}

/// A directory that the client of a build shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalSource {
    /// Its name within the build: `context`, `dockerfile`, or that of a named context.
    pub name: String,
}

impl Source {
    /// Parses a source. Fails on a scheme that no policy can judge, and on references, URLs and
    /// digests that are malformed.
    pub fn parse(op: &SourceOp) -> Result<Self, SourceError> {
        let Some((scheme, rest)) = op.identifier.split_once("://") else {
            return Err(SourceError::NoScheme { identifier: Redacted(&op.identifier).to_string() });
        };
        Ok(match scheme {
            "docker-image" => Self::Image(ImageSource::parse(rest)?),
            "git" => Self::Git(GitSource::parse(op, rest)?),
            "http" | "https" => Self::Http(HttpSource::parse(op)?),
            "local" => Self::Local(LocalSource { name: rest.to_owned() }),
            "oci-layout" => Self::OciLayout(OciLayoutSource::parse(op, rest)?),
            _ => {
                return Err(SourceError::UnsupportedScheme {
                    scheme: scheme.to_owned(),
                    identifier: Redacted(&op.identifier).to_string(),
                });
            }
        })
    }

    /// Whether the source is an image, which is always loaded for a platform.
    pub fn needs_platform(&self) -> bool {
        matches!(self, Self::Image(_) | Self::OciLayout(_))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Redacted, Source, SourceError, SourceOp, git_context, parse_cli};
    use crate::testing::mutations;

    #[test]
    fn schemes() {
        for (identifier, image) in [("local://context", false), ("docker-image://a", true)] {
            assert_eq!(Source::parse(&SourceOp::new(identifier)).unwrap().needs_platform(), image);
        }
        let error = Source::parse(&SourceOp::new("noscheme")).unwrap_err();
        assert!(matches!(error, SourceError::NoScheme { .. }));
        let error = Source::parse(&SourceOp::new("docker-image+blob://a")).unwrap_err();
        assert!(matches!(error, SourceError::UnsupportedScheme { .. }));
    }

    #[test]
    fn arbitrary_identifiers_never_panic() {
        for seed in [
            "docker-image://localhost:5000/a__b/c-d:1.0@sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab",
            "git://http://u:p@h:80/%41/r.git?tag=v1#refs/heads/main:a/../b",
            "git://git@h.io:o/r.git?branch=b#x:y",
            "https://u:p@[::1]:80/a/%2e%2e/b?x=1&y=%20#f",
            "oci-layout://./a/b:tag@sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab",
        ] {
            let attrs: BTreeMap<_, _> = [(super::ATTR_OCI_STORE.to_owned(), "store".to_owned())].into();
            let op = |identifier: &str| SourceOp { identifier: identifier.to_owned(), attrs: attrs.clone() };
            assert!(Source::parse(&op(seed)).is_ok(), "{seed}");
            mutations(seed.as_bytes(), 2000, |bytes| {
                let text = String::from_utf8_lossy(bytes);
                let _ = Source::parse(&op(&text));
                let _ = parse_cli(&text);
                let _ = git_context(&text);
                let _ = Redacted(&text).to_string();
            });
        }
    }
}
