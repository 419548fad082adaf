//! From what a user writes as a source to the source as BuildKit names it.

use std::path::Path;

use policy_engine::source::{SourceError, SourceOp, parse_cli};

/// A source argument that names no source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceArgError {
    /// A URL or reference that cannot be understood.
    #[error(transparent)]
    Invalid(#[from] SourceError),
    /// Neither a URL nor something on disk.
    #[error("`{path}` is neither a source URL nor a path on this machine: {cause}")]
    Local {
        /// As given.
        path: String,
        /// What the operating system says.
        cause: std::io::Error,
    },
}

impl SourceArgError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Local { .. } | Self::Invalid(SourceError::UnsupportedScheme { .. }) => Some(
                "write `docker-image://REF`, `oci-layout://PATH[:TAG]`, a git URL, an http(s) URL or a path"
                    .into(),
            ),
            Self::Invalid(_) => None,
        }
    }
}

/// The source that `argument` names.
pub fn parse(argument: &str) -> Result<SourceOp, SourceArgError> {
    let named = parse_cli(argument)?;
    if let Some(path) = named.local_path
        && let Err(cause) = Path::new(&path).metadata()
    {
        return Err(SourceArgError::Local { path, cause });
    }
    Ok(named.source)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_must_exist() {
        assert_eq!(parse(".").unwrap(), SourceOp::new("local://context"));
        let error = parse("alpine:3.21").unwrap_err();
        assert!(error.to_string().starts_with("`alpine:3.21` is neither a source URL nor a path"), "{error}");
        assert!(error.help().unwrap().contains("docker-image://"));
    }

    #[test]
    fn unknown_schemes_are_no_paths() {
        let error = parse("ftp://user:s3cret@host/file").unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(error.help().is_some());
    }
}
