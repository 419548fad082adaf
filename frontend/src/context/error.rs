//! Why a context could not be opened.

use policy_engine::policy::FileError;
use policy_engine::source::SourceError;

use super::MAX_DOCKERFILE;
use crate::policy_files::PolicyFileError;

/// Why a context could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// There is no such context.
    #[error("there is no build context `{context}`: it is neither a folder nor a git or http(s) URL")]
    NoContext {
        /// As it was named, without credentials.
        context: String,
    },
    /// A further context is not there.
    #[error("there is no build context `{context}`, which is named `{name}`")]
    NoNamedContext {
        /// Its name.
        name: String,
        /// What it should be, without credentials.
        context: String,
    },
    /// The folder can't be opened.
    #[error("cannot open the build context `{path}`: {cause}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// A git URL that contradicts itself.
    #[error("the build context is malformed: {0}")]
    Url(#[from] SourceError),
    /// The Dockerfile can't be read.
    #[error("cannot read the Dockerfile `{path}`: {}", in_words(.cause))]
    Dockerfile {
        /// Where it was looked for.
        path: String,
        /// Why.
        cause: FileError,
    },
    /// The policy beside the Dockerfile can't be read.
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    /// Something remote can't be fetched.
    #[error("cannot fetch {what} `{shown}`: {cause}")]
    Fetch {
        /// The context, or the Dockerfile.
        what: &'static str,
        /// Its URL, without credentials.
        shown: String,
        /// Why.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An archive can't be unpacked.
    #[error("cannot unpack the build context from {shown}: {cause}")]
    Archive {
        /// Where it comes from, without credentials.
        shown: String,
        /// Why.
        cause: std::io::Error,
    },
    /// Standard input can't be read.
    #[error("cannot read standard input: {0}")]
    Stdin(std::io::Error),
    /// Nothing on standard input.
    #[error("standard input is empty: it should be a Dockerfile, or an archive with the context")]
    EmptyStdin,
    /// Standard input is wanted twice.
    #[error("standard input can be the context or the Dockerfile, of one build")]
    StdinTwice,
    /// Two Dockerfiles.
    #[error("two Dockerfiles: standard input is one, and `--file` names another")]
    TwoDockerfiles,
}

impl ContextError {
    /// Whether it can't be said whether this is anybody's mistake: something remote failed.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Fetch { .. })
    }

    /// A stable kebab-case name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Dockerfile { .. } | Self::TwoDockerfiles => "no-dockerfile",
            Self::Policy(_) => "policy-unreadable",
            _ => "no-context",
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NoContext { .. } => Some(
                "name a folder, a git URL (`https://host/repo.git#ref:folder`), the URL of an archive, or `-`".into(),
            ),
            Self::NoNamedContext { .. } => Some(
                "name a folder, or write `docker-image://REF`, `oci-layout://PATH:TAG` or a git or http(s) URL".into(),
            ),
            Self::Dockerfile { cause: FileError::NotFound, .. } => Some("name the Dockerfile with `--file`".into()),
            Self::Policy(error) => error.help(),
            Self::EmptyStdin => Some("name a context other than `-`".into()),
            Self::StdinTwice => Some("name a file for one of them".into()),
            Self::TwoDockerfiles => Some("leave one of them out".into()),
            _ => None,
        }
    }
}

fn in_words(cause: &FileError) -> String {
    match cause {
        FileError::NotFound => "there is no such file".to_owned(),
        FileError::Escapes => "a symlink leads out of its folder, which a build does not follow".to_owned(),
        FileError::TooLarge(limit) if *limit == MAX_DOCKERFILE.bytes => {
            format!("it is larger than the limit of {limit} bytes")
        }
        cause => cause.to_string(),
    }
}
