//! What may be shown of a URL that perhaps carries credentials.

use std::fmt;

use url::Url;

const HIDDEN: &str = "***";

/// Shows a URL or git remote with `***` in place of user info and query, which may both be secrets.
/// (A user name alone may be a token, so it goes too; only ssh's user name stays.)
///
/// ```
/// # use policy_check::resolve::redact::Redacted;
/// assert_eq!(Redacted("https://me:token@example.com/r.git").to_string(), "https://***@example.com/r.git");
/// assert_eq!(Redacted("git@example.com:r.git").to_string(), "git@example.com:r.git");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str(without_query(self.0));
        };
        let (user_info, rest) = match Url::parse(self.0) {
            // Of a URL that can't be parsed nobody knows where the credentials end: hide all before the last `@`.
            Err(_) => rest.rsplit_once('@').map_or((None, rest), |(hidden, rest)| (Some(hidden), rest)),
            Ok(_) => split_authority(rest),
        };
        write!(f, "{scheme}://")?;
        match user_info {
            Some(user) if scheme.eq_ignore_ascii_case("ssh") && !user.contains(':') => write!(f, "{user}@")?,
            Some(_) => write!(f, "{HIDDEN}@")?,
            None => {}
        }
        let shown = without_query(rest);
        f.write_str(shown)?;
        if shown.len() < rest.len() && rest.contains('?') { write!(f, "?{HIDDEN}") } else { Ok(()) }
    }
}

/// User info, and all that follows it.
fn split_authority(rest: &str) -> (Option<&str>, &str) {
    // A backslash ends the authority of a web URL as well (WHATWG URL standard, section 4.4).
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    }
}

fn without_query(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn no_secret_is_shown() {
        for (url, shown) in [
            ("https://example.com/a.git", "https://example.com/a.git"),
            ("https://s3cret@example.com/a.git", "https://***@example.com/a.git"),
            ("https://me:s3cret@example.com:8443/a@1", "https://***@example.com:8443/a@1"),
            ("https://me:s3@cret@example.com/a", "https://***@example.com/a"),
            ("https://me:s3cret/x@example.com/a", "https://***@example.com/a"),
            ("https://example.com/a?token=s3cret", "https://example.com/a?***"),
            ("https://me:s3cret@exa mple.com/a", "https://***@exa mple.com/a"),
            ("ssh://git@example.com/a", "ssh://git@example.com/a"),
            ("ssh://git:s3cret@example.com/a", "ssh://***@example.com/a"),
            ("git@example.com:a/b.git", "git@example.com:a/b.git"),
            ("git@example.com:a/b.git?token=s3cret", "git@example.com:a/b.git"),
        ] {
            assert_eq!(Redacted(url).to_string(), shown);
        }
    }
}
