//! Materials of a provenance as sources of their own.

use super::RawMaterial;
use super::purl::{self, PurlError};
use crate::source::reference::ReferenceError;
use crate::source::{ATTR_GIT_FULL_URL, GitUrl, Platform, Redacted, SourceOp, digest, join_root};

/// A material that a policy can look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Material {
    /// The source.
    pub source: SourceOp,
    /// The platform, when the material names one.
    pub platform: Option<Platform>,
}

/// Why a material is none that a policy can look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaterialError {
    /// Of an unknown kind.
    #[error("unsupported material, it is neither an image, nor a git repository, nor a URL")]
    Unsupported,
    /// A malformed package URL.
    #[error("invalid package URL: {0}")]
    Purl(#[from] PurlError),
    /// A malformed digest.
    #[error("invalid digest: {0}")]
    Digest(#[from] ReferenceError),
    /// The reference has another digest than the material.
    #[error("the reference has digest {reference}, but the material has {material}")]
    Mismatch {
        /// In the URI.
        reference: String,
        /// Beside the URI.
        material: String,
    },
}

impl Material {
    /// Makes a source of a material: an image of a `pkg:docker/` URL, git of a git URL, else a URL.
    pub fn parse(raw: &RawMaterial) -> Result<Self, MaterialError> {
        let uri = &raw.uri;
        if uri.starts_with("pkg:docker/") {
            return Self::image(raw);
        }
        if let Ok(url) = GitUrl::parse(uri) {
            let is_http = matches!(url.schema.as_str(), "http" | "https");
            if !is_http || url.path.to_lowercase().ends_with(".git") {
                return Ok(Self { source: git(uri, &url), platform: None });
            }
        }
        if uri.starts_with("http://") || uri.starts_with("https://") {
            return Ok(Self { source: SourceOp::new(uri.as_str()), platform: None });
        }
        Err(MaterialError::Unsupported)
    }

    fn image(raw: &RawMaterial) -> Result<Self, MaterialError> {
        let (mut reference, platform) = purl::parse(&raw.uri)?;
        let checksum = raw.digest.get("sha256").map_or("", |hex| hex.trim());
        if !checksum.is_empty() {
            let checksum = match digest::validate(checksum) {
                Ok(()) => checksum.to_owned(),
                Err(_) => format!("sha256:{checksum}"),
            };
            match reference.digest() {
                Some(digest) if digest == checksum => {}
                Some(digest) => {
                    return Err(MaterialError::Mismatch { reference: digest.to_owned(), material: checksum });
                }
                None => reference = reference.with_digest(&checksum)?,
            }
        }
        Ok(Self { source: SourceOp::new(format!("docker-image://{reference}")), platform })
    }

    /// A warning about a material that is left out.
    pub(crate) fn warning(raw: &RawMaterial, error: &MaterialError) -> String {
        format!("skipping provenance material {:?}: {error}", Redacted(&raw.uri).to_string())
    }
}

fn git(uri: &str, url: &GitUrl) -> SourceOp {
    let mut identifier = format!("git://{}{}", url.host, join_root(&url.path));
    if !url.reference.is_empty() || !url.subdir.is_empty() {
        identifier.push('#');
        identifier.push_str(&url.reference);
    }
    if !url.subdir.is_empty() {
        identifier.push(':');
        identifier.push_str(&url.subdir);
    }
    let mut source = SourceOp::new(identifier);
    source.attrs.insert(ATTR_GIT_FULL_URL.to_owned(), uri.to_owned());
    source
}

#[cfg(test)]
mod tests {
    use super::{Material, MaterialError, RawMaterial};

    const HEX: &str = "ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";

    fn raw(uri: &str, sha256: &str) -> RawMaterial {
        let digest = [("sha256".to_owned(), sha256.to_owned())].into_iter().filter(|d| !d.1.is_empty());
        RawMaterial { uri: uri.to_owned(), digest: digest.collect() }
    }

    #[test]
    fn sources() {
        let image = format!("docker-image://localhost:5000/library/base:1.0@sha256:{HEX}");
        for (uri, sha256, identifier, full_url) in [
            (
                "pkg:docker/localhost%3A5000/library/base@1.0?platform=linux%2Famd64",
                HEX,
                image.as_str(),
                None,
            ),
            ("http://h/r.git#v1:a", "", "git://h/r.git#v1:a", Some("http://h/r.git#v1:a")),
            ("git@h:o/r#v1", "", "git://h/o/r#v1", Some("git@h:o/r#v1")),
            ("ssh://h/r", "", "git://h/r", Some("ssh://h/r")),
            ("https://h/f.txt", HEX, "https://h/f.txt", None),
        ] {
            let material = Material::parse(&raw(uri, sha256)).unwrap();
            assert_eq!(material.source.identifier, identifier);
            assert_eq!(material.source.attrs.get("git.fullurl").map(String::as_str), full_url);
            assert_eq!(material.platform.is_some(), uri.contains("platform"));
        }
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(Material::parse(&raw("pkg:npm/x", "")), Err(MaterialError::Unsupported));
        assert_eq!(Material::parse(&raw("", "")), Err(MaterialError::Unsupported));
        assert!(matches!(Material::parse(&raw("pkg:docker/a", "12")), Err(MaterialError::Digest(_))));
        let other = format!("pkg:docker/a?digest=sha256:{}", HEX.replace("ec9a", "0000"));
        assert!(matches!(Material::parse(&raw(&other, HEX)), Err(MaterialError::Mismatch { .. })));
    }
}
