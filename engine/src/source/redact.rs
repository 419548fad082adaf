//! URLs without their credentials, for messages.

use std::borrow::Cow;
use std::fmt;

use super::digest;

/// Parameters of queries whose values let somebody in: tokens, and what signs a URL in advance.
const SECRETS: [&str; 18] = [
    "access_key",
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "client_secret",
    "job_token",
    "key",
    "pass",
    "password",
    "private_token",
    "secret",
    "sig",
    "signature",
    "token",
    "x-amz-security-token",
    "x-amz-signature",
    "x-goog-signature",
];

/// How far a name is looked at: as long as the longest of [`SECRETS`], and its `=`.
const LONGEST: usize = 21;

/// Shows a URL (or source identifier, or anything that holds some) with the credentials in it
/// replaced by `***`: user information, and parameters of the query that are known to hold some (`token=`). A plain
/// user name of an `ssh` URL is no secret and stays.
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&without_user_info(self.0)))
    }
}

/// Hides user information.
fn without_user_info(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(i) = rest.find("://") {
        let (scheme, tail) = rest.split_at(i + 3);
        shown.push_str(scheme);
        rest = tail;
        let image = ["docker-image://", "oci-layout://"].iter().any(|image| scheme.ends_with(image));
        let tail = if image { without_digest(tail) } else { tail };
        let Some(end) = userinfo_end(tail) else { continue };
        let secret = tail[..end].contains(':') || !scheme.ends_with("ssh://");
        shown.push_str(if secret { "***" } else { &tail[..end] });
        rest = &rest[end..];
    }
    shown + rest
}

/// Hides the values of parameters that are [`SECRETS`].
fn without_secrets(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    // What of `text` is not in `shown` yet.
    let mut kept = rest;
    while let Some(begin) = rest.find(['?', '&']) {
        rest = &rest[begin + 1..];
        // No name of a secret is longer.
        let Some(end) = rest.bytes().take(LONGEST).position(|byte| byte == b'=') else { continue };
        let (name, value) = (&rest[..end], &rest[end + 1..]);
        if SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(name)) {
            shown.push_str(&kept[..kept.len() - value.len()]);
            shown.push_str("***");
            let end = value.find(|c: char| c.is_whitespace() || "&#\"'`)".contains(c));
            rest = &value[end.unwrap_or(value.len())..];
            kept = rest;
        }
    }
    if shown.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(shown + kept) }
}

/// What comes before the digest of an image reference, whose `@` ends no user information.
fn without_digest(tail: &str) -> &str {
    let reference = tail.split(char::is_whitespace).next().unwrap_or_default();
    // In a sentence it may stand in quotes, before a colon.
    let reference = reference.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
    match reference.rsplit_once('@') {
        Some((name, digest)) if digest::validate(digest).is_ok() => name,
        _ => tail,
    }
}

/// Where the `@` after the user information is. A password that was not escaped may hold any of
/// `/?#`; the URL is malformed then and is shown in an error, so look further when the part before
/// the first of these ends in no port.
fn userinfo_end(tail: &str) -> Option<usize> {
    let stop = tail.find(char::is_whitespace).unwrap_or(tail.len());
    // What follows the next `://` is a URL of its own, redacted in the next turn.
    let stop = tail[..stop].find("://").unwrap_or(stop);
    let tail = &tail[..stop];
    let authority = &tail[..tail.find(['/', '?', '#']).unwrap_or(tail.len())];
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    let ends_in_port = authority.rsplit_once(':').is_none_or(|(host, port)| {
        port.bytes().all(|b| b.is_ascii_digit()) || (host.starts_with('[') && authority.ends_with(']'))
    });
    if ends_in_port { None } else { tail.rfind('@') }
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn digests_are_no_hosts() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for (source, shown) in [
            ("oci-layout://layout@D", "oci-layout://layout@D"),
            ("oci-layout://layout:tag@D", "oci-layout://layout:tag@D"),
            ("docker-image://a:1@D", "docker-image://a:1@D"),
            ("pinned to docker-image://a:1@D by x@y", "pinned to docker-image://a:1@D by x@y"),
            ("cannot resolve `docker-image://a:1@D`: no", "cannot resolve `docker-image://a:1@D`: no"),
            ("docker-image://u:pw@h/a:1@D", "docker-image://***@h/a:1@D"),
            ("docker-image://u:pw@a@D then https://u:p@h", "docker-image://***@a@D then https://***@h"),
            ("docker-image://u:pw@h:1", "docker-image://***@h:1"),
            ("https://token@D/", "https://***@D/"),
        ] {
            let (source, shown) = (source.replace('D', &digest), shown.replace('D', &digest));
            assert_eq!(Redacted(&source).to_string(), shown, "{source}");
        }
    }

    #[test]
    fn credentials_are_hidden() {
        for (url, shown) in [
            ("http://user:pw@h/p", "http://***@h/p"),
            ("https://token@github.com/x.git#main", "https://***@github.com/x.git#main"),
            ("git://https://u:p@h/x.git", "git://https://***@h/x.git"),
            ("ssh://git@h/x.git", "ssh://git@h/x.git"),
            ("ssh://git:pw@h/x.git", "ssh://***@h/x.git"),
            ("git@h:x.git", "git@h:x.git"),
            ("http://u:p#w@h/", "http://***@h/"),
            ("http://u:p/w@h/", "http://***@h/"),
            ("http://h:80/@scope/x", "http://h:80/@scope/x"),
            ("http://[::1]/@x", "http://[::1]/@x"),
            ("http://h/?next=http://u:p@g/", "http://h/?next=http://***@g/"),
            ("local://context", "local://context"),
            ("https://h/a?v=1&token=s3#x", "https://h/a?v=1&token=***#x"),
            (
                "see `https://u:p@h/a?X-Amz-Signature=s3&Sig=s4&keys=1`",
                "see `https://***@h/a?X-Amz-Signature=***&Sig=***&keys=1`",
            ),
            ("https://h/?token=https://s3/&a=b?", "https://h/?token=***&a=b?"),
            ("https://h/?token=", "https://h/?token=***"),
            ("http://u:p?token=x@h/", "http://***@h/"),
            (
                "https://h/?x-amz-security-token=s3&?&pass=s4",
                "https://h/?x-amz-security-token=***&?&pass=***",
            ),
        ] {
            assert_eq!(Redacted(url).to_string(), shown, "{url}");
        }
    }
}
