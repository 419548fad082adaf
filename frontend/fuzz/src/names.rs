//! Names: of sockets, of sessions, of sources.

use http::{HeaderMap, HeaderName, HeaderValue};
use policy_check::buildkit::endpoint::Address;
use policy_check::serve::sessions;
use policy_engine::source::{Source, SourceOp, git_context};

/// An address is understood as it is written, or not at all.
pub fn address(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string(), text);
        assert_eq!(address.to_string().parse::<Address>().as_ref(), Ok(&address));
        let _loopback = address.is_loopback();
    }
}

/// A session has exactly one id, and what it exposes is told by method headers alone.
///
/// Lines of `name: value`.
pub fn session_headers(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(at + 1..).unwrap_or_default().trim_ascii();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..at]), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    let mut ids = headers.get_all(sessions::UUID).iter();
    match sessions::id(&headers) {
        Ok(id) => {
            assert!(!id.is_empty() && id.is_ascii());
            assert_eq!(ids.next().map(HeaderValue::as_bytes), Some(id.as_bytes()));
            assert_eq!(ids.next(), None);
        }
        Err(_) => {
            let one = ids.next().is_some_and(|id| id.to_str().is_ok_and(|id| !id.is_empty()));
            assert!(!one || ids.next().is_some(), "a session with one id is refused");
        }
    }
    let method = "/some.Service/Method";
    let named = headers.get_all(sessions::METHOD).iter().any(|value| value == method);
    assert!(sessions::exposes(&headers, method) || !named);
}

/// A source is understood without a panic, and what is shown of it is shown without one too.
///
/// The first line is the identifier, the others are attributes: `key=value`.
pub fn source(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let identifier = lines.next().unwrap_or_default();
    let mut op = SourceOp::new(identifier);
    op.attrs = lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let _shown = policy_check::redact::source(&op);
    if let Ok(Source::Image(image)) = Source::parse(&op) {
        let again = Source::parse(&image.to_op()).expect("what an image was read as can be read");
        assert!(matches!(again, Source::Image(other) if other.reference == image.reference));
    }
    let _context = git_context(identifier);
}
