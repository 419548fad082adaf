//! Git URLs as BuildKit reads them: `https://`, `http://`, `ssh://` and `git://` URLs and the
//! `user@host:path` form, with `#ref:subdir` at the end.

use std::collections::BTreeMap;
use std::fmt;

use super::url::{Url, UrlError, parse_query};
use super::{Redacted, join_root};

/// A git URL without credentials of its own in [`Debug`].
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl {
    /// `http`, `https`, `ssh` or `git`.
    pub schema: String,
    /// Host and port.
    pub host: String,
    /// Decoded; without a leading slash in the `user@host:path` form.
    pub path: String,
    /// What git is given: the URL without query and fragment. May hold credentials.
    pub remote: String,
    /// Query parameters.
    pub query: BTreeMap<String, Vec<String>>,
    /// From the fragment: branch, tag, full ref or commit; empty for the default branch.
    pub reference: String,
    /// From the fragment: directory within the repository, clean and relative.
    pub subdir: String,
}

/// What is wrong with a git URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitUrlError {
    /// Neither a URL nor `user@host:path`.
    #[error("it is neither a URL nor of the form user@host:path")]
    UnknownProtocol,
    /// A scheme that git sources cannot have.
    #[error("unsupported protocol {0:?}, use https, http, ssh or git")]
    InvalidProtocol(String),
    /// The URL itself is malformed.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A query parameter that is unknown, repeated, empty or contradicts another.
    #[error("{0}")]
    Query(String),
}

impl GitUrl {
    /// Parses a git URL.
    pub fn parse(remote: &str) -> Result<Self, GitUrlError> {
        let (mut url, fragment) = match protocol(remote) {
            Some(protocol) if !is_supported(&protocol) => {
                return Err(GitUrlError::InvalidProtocol(protocol));
            }
            Some(_) => Self::from_url(&Url::parse(remote)?),
            None => Self::from_scp(remote).ok_or(GitUrlError::UnknownProtocol)?,
        };
        let (reference, subdir) = fragment.split_once(':').unwrap_or((&fragment, ""));
        reference.clone_into(&mut url.reference);
        url.subdir = join_root(subdir).split_off(1);
        Ok(url)
    }

    fn from_url(url: &Url) -> (Self, String) {
        let git = Self {
            remote: url.remote(),
            schema: url.scheme.clone(),
            host: url.host.clone(),
            path: url.path.clone(),
            query: parse_query(&url.raw_query),
            reference: String::new(),
            subdir: String::new(),
        };
        (git, url.fragment.clone())
    }

    /// `user@host:path[?query][#fragment]`.
    fn from_scp(remote: &str) -> Option<(Self, String)> {
        let (user, host, rest) = split_scp(remote)?;
        let (rest, fragment) = match rest.find(['?', '#']) {
            Some(i) if rest.as_bytes().get(i) == Some(&b'#') => (&rest[..i], &rest[i + 1..]),
            _ => rest.split_once('#').unwrap_or((rest, "")),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let git = Self {
            schema: "ssh".to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            remote: format!("{user}@{host}:{path}"),
            query: parse_query(query),
            reference: String::new(),
            subdir: String::new(),
        };
        Some((git, fragment.to_owned()))
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitUrl({}#{}:{})", Redacted(&self.remote), self.reference, self.subdir)
    }
}

/// Whether `remote` names a transport, so that no `https://` has to be put before it.
pub(super) fn is_transport(remote: &str) -> bool {
    protocol(remote).map_or_else(|| split_scp(remote).is_some(), |protocol| is_supported(&protocol))
}

/// Whether `s` is a full object id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
pub fn is_commit_id(s: &str) -> bool {
    matches!(s.len(), 40 | 64) && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The word before `://`, in lower case.
fn protocol(remote: &str) -> Option<String> {
    let (word, _) = remote.split_once("://")?;
    (!word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| word.to_ascii_lowercase())
}

fn is_supported(protocol: &str) -> bool {
    matches!(protocol, "http" | "https" | "ssh" | "git")
}

fn split_scp(s: &str) -> Option<(&str, &str, &str)> {
    let (user, rest) = s.split_once('@')?;
    let (host, rest) = rest.split_once(':')?;
    let user_ok = !user.is_empty() && user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let host_ok = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    // A host that begins with a dash would be an option to ssh.
    let safe = !host.starts_with('-') && !s.bytes().any(|b| b.is_ascii_control());
    (user_ok && host_ok && safe).then_some((user, host, rest))
}

#[cfg(test)]
mod tests {
    use super::{GitUrl, GitUrlError, is_transport};

    #[test]
    fn urls() {
        for (url, schema, host, remote, reference, subdir) in [
            ("https://h/r.git", "https", "h", "https://h/r.git", "", ""),
            ("HTTPS://h/r.git#main", "https", "h", "https://h/r.git", "main", ""),
            ("http://h:81/r.git#main:a/b/", "http", "h:81", "http://h:81/r.git", "main", "a/b"),
            ("https://h/r.git#:sub", "https", "h", "https://h/r.git", "", "sub"),
            ("https://h/r.git#v1:../../etc", "https", "h", "https://h/r.git", "v1", "etc"),
            ("git://h/r.git?x=1#refs/tags/v1", "git", "h", "git://h/r.git", "refs/tags/v1", ""),
            ("ssh://git@h:22/r.git", "ssh", "h:22", "ssh://git@h:22/r.git", "", ""),
            ("git@h:o/r.git", "ssh", "h", "git@h:o/r.git", "", ""),
            ("git@h:o/r.git#v1:d", "ssh", "h", "git@h:o/r.git", "v1", "d"),
            ("git@h:o/r.git?tag=v1#v2", "ssh", "h", "git@h:o/r.git", "v2", ""),
            ("git@h:o/r.git#a?b", "ssh", "h", "git@h:o/r.git", "a?b", ""),
            ("a_b-c@h:/srv/x:y.git", "ssh", "h", "a_b-c@h:/srv/x:y.git", "", ""),
        ] {
            let git = GitUrl::parse(url).unwrap();
            assert_eq!((&*git.schema, &*git.host, &*git.remote), (schema, host, remote), "{url}");
            assert_eq!((&*git.reference, &*git.subdir), (reference, subdir), "{url}");
        }
    }

    #[test]
    fn other_strings_are_no_git_urls() {
        for s in ["github.com/x/y", "h:x.git", "git@h", "git@h/x.git", "b:u@h:x.git", "", "@h:x", "git@-oX:x"]
        {
            assert_eq!(GitUrl::parse(s), Err(GitUrlError::UnknownProtocol), "{s}");
            assert!(!is_transport(s));
        }
        assert_eq!(GitUrl::parse("file:///x"), Err(GitUrlError::InvalidProtocol("file".into())));
        assert!(matches!(GitUrl::parse("https://h:x/"), Err(GitUrlError::Url(_))));
    }
}
