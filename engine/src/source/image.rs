//! Images in a registry.

use super::reference::Reference;
use super::{ATTR_IMAGE_CHECKSUM, Redacted, SourceError, SourceOp};

const SCHEME: &str = "docker-image://";

/// `docker-image://`: an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSource {
    /// The normalized reference.
    pub reference: Reference,
}

impl ImageSource {
    /// Parses what follows `docker-image://`.
    pub fn parse(reference: &str) -> Result<Self, SourceError> {
        // References have no credentials. Where somebody wrote some, no message may repeat them.
        let without_credentials = match reference.split_once('/') {
            Some((host, path)) => host.rsplit_once('@').map(|(_, host)| format!("***@{host}/{path}")),
            None => None,
        };
        let reference = without_credentials.as_deref().unwrap_or(reference);
        match Reference::parse(reference) {
            Ok(reference) => Ok(Self { reference }),
            Err(error) => Err(SourceError::Reference { reference: Redacted(reference).to_string(), error }),
        }
    }

    /// The host to speak to: Docker Hub's registry has another name than its references.
    pub fn registry(&self) -> &str {
        match self.reference.host() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        }
    }

    /// The repository within the registry: `library/alpine`.
    pub fn repository(&self) -> &str {
        self.reference.path()
    }

    /// The tag, or `latest` where neither tag nor digest is given; `None` beside a digest without tag.
    pub fn tag_or_latest(&self) -> Option<&str> {
        match (self.reference.tag(), self.reference.digest()) {
            (None, None) => Some("latest"),
            (tag, _) => tag,
        }
    }

    /// The source again.
    pub fn to_op(&self) -> SourceOp {
        SourceOp::new(format!("{SCHEME}{}", self.reference))
    }
}

impl SourceOp {
    /// This image, pinned to `digest`: a tag and the attributes stay, `image.checksum` is added.
    pub fn with_digest(&self, digest: &str) -> Result<Self, SourceError> {
        let Some(name) = self.identifier.strip_prefix(SCHEME) else {
            return Err(SourceError::NotAnImage { identifier: Redacted(&self.identifier).to_string() });
        };
        let reference = ImageSource::parse(name)?
            .reference
            .with_digest(digest)
            .map_err(|error| SourceError::Reference { reference: Redacted(name).to_string(), error })?;
        let mut attrs = self.attrs.clone();
        attrs.insert(ATTR_IMAGE_CHECKSUM.to_owned(), digest.to_owned());
        Ok(Self { identifier: format!("{SCHEME}{reference}"), attrs })
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageSource, SourceOp};
    use crate::source::SourceError;

    const DIGEST: &str = "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";

    #[test]
    fn credentials_are_not_repeated() {
        let error = ImageSource::parse("user:secret@localhost:5000/app:1").unwrap_err().to_string();
        assert!(error.contains("***@localhost:5000") && !error.contains("secret"), "{error}");
        assert!(ImageSource::parse(&format!("alpine@{DIGEST}")).is_ok());
        assert!(ImageSource::parse(&format!("ghcr.io/a/b@{DIGEST}")).is_ok());
    }

    #[test]
    fn pinning_keeps_the_tag_and_adds_the_checksum() {
        let source = SourceOp::new("docker-image://localhost:5000/library/base:1.0");
        let pinned = source.with_digest(DIGEST).unwrap();
        assert_eq!(pinned.identifier, format!("docker-image://localhost:5000/library/base:1.0@{DIGEST}"));
        assert_eq!(pinned.attrs["image.checksum"], DIGEST);
        assert_eq!(pinned.with_digest(DIGEST).unwrap(), pinned);
        let short = SourceOp::new("docker-image://alpine").with_digest(DIGEST).unwrap();
        assert_eq!(short.identifier, format!("docker-image://docker.io/library/alpine@{DIGEST}"));
        assert!(matches!(
            SourceOp::new("local://context").with_digest(DIGEST),
            Err(SourceError::NotAnImage { .. })
        ));
        assert!(matches!(source.with_digest("sha256:abc"), Err(SourceError::Reference { .. })));
    }

    #[test]
    fn registries() {
        let hub = ImageSource::parse("alpine").unwrap();
        assert_eq!((hub.registry(), hub.repository()), ("registry-1.docker.io", "library/alpine"));
        assert_eq!(hub.tag_or_latest(), Some("latest"));
        let other = ImageSource::parse(&format!("ghcr.io/a/b@{DIGEST}")).unwrap();
        assert_eq!((other.registry(), other.repository(), other.tag_or_latest()), ("ghcr.io", "a/b", None));
    }
}
