//! Where a repository is: the forms of a git remote that BuildKit knows, and `file://`.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::Url;

use super::GitError;
use crate::resolve::redact::Redacted;

/// Port of `git://` (git-daemon).
const GIT_PORT: u16 = 9418;

/// A parsed remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote {
    /// `http://`, `https://`; the credentials are taken out of the URL.
    Http { url: Url, user: Option<String>, password: Option<String> },
    /// `git://`
    Git { host: String, port: u16, path: String },
    /// `ssh://` and `user@host:path`
    Ssh { user: Option<String>, host: String, port: Option<u16>, path: String },
    /// `file://`
    File { path: PathBuf },
}

impl Remote {
    /// Parses a remote. As with BuildKit, one without a scheme that is no `user@host:path` means `https://`.
    pub(super) fn parse(text: &str) -> Result<Self, GitError> {
        let invalid = |reason| GitError::InvalidRemote { remote: Redacted(text).to_string(), reason };
        if text.is_empty() || text.starts_with('-') {
            return Err(invalid("it is empty or starts with a dash"));
        }
        if text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(invalid("it contains a space or a control character"));
        }
        match text.split_once("://") {
            Some((scheme, _)) => Self::from_url(text, &scheme.to_ascii_lowercase()),
            None => match scp_style(text) {
                Some((user, host, path)) => {
                    check_ssh(Some(user), host, path).map_err(invalid)?;
                    Ok(Self::Ssh {
                        user: Some(user.into()),
                        host: host.into(),
                        port: None,
                        path: path.into(),
                    })
                }
                None => Self::from_url(&format!("https://{text}"), "https"),
            },
        }
    }

    fn from_url(text: &str, scheme: &str) -> Result<Self, GitError> {
        let invalid = |reason| GitError::InvalidRemote { remote: Redacted(text).to_string(), reason };
        let mut url = Url::parse(text).map_err(|_| invalid("it is no URL"))?;
        url.set_fragment(None);
        url.set_query(None);
        let decode = |part: &str| -> Result<String, GitError> {
            let text = percent_decode_str(part).decode_utf8().map_err(|_| invalid("it is not UTF-8"))?;
            if text.chars().any(char::is_control) {
                return Err(invalid("it contains a control character"));
            }
            Ok(text.into_owned())
        };
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(decode).transpose()?;
        let path = decode(url.path())?;
        if scheme == "file" {
            return url
                .to_file_path()
                .map(|path| Self::File { path })
                .map_err(|()| invalid("it names a host"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| invalid("it has no host"))?;
        // Brackets belong to a URL, not to an IPv6 address.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        match scheme {
            "http" | "https" => {
                let password = url.password().map(decode).transpose()?;
                let cleared = url.set_username("").and_then(|()| url.set_password(None));
                cleared.map_err(|()| invalid("it has no host"))?;
                Ok(Self::Http { url, user, password })
            }
            "git" if path.len() < 2 => Err(invalid("it has no path")),
            "git" => Ok(Self::Git { host, port: url.port().unwrap_or(GIT_PORT), path }),
            "ssh" => {
                let path = path.strip_prefix("/~").map_or(path.clone(), |home| format!("~{home}"));
                check_ssh(user.as_deref(), &host, &path).map_err(invalid)?;
                Ok(Self::Ssh { user, host, port: url.port(), path })
            }
            _ => Err(GitError::UnsupportedTransport {
                remote: Redacted(text).to_string(),
                scheme: scheme.to_owned(),
            }),
        }
    }
}

/// `user@host:path`, as far as BuildKit takes it for one.
fn scp_style(text: &str) -> Option<(&str, &str, &str)> {
    let (user, rest) = text.split_once('@')?;
    let (host, path) = rest.split_once(':')?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let is = |text: &str, also: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    (is(user, "-_") && is(host, "-.")).then_some((user, host, path))
}

/// What ssh could take for an option, or the other side for one of git's.
fn check_ssh(user: Option<&str>, host: &str, path: &str) -> Result<(), &'static str> {
    if host.starts_with('-') || path.starts_with('-') || user.is_some_and(|user| user.starts_with('-')) {
        return Err("user, host or path start with a dash");
    }
    if path.is_empty() || path == "/" {
        return Err("it has no path");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Remote;
    use crate::resolve::git::GitError;

    fn ssh(user: Option<&str>, host: &str, port: Option<u16>, path: &str) -> Remote {
        Remote::Ssh { user: user.map(Into::into), host: host.into(), port, path: path.into() }
    }

    #[test]
    fn every_form() {
        for (text, remote) in [
            ("git@example.com:a/b.git", ssh(Some("git"), "example.com", None, "a/b.git")),
            ("git@example.com:/a/b.git#main", ssh(Some("git"), "example.com", None, "/a/b.git")),
            ("ssh://git@example.com:2222/a/b%20c", ssh(Some("git"), "example.com", Some(2222), "/a/b c")),
            ("ssh://[::1]/~me/b", ssh(None, "::1", None, "~me/b")),
            (
                "git://example.com/a",
                Remote::Git { host: "example.com".into(), port: 9418, path: "/a".into() },
            ),
            ("file:///srv/a.git", Remote::File { path: "/srv/a.git".into() }),
        ] {
            assert_eq!(Remote::parse(text).expect(text), remote);
        }
        let Remote::Http { url, user, password } =
            Remote::parse("https://me:p%40ss@example.com/a.git?x=1#main").expect("a URL")
        else {
            panic!("not http")
        };
        assert_eq!(url.as_str(), "https://example.com/a.git");
        assert_eq!((user.as_deref(), password.as_deref()), (Some("me"), Some("p@ss")));
        let Remote::Http { url, .. } = Remote::parse("github.com/a/b").expect("a URL") else {
            panic!("not http")
        };
        assert_eq!(url.as_str(), "https://github.com/a/b");
    }

    #[test]
    fn what_could_be_an_option_or_a_command_is_refused() {
        for text in [
            "",
            "--upload-pack=touch /tmp/x",
            "git@-oProxyCommand=x:a",
            "ssh://-oProxyCommand=x/a",
            "ssh://-luser@example.com/a",
            "git@example.com:-x",
            "git@example.com:",
            "https://example.com/a\nb",
            "git://example.com/a%0ahost=evil",
            "git://example.com/",
            "file://example.com/a",
        ] {
            let error = Remote::parse(text).expect_err(text);
            assert!(matches!(error, GitError::InvalidRemote { .. }), "{text}: {error}");
        }
        for text in ["ext::sh -c true", "ext://sh", "ftp://example.com/a"] {
            assert!(Remote::parse(text).is_err(), "{text}");
        }
    }
}
