//! Images in an OCI image layout, a directory (OCI image spec, `image-layout.md`).

use super::{ATTR_OCI_STORE, SourceError, SourceOp, digest};

/// `oci-layout://name[:tag][@digest]`: on the command line the name is the path of the layout; in a
/// build it is whatever the client called its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciLayoutSource {
    /// What follows `oci-layout://`.
    pub reference: String,
    /// Path or name of the layout.
    pub name: String,
    /// Value of the annotation `org.opencontainers.image.ref.name` that picks an image of the layout.
    pub tag: Option<String>,
    /// Digest that picks an image of the layout.
    pub digest: Option<String>,
}

impl OciLayoutSource {
    /// Parses what follows `oci-layout://` in `op`. BuildKit says in an attribute which store of the
    /// client the layout is in; a source without one could not be loaded by anybody.
    pub fn parse(op: &SourceOp, reference: &str) -> Result<Self, SourceError> {
        let layout = Self::parse_reference(reference)?;
        if op.attrs.get(ATTR_OCI_STORE).is_none_or(String::is_empty) {
            let reason = format!("it says of no store where it lies (attribute `{ATTR_OCI_STORE}`)");
            return Err(SourceError::OciLayout { layout: reference.to_owned(), reason });
        }
        Ok(layout)
    }

    /// Parses what follows `oci-layout://`.
    pub(super) fn parse_reference(reference: &str) -> Result<Self, SourceError> {
        let error = |reason: String| SourceError::OciLayout { layout: reference.to_owned(), reason };
        let (rest, digest) = match reference.rsplit_once('@') {
            // A path may have an `@` of its own; a digest has a colon and no slash.
            Some((rest, digest)) if digest.contains(':') && !digest.contains('/') => {
                digest::validate(digest).map_err(|e| error(format!("digest {digest:?}: {e}")))?;
                (rest, Some(digest.to_owned()))
            }
            _ => (reference, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => {
                let known = |b: u8| b.is_ascii_alphanumeric() || b"_.-+".contains(&b);
                if tag.is_empty() || tag.len() > 128 || !tag.bytes().all(known) {
                    return Err(error(format!("{tag:?} is not a valid tag")));
                }
                (name, Some(tag.to_owned()))
            }
            _ => (rest, None),
        };
        if name.is_empty() {
            return Err(error("it has no path".to_owned()));
        }
        if name.bytes().any(|b| b.is_ascii_control()) {
            return Err(error("control characters are not allowed".to_owned()));
        }
        Ok(Self { reference: reference.to_owned(), name: name.to_owned(), tag, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::{OciLayoutSource, SourceOp};

    const DIGEST: &str = "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";

    #[test]
    fn layouts() {
        let digested = format!("./d:v1@{DIGEST}");
        let plain_digest = format!("x@{DIGEST}");
        for (reference, name, tag, digest) in [
            ("/srv/images", "/srv/images", None, None),
            ("fixtures/layout:1.0", "fixtures/layout", Some("1.0"), None),
            ("/a:b/c", "/a:b/c", None, None),
            ("/me@home/c", "/me@home/c", None, None),
            (&digested, "./d", Some("v1"), Some(DIGEST)),
            (&plain_digest, "x", None, Some(DIGEST)),
        ] {
            let layout = OciLayoutSource::parse_reference(reference).unwrap();
            assert_eq!(
                (layout.name.as_str(), layout.tag.as_deref(), layout.digest.as_deref()),
                (name, tag, digest)
            );
        }
        let op = SourceOp::new("oci-layout://a");
        assert!(OciLayoutSource::parse(&op, "a").is_err(), "no store");
        let op = SourceOp { attrs: [("oci.store".to_owned(), "a".to_owned())].into(), ..op };
        assert!(OciLayoutSource::parse(&op, "a").is_ok());
        for bad in ["", ":x", "a:", "a:b c", "a@sha256:12", "a\nb"] {
            assert!(OciLayoutSource::parse_reference(bad).is_err(), "{bad:?}");
        }
    }
}
