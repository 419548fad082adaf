//! URLs without their credentials, for messages.

use std::fmt;

use super::digest;

/// Shows a URL (or source identifier, or anything that holds some) with the credentials in it
/// replaced by `***`. A plain user name of an `ssh` URL is no secret and stays.
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(i) = rest.find("://") {
            let (scheme, tail) = rest.split_at(i + 3);
            f.write_str(scheme)?;
            rest = tail;
            let image = ["docker-image://", "oci-layout://"].iter().any(|image| scheme.ends_with(image));
            let tail = if image { without_digest(tail) } else { tail };
            let Some(end) = userinfo_end(tail) else { continue };
            let secret = tail[..end].contains(':') || !scheme.ends_with("ssh://");
            f.write_str(if secret { "***" } else { &tail[..end] })?;
            rest = &rest[end..];
        }
        f.write_str(rest)
    }
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
        ] {
            assert_eq!(Redacted(url).to_string(), shown, "{url}");
        }
    }
}
