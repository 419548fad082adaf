//! Refs in git repositories.

use super::git_url::{GitUrl, GitUrlError, is_commit_id, is_transport};
use super::{ATTR_GIT_CHECKSUM, ATTR_GIT_FULL_URL, Redacted, SourceError, SourceOp};

/// `git://`: a ref in a git repository. The identifier leaves the protocol out, so that the same
/// repository has one name; the attribute `git.fullurl` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSource {
    /// The repository: schema, host and the remote to fetch from.
    pub url: GitUrl,
    /// The attribute `git.fullurl`, with `https://` before it when it has no protocol.
    pub full_url: Option<String>,
    /// Branch, tag, full ref or commit, as written; empty for the default branch.
    pub reference: String,
    /// Directory within the repository, clean and relative; empty for the whole.
    pub subdir: String,
    /// The attribute `git.checksum`: the object id that the ref must have.
    pub checksum: Option<String>,
}

impl GitSource {
    /// Parses a source; `rest` is what follows `git://`.
    pub(super) fn parse(op: &SourceOp, rest: &str) -> Result<Self, SourceError> {
        let (_, named) = parse_remote(rest)?;
        let (full_url, url) = match op.attrs.get(ATTR_GIT_FULL_URL) {
            None => (None, named.clone()),
            Some(full) => {
                let (full, url) = parse_remote(full)?;
                (Some(full), url)
            }
        };
        Ok(Self {
            url,
            full_url,
            reference: named.reference,
            subdir: named.subdir,
            checksum: op.attrs.get(ATTR_GIT_CHECKSUM).cloned(),
        })
    }

    /// The tag, when the ref says that it is one.
    pub fn tag_name(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/tags/")
    }

    /// The branch, when the ref says that it is one.
    pub fn branch(&self) -> Option<&str> {
        self.reference.strip_prefix("refs/heads/")
    }

    /// Whether the ref is a commit id.
    pub fn is_commit(&self) -> bool {
        is_commit_id(&self.reference)
    }
}

fn parse_remote(remote: &str) -> Result<(String, GitUrl), SourceError> {
    let remote = if is_transport(remote) { remote.to_owned() } else { format!("https://{remote}") };
    match GitUrl::parse(&remote) {
        Ok(url) => Ok((remote, url)),
        Err(error) => Err(git_error(&remote, error)),
    }
}

pub(super) fn git_error(url: &str, error: GitUrlError) -> SourceError {
    SourceError::Git { url: Redacted(url).to_string(), error }
}

#[cfg(test)]
mod tests {
    use crate::source::{GitSource, Source, SourceOp};

    fn parse(identifier: &str, full_url: Option<&str>) -> GitSource {
        let mut op = SourceOp::new(identifier);
        if let Some(url) = full_url {
            op.attrs.insert("git.fullurl".into(), url.into());
        }
        match Source::parse(&op).unwrap() {
            Source::Git(git) => git,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_full_url_has_the_protocol() {
        let git = parse(
            "git://127.0.0.1:8088/git/repo.git#v1.1.0-ssh:sub/dir",
            Some("http://127.0.0.1:8088/git/repo.git"),
        );
        assert_eq!(git.url.schema, "http");
        assert_eq!(git.url.remote, "http://127.0.0.1:8088/git/repo.git");
        assert_eq!(git.full_url.as_deref(), Some("http://127.0.0.1:8088/git/repo.git"));
        assert_eq!((git.reference.as_str(), git.subdir.as_str()), ("v1.1.0-ssh", "sub/dir"));
    }

    #[test]
    fn without_one_it_is_https() {
        let git = parse("git://h/r.git#refs/heads/main", None);
        assert_eq!((git.url.schema.as_str(), git.url.remote.as_str()), ("https", "https://h/r.git"));
        assert_eq!(git.branch(), Some("main"));
        assert_eq!(parse("git://git@h:r.git", None).url.remote, "git@h:r.git");
        assert_eq!(
            parse("git://x", Some("github.com/a/b")).full_url.as_deref(),
            Some("https://github.com/a/b")
        );
        assert!(parse("git://h/r.git#3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16", None).is_commit());
    }
}
