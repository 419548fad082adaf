//! URLs as Go's `net/url` reads them, because that is what BuildKit fetches and what buildx shows.
//! A browser's reading (WHATWG) differs: it folds backslashes, host case and default ports.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// A control character, or a backslash, which some clients read as a slash.
    #[error("control characters and backslashes are not allowed")]
    Character,
    /// No `scheme://`.
    #[error("the scheme is missing")]
    Scheme,
    /// A `%` that two hex digits do not follow, or that is not allowed where it stands.
    #[error("invalid percent-encoding")]
    Escape,
    /// The user information has characters that need escaping.
    #[error("invalid user information")]
    UserInfo,
    /// The host is missing or malformed.
    #[error("invalid host name")]
    Host,
    /// The port is no number.
    #[error("invalid port")]
    Port,
}

/// The parts of a URL with an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// Lower case.
    pub(super) scheme: String,
    /// `user[:password]`, escaped.
    pub(super) userinfo: Option<String>,
    /// Host and port, as written.
    pub(super) host: String,
    /// Decoded.
    pub(super) path: String,
    /// As it goes over the wire.
    pub(super) escaped_path: String,
    /// Without the `?`.
    pub(super) raw_query: String,
    /// Decoded, without the `#`.
    pub(super) fragment: String,
}

impl Url {
    pub(super) fn parse(url: &str) -> Result<Self, UrlError> {
        if url.bytes().any(|b| b.is_ascii_control() || b == b'\\') {
            return Err(UrlError::Character);
        }
        let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
        let (scheme, rest) = rest.split_once("://").ok_or(UrlError::Scheme)?;
        let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.bytes().all(is_scheme) {
            return Err(UrlError::Scheme);
        }
        let (rest, raw_query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (userinfo, host) = match authority.rsplit_once('@') {
            None => (None, authority),
            Some((userinfo, host)) => (Some(parse_userinfo(userinfo)?), host),
        };
        let decoded = unescape(path, false)?;
        let escaped_path = if path.bytes().all(|b| b == b'%' || is_path_byte(b) || b"!'()*[]".contains(&b)) {
            path.to_owned()
        } else {
            escape(&decoded, is_path_byte)
        };
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            userinfo,
            host: parse_host(host)?,
            path: lossy(&decoded),
            escaped_path,
            raw_query: raw_query.to_owned(),
            fragment: lossy(&unescape(fragment, false)?),
        })
    }

    /// The URL without query and fragment.
    pub(super) fn remote(&self) -> String {
        let mut out = format!("{}://", self.scheme);
        if let Some(userinfo) = &self.userinfo {
            let _ = write!(out, "{userinfo}@");
        }
        out.push_str(&self.host);
        out.push_str(&self.escaped_path);
        out
    }
}

fn parse_userinfo(userinfo: &str) -> Result<String, UrlError> {
    if !userinfo.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b)) {
        return Err(UrlError::UserInfo);
    }
    let is_plain = |b: u8| is_unreserved(b) || b"$&+,;=".contains(&b);
    let normalize = |part: &str| Ok(escape(&unescape(part, false)?, is_plain));
    match userinfo.split_once(':') {
        None => normalize(userinfo),
        Some((user, password)) => Ok(format!("{}:{}", normalize(user)?, normalize(password)?)),
    }
}

fn parse_host(host: &str) -> Result<String, UrlError> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']').ok_or(UrlError::Host)?;
        if !is_optional_port(port) {
            return Err(UrlError::Port);
        }
        // No zones: they mean something on one machine only.
        if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b)) {
            return Err(UrlError::Host);
        }
        return Ok(host.to_owned());
    }
    let (name, port) = host.split_at(host.rfind(':').unwrap_or(host.len()));
    if !is_optional_port(port) {
        return Err(UrlError::Port);
    }
    if name.is_empty() {
        return Err(UrlError::Host);
    }
    let is_host_byte = |b: u8| is_unreserved(b) || b >= 0x80 || b"!$&'()*+,;=:<>\"".contains(&b);
    let decoded = unescape(name, true)?;
    if !decoded.iter().all(|b| is_host_byte(*b)) {
        return Err(UrlError::Host);
    }
    Ok(format!("{}{port}", lossy(&decoded)))
}

fn is_optional_port(port: &str) -> bool {
    port.strip_prefix(':').map_or(port.is_empty(), |digits| digits.bytes().all(|b| b.is_ascii_digit()))
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_.~".contains(&b)
}

fn is_path_byte(b: u8) -> bool {
    is_unreserved(b) || b"$&+,/:;=@".contains(&b)
}

/// Decodes `%XX`. In a host only bytes beyond ASCII may be encoded.
fn unescape(s: &str, host: bool) -> Result<Vec<u8>, UrlError> {
    let mut out = Vec::with_capacity(s.len());
    let mut bytes = s.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
            return Err(UrlError::Escape);
        };
        let byte = high << 4 | low;
        if host && byte < 0x80 {
            return Err(UrlError::Escape);
        }
        out.push(byte);
    }
    Ok(out)
}

/// Decodes the `%XX` of a path or of a part of a package URL.
pub(crate) fn unescape_path(s: &str) -> Result<String, UrlError> {
    unescape(s, false).map(|bytes| lossy(&bytes))
}

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

fn escape(bytes: &[u8], is_plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for b in bytes {
        if is_plain(*b) {
            out.push(char::from(*b));
        } else {
            let _ = write!(out, "%{b:02X}");
        }
    }
    out
}

/// Text for bytes that need not be UTF-8: as Go's JSON encoder, one U+FFFD for each bad byte.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// The parameters of a query, values in their order. Pairs that are malformed (bad escapes, a
/// semicolon) are left out, as Go does it.
pub(super) fn parse_query(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |s: &str| unescape(&s.replace('+', " "), false).map(|bytes| lossy(&bytes));
        if let (Ok(key), Ok(value)) = (decode(key), decode(value)) {
            out.entry(key).or_default().push(value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Url, UrlError, parse_query};

    #[test]
    fn parts() {
        let url = Url::parse("HTTPS://u%40:p%2fw@Ex.com:80/a%20b/ä?x=1#f%20g").unwrap();
        assert_eq!(url.scheme, "https");
        assert_eq!(url.userinfo.as_deref(), Some("u%40:p%2Fw"));
        assert_eq!(url.host, "Ex.com:80");
        assert_eq!(url.path, "/a b/ä");
        assert_eq!(url.raw_query, "x=1");
        assert_eq!(url.fragment, "f g");
        assert_eq!(url.remote(), "https://u%40:p%2Fw@Ex.com:80/a%20b/%C3%A4");
        let kept = Url::parse("http://h/a%2fb(1)").unwrap();
        assert_eq!((kept.path.as_str(), kept.escaped_path.as_str()), ("/a/b(1)", "/a%2fb(1)"));
        assert_eq!(Url::parse("http://[::1]:80/").unwrap().host, "[::1]:80");
    }

    #[test]
    fn malformed_urls_are_refused() {
        for (url, error) in [
            ("http://h/\n", UrlError::Character),
            ("http://good\\@evil/", UrlError::Character),
            ("h/p", UrlError::Scheme),
            ("://h/p", UrlError::Scheme),
            ("http:///p", UrlError::Host),
            ("http://u@/p", UrlError::Host),
            ("http://:80/p", UrlError::Host),
            ("http://h:x/", UrlError::Port),
            ("http://h h/", UrlError::Host),
            ("http://h%41/", UrlError::Escape),
            ("http://h/%zz", UrlError::Escape),
            ("http://h/%a", UrlError::Escape),
            ("http://u^:p@h/", UrlError::UserInfo),
            ("http://[::1/", UrlError::Host),
            ("http://[fe80::1%25eth0]/", UrlError::Host),
            ("http://[::1]x/", UrlError::Port),
        ] {
            assert_eq!(Url::parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn queries() {
        let query = parse_query("a=1&b=2&a=3&c&=x&d=%zz&e=1;f=2&g=a+b%20c&&");
        assert_eq!(query["a"], ["1", "3"]);
        assert_eq!(query["c"], [""]);
        assert_eq!(query[""], ["x"]);
        assert_eq!(query["g"], ["a b c"]);
        assert_eq!(query.len(), 5);
    }
}
