//! Where policies lie.

use std::fmt;
use std::str::FromStr;

use policy_engine::source::{ImageSource, Source, SourceOp, parse_cli};

use super::DistributionError;
use crate::redact;

/// Where policies lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(String),
    /// A folder of a commit: `git::URL#COMMIT:FOLDER`.
    Git(SourceOp),
    /// An OCI artifact: `oci://REGISTRY/REPOSITORY:TAG@DIGEST`.
    Oci(ImageSource),
}

impl FromStr for Place {
    type Err = DistributionError;

    fn from_str(text: &str) -> Result<Self, DistributionError> {
        let refused = |reason: String| DistributionError::Place { place: redact::url(text), reason };
        if let Some(reference) = text.strip_prefix("oci://") {
            let mut image = ImageSource::parse(reference).map_err(|error| refused(error.to_string()))?;
            image.reference = image.reference.or_latest();
            return Ok(Self::Oci(image));
        }
        let url = text.strip_prefix("git::").unwrap_or(text);
        let named = parse_cli(url).map_err(|error| refused(error.to_string()))?;
        match Source::parse(&named.source) {
            Ok(Source::Git(_)) => Ok(Self::Git(named.source)),
            _ if text.starts_with("git::") => Err(refused("it is no git URL".to_owned())),
            _ if named.local_path.is_some() && !text.is_empty() => Ok(Self::Folder(text.to_owned())),
            _ => Err(refused("neither git nor an OCI artifact".to_owned())),
        }
    }
}

impl Place {
    /// Whether it lies on another machine.
    pub fn is_remote(&self) -> bool {
        !matches!(self, Self::Folder(_))
    }

    /// Whether `name`, where a path may stand as well, names a place on another machine.
    pub fn names_remote(name: &str) -> bool {
        name.starts_with("oci://")
            || name.starts_with("git::")
            || name.parse().is_ok_and(|it: Self| it.is_remote())
    }

    /// The digest or commit that it is pinned to.
    pub fn pin(&self) -> Option<String> {
        match self {
            Self::Folder(_) => None,
            Self::Oci(image) => image.reference.digest().map(str::to_owned),
            Self::Git(source) => match Source::parse(source) {
                Ok(Source::Git(git)) if git.is_commit() => Some(git.reference),
                _ => None,
            },
        }
    }

    /// The same place at this digest or commit. An error if it is pinned to another one.
    pub fn pinned_to(&self, pin: &str) -> Result<Self, DistributionError> {
        let refused = |reason: String| DistributionError::Place { place: self.to_string(), reason };
        if let Some(own) = self.pin()
            && own != pin
        {
            return Err(refused(format!("the lock pins it to {pin}")));
        }
        match self {
            Self::Folder(_) => Err(refused("a folder has no pin but the digest of its files".to_owned())),
            Self::Oci(image) => {
                let reference = image.reference.clone().with_digest(pin);
                Ok(Self::Oci(ImageSource {
                    reference: reference.map_err(|error| refused(error.to_string()))?,
                }))
            }
            Self::Git(source) => {
                let mut source = source.clone();
                let (base, fragment) =
                    source.identifier.split_once('#').unwrap_or((source.identifier.as_str(), ""));
                let folder = fragment.split_once(':').map(|(_, folder)| format!(":{folder}"));
                source.identifier = format!("{base}#{pin}{}", folder.unwrap_or_default());
                let pinned = Self::Git(source);
                if pinned.pin().as_deref() == Some(pin) {
                    Ok(pinned)
                } else {
                    Err(refused(format!("`{pin}` is no commit id")))
                }
            }
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => f.write_str(path),
            Self::Oci(image) => write!(f, "oci://{}", image.reference),
            Self::Git(source) => f.write_str(&redact::source(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const COMMIT: &str = "0123456789012345678901234567890123456789";

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[test]
    fn kinds_and_pins() {
        assert_eq!(place("shared/policies"), Place::Folder("shared/policies".to_owned()));
        assert_eq!(place("oci://ghcr.io/acme/policies:v1").pin(), None);
        assert_eq!(place(&format!("oci://ghcr.io/acme/policies:v1@{DIGEST}")).pin().unwrap(), DIGEST);
        assert_eq!(place("git::https://example.com/p.git#main:lib").pin(), None);
        let pinned = place("https://example.com/p.git#main:lib").pinned_to(COMMIT).unwrap();
        assert_eq!(pinned.pin().unwrap(), COMMIT);
        assert_eq!(pinned, place(&format!("git::https://example.com/p.git#{COMMIT}:lib")));
        for text in
            ["oci://", "oci://UPPER CASE", "git::nothing", "https://example.com/p.tar.gz", "ftp://x/y", ""]
        {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }

    #[test]
    fn pins_do_not_replace_each_other() {
        let other = DIGEST.replace('e', "f");
        assert!(place(&format!("oci://ghcr.io/a/b@{DIGEST}")).pinned_to(&other).is_err());
        assert!(place("git::https://example.com/p.git#main").pinned_to("v1").is_err());
        assert!(place("oci://ghcr.io/a/b:v1").pinned_to("v2").is_err());
    }
}
