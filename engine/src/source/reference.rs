//! Image references: the grammar of `distribution/reference`, with the familiar names of Docker Hub.

use std::fmt;

use super::digest::{self, DigestError};

/// The registry that names without a host belong to.
const DEFAULT_HOST: &str = "docker.io";
/// Its former name.
const LEGACY_HOST: &str = "index.docker.io";
/// Where Docker Hub keeps the images that have a name of one part.
const OFFICIAL: &str = "library/";
/// Longest repository path, in bytes.
const PATH_LIMIT: usize = 255;
/// Longest tag, in bytes.
const TAG_LIMIT: usize = 128;

/// A normalized image reference: `host/path[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    host: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// What is wrong with an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It is 64 hex digits, which Docker takes for an image id.
    #[error("a name may not be 64 hexadecimal digits")]
    Identifier,
    /// The repository has upper-case letters.
    #[error("repository name {0:?} must be lowercase")]
    Uppercase(String),
    /// The first part looks like a host but is none.
    #[error("{0:?} is not a valid host name")]
    Host(String),
    /// The repository is malformed.
    #[error("{0:?} is not a valid repository name")]
    Path(String),
    /// The repository name is too long.
    #[error("repository name exceeds the limit of {PATH_LIMIT} characters")]
    TooLong,
    /// The tag is malformed or longer than 128 characters.
    #[error("{0:?} is not a valid tag")]
    Tag(String),
    /// The digest is malformed.
    #[error("digest {digest:?}: {error}")]
    Digest {
        /// The part after `@`.
        digest: String,
        /// What is wrong with it.
        #[source]
        error: DigestError,
    },
}

impl Reference {
    /// Parses a reference as people write it: `alpine` is `docker.io/library/alpine`.
    pub fn parse(s: &str) -> Result<Self, ReferenceError> {
        if s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(ReferenceError::Identifier);
        }
        let (host, mut rest) = split_host(s);
        let digest = match rest.split_once('@') {
            None => None,
            Some((before, digest)) => {
                rest = before;
                Some(digest)
            }
        };
        let (path, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((path, tag)) => (path, Some(tag)),
        };
        let path = if host == DEFAULT_HOST && !path.contains('/') {
            format!("{OFFICIAL}{path}")
        } else {
            path.to_owned()
        };
        if path.to_lowercase() != path {
            let shown = path.strip_prefix(OFFICIAL).unwrap_or(&path);
            return Err(ReferenceError::Uppercase(shown.to_owned()));
        }
        if !is_host(host) {
            return Err(ReferenceError::Host(host.to_owned()));
        }
        if !path.split('/').all(is_path_component) {
            return Err(ReferenceError::Path(path));
        }
        if path.len() > PATH_LIMIT {
            return Err(ReferenceError::TooLong);
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        let reference = Self { host: host.to_owned(), path, tag: tag.map(str::to_owned), digest: None };
        match digest {
            None => Ok(reference),
            Some(digest) => reference.with_digest(digest),
        }
    }

    /// The same image, named by `digest`; a tag stays.
    pub fn with_digest(mut self, digest: &str) -> Result<Self, ReferenceError> {
        digest::validate(digest)
            .map_err(|error| ReferenceError::Digest { digest: digest.to_owned(), error })?;
        self.digest = Some(digest.to_owned());
        Ok(self)
    }

    /// With the tag `latest` when it has neither tag nor digest.
    #[must_use]
    pub fn or_latest(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some("latest".to_owned());
        }
        self
    }

    /// Host and port: `docker.io`, `localhost:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Repository without the host: `library/alpine`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and repository: `docker.io/library/alpine`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// The name as Docker shows it: `alpine`, `user/app`, `ghcr.io/org/app`.
    pub fn familiar_name(&self) -> String {
        if self.host != DEFAULT_HOST {
            return self.name();
        }
        match self.path.strip_prefix(OFFICIAL) {
            Some(name) if !name.contains('/') => name.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, `algorithm:hex`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Cuts the host off, or supplies Docker Hub's. The first part is a host when it can't be part of a
/// repository: `localhost`, or with a dot, a port or an upper-case letter.
fn split_host(s: &str) -> (&str, &str) {
    let Some((first, rest)) = s.split_once('/') else {
        return (DEFAULT_HOST, s);
    };
    match first {
        LEGACY_HOST => (DEFAULT_HOST, rest),
        "localhost" => (first, rest),
        _ if first.contains(['.', ':']) || first.to_lowercase() != first => (first, rest),
        _ => (DEFAULT_HOST, s),
    }
}

/// `domain[:port]` or `[IPv6][:port]`.
fn is_host(s: &str) -> bool {
    let (host, port) = if s.starts_with('[') {
        match s.find(']') {
            Some(end) => s.split_at(end + 1),
            None => return false,
        }
    } else {
        s.split_at(s.find(':').unwrap_or(s.len()))
    };
    let port_ok = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
    };
    let host_ok = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(address) => !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':'),
        None => host.split('.').all(is_domain_label),
    };
    host_ok && port_ok
}

fn is_domain_label(s: &str) -> bool {
    !s.is_empty()
        && !s.starts_with('-')
        && !s.ends_with('-')
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Runs of lower-case letters and digits, separated by one `.`, one or two `_`, or any number of `-`.
fn is_path_component(s: &str) -> bool {
    let is_alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let (Some(first), Some(last)) = (s.as_bytes().first(), s.as_bytes().last()) else {
        return false;
    };
    is_alphanumeric(first)
        && is_alphanumeric(last)
        && s.as_bytes().split(is_alphanumeric).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
        })
}

fn is_tag(s: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    s.len() <= TAG_LIMIT
        && s.bytes().next().is_some_and(word)
        && s.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::{Reference, ReferenceError};

    const DIGEST: &str = "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab";

    #[test]
    fn names_are_normalized() {
        let digested = format!("localhost:5000/a/b:1.0@{DIGEST}");
        for (s, full, familiar, host) in [
            ("alpine", "docker.io/library/alpine", "alpine", "docker.io"),
            ("alpine:3.21", "docker.io/library/alpine:3.21", "alpine", "docker.io"),
            ("docker.io/alpine", "docker.io/library/alpine", "alpine", "docker.io"),
            ("index.docker.io/alpine", "docker.io/library/alpine", "alpine", "docker.io"),
            ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b", "docker.io"),
            ("user/app", "docker.io/user/app", "user/app", "docker.io"),
            ("ghcr.io/org/app:v1", "ghcr.io/org/app:v1", "ghcr.io/org/app", "ghcr.io"),
            ("localhost/x", "localhost/x", "localhost/x", "localhost"),
            ("Registry/x", "Registry/x", "Registry/x", "Registry"),
            ("[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x", "[::1]:5000"),
            (&digested, &digested, "localhost:5000/a/b", "localhost:5000"),
            ("a__b/c---d.e", "docker.io/a__b/c---d.e", "a__b/c---d.e", "docker.io"),
            ("localhost:5000", "docker.io/library/localhost:5000", "localhost", "docker.io"),
        ] {
            let reference = Reference::parse(s).unwrap();
            assert_eq!(reference.to_string(), full, "{s}");
            assert_eq!(reference.familiar_name(), familiar, "{s}");
            assert_eq!(reference.host(), host, "{s}");
        }
    }

    #[test]
    fn malformed_references_are_refused() {
        assert_eq!(Reference::parse("Foo/BAR"), Err(ReferenceError::Uppercase("BAR".into())));
        assert_eq!(Reference::parse("FOO"), Err(ReferenceError::Uppercase("FOO".into())));
        assert_eq!(Reference::parse(&"a1".repeat(32)), Err(ReferenceError::Identifier));
        assert_eq!(Reference::parse(&format!("h.io/{}", "a".repeat(256))), Err(ReferenceError::TooLong));
        assert!(Reference::parse(&format!("h.io/{}", "a".repeat(255))).is_ok());
        assert!(Reference::parse(&format!("a:{}", "t".repeat(128))).is_ok());
        for s in [
            "",
            ":",
            "@",
            "a:",
            "a@",
            "/a",
            "a/",
            "a//b",
            "a..b",
            "a___b",
            "-a",
            "a-",
            "a b",
            "a:-t",
            "a:t:u",
            "a@sha256:abc",
            "a@md5:d41d8cd98f00b204e9800998ecf8427e",
            "foo_bar.com/x",
            "-h.io/x",
            "h.io:/x",
            "h.io:8x/x",
            "[::1/x",
            "[::1]x/x",
            "a:té",
            "ä/b",
            "h.io",
            &format!("a:{}", "t".repeat(129)),
            &format!("a@{}", DIGEST.to_uppercase()),
        ] {
            if s == "h.io" {
                // A single part is never a host.
                assert_eq!(Reference::parse(s).unwrap().name(), "docker.io/library/h.io");
                continue;
            }
            assert!(Reference::parse(s).is_err(), "{s}");
        }
    }

    #[test]
    fn tags_and_digests() {
        assert_eq!(Reference::parse("a").unwrap().or_latest().tag(), Some("latest"));
        let digested = Reference::parse("a").unwrap().with_digest(DIGEST).unwrap();
        assert_eq!(digested.clone().or_latest(), digested);
        assert_eq!(digested.digest(), Some(DIGEST));
        let tagged = Reference::parse("a:1").unwrap().with_digest(DIGEST).unwrap();
        assert_eq!(tagged.to_string(), format!("docker.io/library/a:1@{DIGEST}"));
    }
}
