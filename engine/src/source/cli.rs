//! Sources as they are named on a command line.

use super::{GitContext, ImageSource, OciLayoutSource, Redacted, Source, SourceError, SourceOp, git_context};

/// A source named on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliSource {
    /// The source.
    pub source: SourceOp,
    /// The local path that it stands for, when it is a local directory; nobody has looked whether it
    /// exists.
    pub local_path: Option<String>,
}

/// Reads an argument as `docker buildx policy eval` does: `docker-image://`, `oci-layout://`, `git://`
/// (BuildKit's own identifier), a URL (git when it looks like a repository), else a local path.
/// Beyond buildx: `oci-layout://`, `git@host:path` and `ssh://`, and a scheme that nobody knows is an
/// error and no path.
pub fn parse_cli(arg: &str) -> Result<CliSource, SourceError> {
    let found = |source| Ok(CliSource { source, local_path: None });
    if let Some(reference) = arg.strip_prefix("docker-image://") {
        let mut image = ImageSource::parse(reference)?;
        image.reference = image.reference.or_latest();
        return found(image.to_op());
    }
    if let Some(layout) = arg.strip_prefix("oci-layout://") {
        let layout = OciLayoutSource::parse_reference(layout)?;
        let attrs = [(super::ATTR_OCI_STORE.to_owned(), layout.name)].into();
        return found(SourceOp { identifier: arg.to_owned(), attrs });
    }
    if arg.starts_with("git://") {
        // An identifier says nothing of the protocol; only a query has to be folded into the fragment.
        let mut source = SourceOp::new(arg);
        if let Some(context) = git_context(arg)?.filter(|_| arg.contains('?')) {
            source = context.source;
            source.attrs.remove(super::ATTR_GIT_FULL_URL);
        }
        Source::parse(&source)?;
        return found(source);
    }
    if let Some(GitContext { source, ambiguous: false }) = git_context(arg)? {
        Source::parse(&source)?;
        return found(source);
    }
    if arg.starts_with("http://") || arg.starts_with("https://") {
        let source = SourceOp::new(arg);
        Source::parse(&source)?;
        return found(source);
    }
    if let Some((scheme, _)) = arg.split_once("://") {
        let scheme = scheme.to_owned();
        return Err(SourceError::UnsupportedScheme { scheme, identifier: Redacted(arg).to_string() });
    }
    Ok(CliSource { source: SourceOp::new("local://context"), local_path: Some(arg.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::parse_cli;
    use crate::source::SourceError;

    #[test]
    fn arguments() {
        for (arg, identifier, full_url) in [
            ("docker-image://alpine", "docker-image://docker.io/library/alpine:latest", None),
            ("docker-image://localhost:5000/a:1", "docker-image://localhost:5000/a:1", None),
            ("oci-layout:///srv/x:1.0", "oci-layout:///srv/x:1.0", None),
            ("git://127.0.0.1:8443/git/repo.git#dup", "git://127.0.0.1:8443/git/repo.git#dup", None),
            ("git://h/r.git?tag=v1", "git://h/r.git#refs/tags/v1", None),
            ("http://h/r.git#main", "git://h/r.git#main", Some("http://h/r.git")),
            ("git@h:o/r.git", "git://h/o/r.git", Some("git@h:o/r.git")),
            ("https://github.com/docker/buildx", "https://github.com/docker/buildx", None),
            ("http://u:p@h/f?t=1", "http://u:p@h/f?t=1", None),
        ] {
            let cli = parse_cli(arg).unwrap();
            assert_eq!(cli.source.identifier, identifier, "{arg}");
            assert_eq!(cli.source.attrs.get("git.fullurl").map(String::as_str), full_url, "{arg}");
            assert_eq!(cli.local_path, None);
        }
        for path in [".", "some/dir", "github.com/o/r", "./x.git"] {
            let cli = parse_cli(path).unwrap();
            assert_eq!(cli.source.identifier, "local://context");
            assert_eq!(cli.local_path.as_deref(), Some(path));
        }
    }

    #[test]
    fn bad_arguments() {
        for arg in ["docker-image://Foo/BAR", "http://h:x/", "git://h/r.git?x=1", "oci-layout://", "http://"]
        {
            assert!(parse_cli(arg).is_err(), "{arg}");
        }
        for arg in ["HTTP://h/f", "ftp://u:s3cret@h/f"] {
            let error = parse_cli(arg).unwrap_err();
            assert!(matches!(error, SourceError::UnsupportedScheme { .. }), "{arg}");
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
