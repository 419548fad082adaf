//! Why a build's sources could not be told.

use policy_engine::policy::PolicyError;

use crate::context::ContextError;
use crate::dockerfile::DockerfileError;
use crate::policy_files::PolicyFileError;
use crate::report::build::{Dockerfile, Problem};
use crate::report::{policy_error_code, policy_error_help};

/// Why a build's sources could not be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DryRunError {
    /// Its context can't be opened.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// A policy can't be loaded.
    #[error(transparent)]
    Policies(#[from] PolicyFileError),
    /// No policy applies, and one is required.
    #[error("no policy applies to `{dockerfile}`, and one is required")]
    NoPolicy {
        /// The Dockerfile.
        dockerfile: String,
        /// Whether it is a file, which a policy can lie beside.
        is_file: bool,
    },
    /// A policy fails before it is asked about any source.
    #[error(transparent)]
    Caps(#[from] PolicyError),
    /// BuildKit would refuse the Dockerfile or the options.
    #[error(transparent)]
    Dockerfile(#[from] DockerfileError),
    /// It is made of the result of a target whose sources could not be told.
    #[error("the build uses the target `{0}`, whose sources could not be told")]
    Target(String),
    /// The task that looked at it died.
    #[error("looking at the build was aborted; this is a bug, please report it")]
    Aborted,
}

impl DryRunError {
    /// Whether it is for the caller to correct, and no failure of something remote or of a policy that was asked.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Context(error) => !error.is_remote(),
            Self::Policies(_) | Self::NoPolicy { .. } | Self::Dockerfile(_) => true,
            Self::Caps(_) | Self::Target(_) | Self::Aborted => false,
        }
    }

    /// A stable kebab-case name: one of [`crate::report::codes`].
    pub fn code(&self) -> &'static str {
        match self {
            Self::Context(error) => error.code(),
            Self::Policies(_) => "policy-invalid",
            Self::NoPolicy { .. } => "no-policy",
            Self::Caps(error) => policy_error_code(error),
            Self::Dockerfile(_) => "dockerfile-invalid",
            Self::Target(_) => "unknown-target",
            Self::Aborted => "aborted",
        }
    }

    /// For the report. `dockerfile` has the lines that it may be about.
    pub(super) fn problem(&self, dockerfile: Option<&Dockerfile>) -> Problem {
        let place = match (self, dockerfile) {
            (Self::Dockerfile(DockerfileError { line: line @ 1.., end_line, .. }), Some(dockerfile)) => {
                Some(dockerfile.place(*line, *end_line))
            }
            _ => None,
        };
        Problem { place, ..Problem::new(self.code(), self, self.help().as_deref()) }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Context(error) => error.help(),
            Self::Policies(error) => error.help(),
            Self::NoPolicy { dockerfile, is_file: true } => {
                Some(format!("create `{dockerfile}.rego`, or name a policy with `--policy filename=PATH`"))
            }
            Self::NoPolicy { .. } => Some("name a policy with `--policy filename=PATH`".into()),
            Self::Caps(error) => policy_error_help(error).map(str::to_owned),
            Self::Dockerfile(_) | Self::Target(_) | Self::Aborted => None,
        }
    }
}
