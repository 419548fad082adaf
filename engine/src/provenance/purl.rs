//! Package URLs of images: `pkg:docker/name@version?platform=linux%2Famd64` (package-url
//! specification, type `docker`, as BuildKit writes it).

use crate::source::reference::{Reference, ReferenceError};
use crate::source::{Platform, PlatformError, UrlError, digest, unescape_path};

/// What is wrong with a package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurlError {
    /// Not `pkg:docker/name`.
    #[error("it is not of the form pkg:docker/name@version")]
    Format,
    /// A qualifier is malformed.
    #[error("invalid qualifier {0:?}")]
    Qualifier(String),
    /// Bad percent-encoding.
    #[error(transparent)]
    Escape(#[from] UrlError),
    /// The qualifier `platform` is no platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The name is no image reference.
    #[error("invalid image reference: {0}")]
    Reference(#[from] ReferenceError),
    /// Two digests that differ.
    #[error("it has two digests, {0} and {1}")]
    Digests(String, String),
}

/// The image and platform that a package URL names. Without version and digest the tag is `latest`.
pub(super) fn parse(purl: &str) -> Result<(Reference, Option<Platform>), PurlError> {
    let purl = purl.split_once('#').map_or(purl, |(before, _)| before);
    let (path, qualifiers) = purl.rsplit_once('?').unwrap_or((purl, ""));
    let path = path.strip_prefix("pkg:").ok_or(PurlError::Format)?.trim_start_matches('/');
    let (kind, path) = path.split_once('/').ok_or(PurlError::Format)?;
    if !kind.eq_ignore_ascii_case("docker") {
        return Err(PurlError::Format);
    }
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (name, version) = name.split_once('@').unwrap_or((name, ""));
    if name.is_empty() {
        return Err(PurlError::Format);
    }
    let mut image = String::new();
    for part in namespace.split('/').filter(|part| !part.is_empty()) {
        image.push_str(&unescape_path(part)?);
        image.push('/');
    }
    image.push_str(&unescape_path(name)?);
    let version = unescape_path(version)?;
    let qualifiers = parse_qualifiers(qualifiers)?;
    let mut digest = None;
    if digest::validate(&version).is_ok() {
        digest = Some(version);
    } else if !version.is_empty() {
        image.push(':');
        image.push_str(&version);
    }
    let mut platform = None;
    for (key, value) in qualifiers {
        match key.as_str() {
            "platform" => platform = Some(Platform::parse(&value)?),
            "digest" => match digest {
                Some(digest) if digest != value => return Err(PurlError::Digests(digest, value)),
                _ => digest = Some(value),
            },
            _ => {}
        }
    }
    let reference = Reference::parse(&image)?;
    let reference = match digest {
        Some(digest) => reference.with_digest(&digest)?,
        None => reference.or_latest(),
    };
    Ok((reference, platform))
}

fn parse_qualifiers(qualifiers: &str) -> Result<Vec<(String, String)>, PurlError> {
    let mut out = Vec::new();
    for item in qualifiers.split('&').filter(|item| !item.is_empty()) {
        let invalid = || PurlError::Qualifier(item.to_owned());
        let (key, value) = item.split_once('=').ok_or_else(invalid)?;
        let key = unescape_path(&key.to_ascii_lowercase())?;
        let known = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        if key.is_empty() || !key.bytes().all(known) {
            return Err(invalid());
        }
        if !value.is_empty() {
            out.push((key, unescape_path(value)?));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::testing::mutations;

    const DIGEST: &str = "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";

    #[test]
    fn images() {
        let escaped = DIGEST.replace(':', "%3A");
        for (purl, reference, platform) in [
            ("pkg:docker/alpine".to_owned(), "docker.io/library/alpine:latest".to_owned(), None),
            ("pkg:docker/org/app@v1".to_owned(), "docker.io/org/app:v1".to_owned(), None),
            (
                "pkg:docker/localhost%3A5000/library/base@1.0?platform=linux%2Famd64".to_owned(),
                "localhost:5000/library/base:1.0".to_owned(),
                Some("linux/amd64"),
            ),
            (
                format!("pkg:docker/alpine@3.21?digest={escaped}&platform=linux%2Farm%2Fv7"),
                format!("docker.io/library/alpine:3.21@{DIGEST}"),
                Some("linux/arm/v7"),
            ),
            (format!("pkg:docker/alpine@{escaped}"), format!("docker.io/library/alpine@{DIGEST}"), None),
            (
                format!("pkg:docker/a@{DIGEST}?digest={DIGEST}#sub"),
                format!("docker.io/library/a@{DIGEST}"),
                None,
            ),
        ] {
            let (parsed, found) = parse(&purl).unwrap();
            assert_eq!(parsed.to_string(), reference, "{purl}");
            assert_eq!(found.map(|p| p.format()).as_deref(), platform, "{purl}");
        }
    }

    #[test]
    fn malformed() {
        let other = DIGEST.replace("ec9a", "0000");
        for purl in [
            "pkg:docker",
            "pkg:docker/",
            "pkg:npm/x",
            "docker/x",
            "pkg:docker/%zz",
            "pkg:docker/a?platform",
            "pkg:docker/a?platform=x%2Fy%2Fz%2Fw",
            "pkg:docker/a?digest=sha256:12",
            "pkg:docker/A",
            &format!("pkg:docker/a@{DIGEST}?digest={other}"),
        ] {
            assert!(parse(purl).is_err(), "{purl}");
        }
    }

    #[test]
    fn arbitrary_text_never_panics() {
        let seed = format!("pkg:docker/localhost%3A5000/a/b@1.0?digest={DIGEST}&platform=linux%2Famd64#x");
        mutations(seed.as_bytes(), 2000, |bytes| drop(parse(&String::from_utf8_lossy(bytes))));
    }
}
