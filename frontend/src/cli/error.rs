//! Why a command failed, and how that ends the process.

use std::path::PathBuf;

use policy_engine::policy::{Diagnostic, LoadError};

use super::Exit;
use super::build_flags::FlagError;
use crate::bake::BakeError;
use crate::distribution::DistributionError;
use crate::dry_run::DryRunError;
use crate::inspect::InspectError;
use crate::lock::LockError;
use crate::policy_files::PolicyFileError;
use crate::policy_test::TestError;
use crate::replay::ReplayError;
#[cfg(target_os = "linux")]
use crate::serve::ServeError;
use crate::snapshot::SnapshotError;
use crate::source_arg::SourceArgError;
use crate::starter::StarterError;
use crate::trust::file::RootFileError;
use crate::trust::tuf::TufError;
use crate::trust::{MIRRORS, MirrorError};

/// A command failed before it could report.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Source(#[from] SourceArgError),
    #[error(transparent)]
    Policy(#[from] PolicyFileError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error(transparent)]
    Flag(#[from] FlagError),
    #[error(transparent)]
    Bake(#[from] BakeError),
    #[error("{}{error}", .name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default())]
    Build { name: Option<String>, error: DryRunError },
    #[error("cannot write the report `{path}`: {cause}")]
    Report { path: String, cause: std::io::Error },
    #[cfg(target_os = "linux")]
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Test(#[from] TestError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Distribution(#[from] DistributionError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Starter(#[from] StarterError),
    #[error(transparent)]
    TrustRoot(#[from] RootFileError),
    #[error(transparent)]
    Mirrors(#[from] MirrorError),
    #[error("cannot update the trust root from {url}: {error}")]
    TrustUpdate { url: String, error: TufError },
    #[error("cannot read `{path}`: {cause}")]
    ReadFile { path: PathBuf, cause: std::io::Error },
    #[error("cannot write `{path}`: {cause}")]
    WriteFile { path: PathBuf, cause: std::io::Error },
    #[error("there are no policies: no file ends in `.rego`")]
    NoPolicies,
    #[error("there is no folder for a cache: this user has no home")]
    NoCacheFolder,
    #[error("cannot use the cache `{path}`: {cause}")]
    Cache { path: PathBuf, cause: std::io::Error },
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
    #[error("cannot write the output: {0}")]
    Json(#[from] serde_json::Error),
}

impl Error {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Source(_) | Self::Policy(_) | Self::Replay(_) | Self::Flag(_) => Exit::Usage,
            Self::Build { error, .. } if error.is_usage() => Exit::Usage,
            Self::Bake(error) if error.is_usage() => Exit::Usage,
            Self::Report { .. } | Self::Test(_) | Self::TrustRoot(_) | Self::Mirrors(_) => Exit::Usage,
            Self::ReadFile { .. } | Self::WriteFile { .. } => Exit::Usage,
            Self::TrustUpdate { .. } => Exit::Undecided,
            Self::Distribution(error) if error.is_unreachable() => Exit::Undecided,
            Self::Distribution(_) => Exit::Usage,
            #[cfg(target_os = "linux")]
            Self::Serve(_) => Exit::Usage,
            Self::Lock(error) if error.is_usage() => Exit::Usage,
            Self::Lock(_) | Self::Snapshot(SnapshotError::Changed(_)) => Exit::Undecided,
            Self::Starter(_)
            | Self::Snapshot(_)
            | Self::NoCacheFolder
            | Self::Cache { .. }
            | Self::NoPolicies => Exit::Usage,
            Self::Build { .. } | Self::Bake(_) | Self::Inspect(_) | Self::Output(_) | Self::Json(_) => {
                Exit::Undecided
            }
        }
    }

    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.help(),
            Self::Policy(error) => error.help(),
            Self::Replay(error) => error.help(),
            Self::Lock(error) => error.help(),
            Self::Distribution(error) => error.help(),
            Self::Test(error) => error.help(),
            Self::Snapshot(error) => error.help(),
            Self::Starter(StarterError::Exists(_)) => {
                Some("`--force` replaces it; nothing was written".into())
            }
            Self::Starter(StarterError::NotADockerfile(_)) => {
                Some("name the folder or the Dockerfile that the policy is for".into())
            }
            Self::TrustRoot(error) => error.help(),
            Self::TrustUpdate { error, .. } => error.help(),
            Self::Mirrors(_) => Some(format!("write `{MIRRORS}=sigstore=https://HOST/PATH,github=…`")),
            Self::NoPolicies => Some("name a policy, or a folder that has some".into()),
            Self::NoCacheFolder => Some("name one with `--cache-dir`".into()),
            Self::Build { error, .. } => error.help(),
            Self::Flag(error) => error.help(),
            #[cfg(target_os = "linux")]
            Self::Serve(error) => error.help(),
            Self::Bake(_)
            | Self::Starter(_)
            | Self::Cache { .. }
            | Self::Inspect(_)
            | Self::Output(_)
            | Self::Report { .. }
            | Self::ReadFile { .. }
            | Self::WriteFile { .. }
            | Self::Json(_) => None,
        }
    }

    /// Problems with a position of their own, where the error is made of such.
    pub(super) fn problems(&self) -> &[Diagnostic] {
        match self {
            Self::Policy(PolicyFileError::Load(LoadError { problems }))
            | Self::Build {
                error: DryRunError::Policies(PolicyFileError::Load(LoadError { problems })),
                ..
            } => problems,
            #[cfg(target_os = "linux")]
            Self::Serve(ServeError::Policies(failure)) => match failure.problems.as_slice() {
                [only] => only.diagnostics(),
                _ => &[],
            },
            _ => &[],
        }
    }
}
