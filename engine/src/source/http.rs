//! Files behind a URL.

use std::collections::BTreeMap;
use std::fmt;

use super::url::{Url, parse_query};
use super::{ATTR_HTTP_AUTH_HEADER_SECRET, Redacted, SourceError, SourceOp, path};

/// `http://` or `https://`: a file.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpSource {
    /// The URL as the build has it, credentials included: show it only through [`Redacted`].
    pub url: String,
    /// `http` or `https`.
    pub schema: String,
    /// Host and port, as written, without credentials.
    pub host: String,
    /// Decoded (`%2e` is a dot), then cleaned of `.`, `..` and empty segments, so that a rule about a
    /// prefix means what it says. A slash at the end stays.
    pub path: String,
    /// Query parameters, decoded, values in their order.
    pub query: BTreeMap<String, Vec<String>>,
    /// Whether the build sends an `Authorization` header from a secret.
    pub has_auth: bool,
}

impl HttpSource {
    /// Parses a source whose scheme is `http` or `https`.
    pub(super) fn parse(op: &SourceOp) -> Result<Self, SourceError> {
        let url = Url::parse(&op.identifier)
            .map_err(|error| SourceError::Url { url: Redacted(&op.identifier).to_string(), error })?;
        Ok(Self {
            url: op.identifier.clone(),
            schema: url.scheme,
            host: url.host,
            path: path::normalize(&url.path),
            query: parse_query(&url.raw_query),
            has_auth: op.attrs.contains_key(ATTR_HTTP_AUTH_HEADER_SECRET),
        })
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpSource({})", Redacted(&self.url))
    }
}

#[cfg(test)]
mod tests {
    use super::HttpSource;
    use crate::source::SourceOp;

    fn parse(url: &str) -> HttpSource {
        HttpSource::parse(&SourceOp::new(url)).unwrap()
    }

    #[test]
    fn a_path_is_what_the_server_sees() {
        for (url, path) in [
            ("http://h", ""),
            ("http://h/", "/"),
            ("http://h/trusted/%2e%2e/x", "/x"),
            ("http://h/trusted/%2E%2e%2fx", "/x"),
            ("http://h/trusted/../x/", "/x/"),
            ("http://h/a/./b?c/../d", "/a/b"),
            ("http://h/%252e%252e/x", "/%2e%2e/x"),
            ("http://h//a", "/a"),
            ("http://h/a%20b", "/a b"),
        ] {
            assert_eq!(parse(url).path, path, "{url}");
            assert_eq!(parse(url).url, url);
        }
    }

    #[test]
    fn credentials_are_not_in_the_host_and_not_in_debug() {
        let http = parse("http://user:s3cret@h:81/f");
        assert_eq!(http.host, "h:81");
        assert!(!format!("{http:?}").contains("s3cret"));
        let error = crate::source::Source::parse(&SourceOp::new("http://user:s3cret@h:x/f")).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }

    #[test]
    fn auth_and_query() {
        let mut op = SourceOp::new("https://h/f?a=1&b=2&a=3");
        op.attrs.insert("http.authheadersecret".into(), "TOK".into());
        let http = HttpSource::parse(&op).unwrap();
        assert!(http.has_auth);
        assert_eq!(http.query["a"], ["1", "3"]);
    }
}
