//! Which strings BuildKit takes for a git repository in a context or an `ADD`, and the source that it
//! makes of them.

use super::git::git_error;
use super::git_url::{GitUrl, GitUrlError};
use super::{ATTR_GIT_CHECKSUM, ATTR_GIT_FULL_URL, SourceError, SourceOp, join_root};

/// A string that names a git repository, and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitContext {
    /// `git://host/path#ref:subdir` with `git.fullurl` and what the query asked for.
    pub source: SourceOp,
    /// Of the form `github.com/owner/repo`, which might as well be a local path. BuildKit takes it for
    /// git in a build's context, but not in `ADD`.
    pub ambiguous: bool,
}

/// Reads `arg` as BuildKit reads a build's context. `None` when it is none: a local path, or an
/// `http(s)` URL whose path does not end in `.git`.
pub fn git_context(arg: &str) -> Result<Option<GitContext>, SourceError> {
    if arg.starts_with("./") || arg.starts_with("../") {
        return Ok(None);
    }
    let ambiguous = arg.starts_with("github.com/");
    let parsed = if ambiguous { GitUrl::parse(&format!("https://{arg}")) } else { GitUrl::parse(arg) };
    let url = match parsed {
        Ok(url) => url,
        Err(GitUrlError::UnknownProtocol | GitUrlError::InvalidProtocol(_)) => return Ok(None),
        Err(error) => return Err(git_error(arg, error)),
    };
    if !ambiguous && matches!(url.schema.as_str(), "http" | "https") && !names_repository(&url.path) {
        return Ok(None);
    }
    let source = to_source(&url).map_err(|reason| git_error(arg, GitUrlError::Query(reason)))?;
    Ok(Some(GitContext { source, ambiguous }))
}

/// BuildKit looks for exactly this ending, in lower case.
fn names_repository(path: &str) -> bool {
    path.strip_suffix(".git").is_some()
}

/// The source for a git URL, its query folded in.
fn to_source(url: &GitUrl) -> Result<SourceOp, String> {
    let mut options = Options::from_url(url)?;
    options.subdir = join_root(&options.subdir).split_off(1);
    let mut identifier = format!("git://{}{}", url.host, join_root(&url.path));
    if !options.reference.is_empty() || !options.subdir.is_empty() {
        identifier.push('#');
        identifier.push_str(&options.reference);
    }
    if !options.subdir.is_empty() {
        identifier.push(':');
        identifier.push_str(&options.subdir);
    }
    let mut source = SourceOp::new(identifier);
    source.attrs = options.attrs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    source.attrs.insert(ATTR_GIT_FULL_URL.to_owned(), url.remote.clone());
    Ok(source)
}

/// What fragment and query ask for.
#[derive(Default)]
struct Options {
    reference: String,
    subdir: String,
    attrs: Vec<(&'static str, String)>,
}

impl Options {
    fn from_url(url: &GitUrl) -> Result<Self, String> {
        let mut options =
            Self { reference: url.reference.clone(), subdir: url.subdir.clone(), attrs: Vec::new() };
        let mut tag = None;
        let mut branch = None;
        for (key, values) in &url.query {
            let [value] = values.as_slice() else {
                return Err(format!("query parameter {key:?} has several values"));
            };
            let is_flag = matches!(key.as_str(), "submodules" | "keep-git-dir" | "fetch-by-commit");
            if value.is_empty() && !is_flag {
                return Err(format!("query parameter {key:?} has no value"));
            }
            match key.as_str() {
                "ref" => set(&mut options.reference, value, "ref")?,
                "tag" => tag = Some(value),
                "branch" => branch = Some(value),
                "subdir" => set(&mut options.subdir, value, "subdir")?,
                "checksum" | "commit" => options.attrs.push((ATTR_GIT_CHECKSUM, value.clone())),
                "keep-git-dir" if flag(key, value)? => options.attrs.push(("git.keepgitdir", "true".into())),
                "submodules" if !flag(key, value)? => {
                    options.attrs.push(("git.skipsubmodules", "true".into()));
                }
                "fetch-by-commit" if flag(key, value)? => {
                    options.attrs.push(("git.fetchbycommit", "true".into()));
                }
                "keep-git-dir" | "submodules" | "fetch-by-commit" => {}
                "mtime" if matches!(value.as_str(), "checkout" | "commit") => {
                    options.attrs.push(("git.mtime", value.clone()));
                }
                "mtime" => return Err(format!("invalid mtime {value:?}, use checkout or commit")),
                _ => return Err(format!("unknown query parameter {key:?}")),
            }
        }
        if tag.is_some() && branch.is_some() {
            return Err("query parameters \"tag\" and \"branch\" exclude each other".to_owned());
        }
        if let Some(tag) = tag {
            set(&mut options.reference, &with_prefix(tag, "refs/tags/"), "ref")?;
        }
        if let Some(branch) = branch {
            set(&mut options.reference, &with_prefix(branch, "refs/heads/"), "ref")?;
        }
        Ok(options)
    }
}

fn set(slot: &mut String, value: &str, name: &str) -> Result<(), String> {
    if !slot.is_empty() && slot != value {
        return Err(format!("{name} is given twice, as {slot:?} and as {value:?}"));
    }
    value.clone_into(slot);
    Ok(())
}

fn with_prefix(name: &str, prefix: &str) -> String {
    if name.starts_with(prefix) { name.to_owned() } else { format!("{prefix}{name}") }
}

/// A flag without a value is set.
fn flag(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("query parameter {key:?} must be true or false, not {value:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::git_context;

    #[test]
    fn contexts_become_the_sources_that_buildkit_makes() {
        let commit =
            "http://h/r.git?commit=3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16&keep-git-dir&submodules=0";
        for (arg, identifier, full_url) in [
            (
                "http://127.0.0.1:8088/git/repo.git#main",
                "git://127.0.0.1:8088/git/repo.git#main",
                "http://127.0.0.1:8088/git/repo.git",
            ),
            (
                "http://127.0.0.1:8088/git/repo.git?ref=v1.0.0",
                "git://127.0.0.1:8088/git/repo.git#v1.0.0",
                "http://127.0.0.1:8088/git/repo.git",
            ),
            ("https://h/r.git?tag=v1&subdir=a", "git://h/r.git#refs/tags/v1:a", "https://h/r.git"),
            ("https://h/r.git?subdir=/a/../b/", "git://h/r.git#:b", "https://h/r.git"),
            ("https://h/r.git?branch=main", "git://h/r.git#refs/heads/main", "https://h/r.git"),
            ("https://h/r.git#:sub", "git://h/r.git#:sub", "https://h/r.git"),
            ("git@github.com:o/r.git#v1", "git://github.com/o/r.git#v1", "git@github.com:o/r.git"),
            ("ssh://git@h/r.git", "git://h/r.git", "ssh://git@h/r.git"),
            ("git://h/r", "git://h/r", "git://h/r"),
            ("github.com/o/r#v1", "git://github.com/o/r#v1", "https://github.com/o/r"),
            (commit, "git://h/r.git", "http://h/r.git"),
        ] {
            let context = git_context(arg).unwrap().unwrap();
            assert_eq!(context.source.identifier, identifier, "{arg}");
            assert_eq!(context.source.attrs["git.fullurl"], full_url, "{arg}");
            assert_eq!(context.ambiguous, arg.starts_with("github.com"));
        }
        let attrs = git_context(commit).unwrap().unwrap().source.attrs;
        assert_eq!(attrs["git.checksum"], "3b2a10bd91694311cbd6656ebe6d0efe0a0c7b16");
        assert_eq!(
            (attrs["git.keepgitdir"].as_str(), attrs["git.skipsubmodules"].as_str()),
            ("true", "true")
        );
    }

    #[test]
    fn others_are_not() {
        for arg in
            ["./x.git", "../x", "x", "https://h/r", "https://h/r.git/x", "file:///x.git", "docker-image://x"]
        {
            assert_eq!(git_context(arg), Ok(None), "{arg}");
        }
    }

    #[test]
    fn contradictions_are_errors() {
        for arg in [
            "https://h/r.git?tag=a&branch=b",
            "https://h/r.git?ref=a#b",
            "https://h/r.git?tag=a&tag=b",
            "https://h/r.git?x=1",
            "https://h/r.git?ref=",
            "https://h/r.git?mtime=now",
            "https://h/r.git?submodules=maybe",
            "https://h/r.git?subdir=a#:b",
            "https://u:s3cret@h:x/r.git",
        ] {
            let error = git_context(arg).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
