//! A build's own policy: `<Dockerfile>.rego`, read as buildx reads it, but by the hook.
//!
//! The policy lies beside the Dockerfile; what it imports and the files it reads lie in the context. Both are
//! read through a build of the hook with the client's session ([`InternalBuild`]), which stays open as long
//! as the policy is in use. That build carries no policy session, so what it fetches beyond the client's own
//! directories (a remote context) is put before the server's policies first.

mod location;
#[cfg(test)]
mod tests;
mod tree;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use policy_engine::policy::{LoadError, LoadOptions, Policy, PolicyFile, PolicyRoot};
use policy_engine::source::SourceOp;
use tokio::runtime::Handle;
use tonic::transport::Channel;

use crate::buildkit::internal_build::{InternalBuild, InternalBuildError};
use crate::buildkit::llb::{self, DefinitionError};
use crate::distribution::{Fetcher, LibraryRoot, ListedPlace};
use crate::policy_files::MAX_POLICY_FILE;
use crate::redact;
pub use location::{Location, LocationError, Place};
use tree::{SessionRoot, Tree};

/// How long looking for a policy in a client's directory may take.
const LOOKUP: Duration = Duration::from_secs(10);

/// Why a build's own policy could not be loaded. The build must not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepoPolicyError {
    /// The remote context is not allowed.
    #[error("the build's context {context} may not be used: {reason}")]
    Denied {
        /// What would be fetched, without credentials.
        context: String,
        /// As the server's policies say.
        reason: String,
    },
    /// The context is a definition whose sources cannot be judged.
    #[error("the build's context cannot be judged: {0}")]
    Definition(#[from] DefinitionError),
    /// The policy, or whether there is one, could not be read.
    #[error("cannot read the build's policy `{path}`: {cause}")]
    Read {
        /// The policy's path beside the Dockerfile.
        path: String,
        /// Why.
        cause: InternalBuildError,
    },
    /// The client's session didn't deliver.
    #[error("cannot read the build's policy `{path}`: the client's session did not deliver it within {} s", .after.as_secs())]
    Timeout {
        /// The policy's path beside the Dockerfile.
        path: String,
        /// The limit.
        after: Duration,
    },
    /// A policy that isn't text.
    #[error("the build's policy `{0}` is not UTF-8 text")]
    NotText(String),
    /// Rego that doesn't load.
    #[error("the build's policy `{path}` does not load: {cause}")]
    Load {
        /// The policy's path beside the Dockerfile.
        path: String,
        /// Every problem found.
        cause: LoadError,
    },
    /// The hook is shutting down.
    #[error("the build's policy `{0}` was not loaded: the hook is shutting down")]
    Aborted(String),
}

impl RepoPolicyError {
    /// What to do next.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "use a context that the server's policies allow",
            Self::Definition(_) => {
                "use a local, git or http context, or ask the operator for `--no-repo-policy`"
            }
            Self::Read { cause: InternalBuildError::TooLarge(_), .. } => {
                "move data into files that the policy reads with load_json"
            }
            Self::Read { .. } | Self::Timeout { .. } | Self::Aborted(_) => {
                "try again; if it stays, look at buildkitd's log"
            }
            Self::NotText(_) => "save it as UTF-8",
            Self::Load { .. } => "correct it: `policy-check eval` shows the same problems locally",
        }
    }
}

/// Loads the policies that builds bring along.
#[derive(Debug, Clone)]
pub struct RepoPolicyLoader {
    channel: Channel,
    strict: bool,
    lookup: Duration,
    libraries_from: Vec<ListedPlace>,
    fetcher: Fetcher,
}

impl RepoPolicyLoader {
    /// `channel` leads to the daemon, with the settings of
    /// [`endpoint`](crate::buildkit::internal_build::endpoint). With `strict`, warnings refuse a policy.
    pub fn new(channel: Channel, strict: bool) -> Self {
        let (libraries_from, fetcher) = (Vec::new(), Fetcher::default());
        Self { channel, strict, lookup: LOOKUP, libraries_from, fetcher }
    }

    /// Gets libraries of these policies by `fetcher`, from the places `listed` and no others.
    #[must_use]
    pub fn with_libraries(self, listed: &[ListedPlace], fetcher: Fetcher) -> Self {
        Self { libraries_from: listed.to_vec(), fetcher, ..self }
    }

    /// The policy of the build at `location`; `None` when there is none. `session` is the session of the
    /// build's solve.
    ///
    /// `judge` asks the server's policies about a source that is fetched for this (a remote context): it tells
    /// what to fetch, which may be pinned, or why it is denied.
    pub async fn load<J, F>(
        &self,
        location: &Location,
        session: &str,
        judge: J,
    ) -> Result<Option<Arc<Policy>>, RepoPolicyError>
    where
        J: Fn(SourceOp) -> F,
        F: Future<Output = Result<SourceOp, String>>,
    {
        // The context is the same place, or is read later by the policy: both are judged before anything.
        let dockerfile = judged(&location.dockerfile, &judge).await?;
        let context = if location.context == location.dockerfile {
            dockerfile.clone()
        } else {
            judged(&location.context, &judge).await?
        };
        let location = &Location { dockerfile, context, file: location.file.clone() };
        if location.dockerfile == Place::Upload {
            return Ok(None);
        }
        let dockerfile = Arc::new(Tree::new(&location.dockerfile));
        let context = if location.context == location.dockerfile {
            Arc::clone(&dockerfile)
        } else {
            Arc::new(Tree::new(&location.context))
        };
        let path = format!("{}.rego", location.file);
        let unreadable = |cause| RepoPolicyError::Read { path: path.clone(), cause };
        let build = InternalBuild::start(self.channel.clone(), session).map_err(unreadable)?;
        let lookup = find(&build, &dockerfile, &location.file);
        // A remote context has limits of its own.
        let found = if matches!(location.dockerfile, Place::Local { .. }) {
            let late = |_| RepoPolicyError::Timeout { path: path.clone(), after: self.lookup };
            tokio::time::timeout(self.lookup, lookup).await.map_err(late)?
        } else {
            lookup.await
        };
        let Some((name, content)) = found.map_err(unreadable)? else {
            tree::end(&Handle::current(), build);
            return Ok(None);
        };
        let Ok(text) = String::from_utf8(content) else { return Err(RepoPolicyError::NotText(name)) };
        let root: Arc<dyn PolicyRoot> = Arc::new(SessionRoot::new(build, context));
        let root = LibraryRoot::over_sent(root, &self.libraries_from, &self.fetcher);
        let files = vec![PolicyFile { name: name.clone(), text }];
        let options = LoadOptions { files, root: Some(root), strict: self.strict };
        // Imports are read while it loads, which blocks.
        match tokio::task::spawn_blocking(move || Policy::load(&options)).await {
            Ok(Ok(policy)) => Ok(Some(Arc::new(policy))),
            Ok(Err(cause)) => Err(RepoPolicyError::Load { path: name, cause }),
            Err(_) => Err(RepoPolicyError::Aborted(name)),
        }
    }
}

/// Asks the server's policies about everything that reading a place fetches, and tells what place is read.
async fn judged<J, F>(place: &Place, judge: &J) -> Result<Place, RepoPolicyError>
where
    J: Fn(SourceOp) -> F,
    F: Future<Output = Result<SourceOp, String>>,
{
    let ask = async |source: &SourceOp| {
        let denied = |reason| RepoPolicyError::Denied { context: redact::source(source), reason };
        judge(source.clone()).await.map_err(denied)
    };
    Ok(match place {
        Place::Local { .. } | Place::Upload => place.clone(),
        Place::Git(source) => Place::Git(ask(source).await?),
        Place::Http(source) => Place::Http(ask(source).await?),
        Place::Input(definition) => {
            for source in llb::sources(definition)? {
                if ask(&source).await? != source {
                    let reason =
                        "a policy pins it, and what a definition loads can't be pinned here".to_owned();
                    return Err(RepoPolicyError::Denied { context: redact::source(&source), reason });
                }
            }
            place.clone()
        }
    })
}

/// The policy beside a Dockerfile: its path and content.
///
/// A Dockerfile may be called `dockerfile` where nobody named it otherwise; its policy is then
/// `dockerfile.rego`.
async fn find(
    build: &InternalBuild,
    tree: &Tree,
    dockerfile: &str,
) -> Result<Option<(String, Vec<u8>)>, InternalBuildError> {
    let path = format!("{dockerfile}.rego");
    let folder = match dockerfile.rsplit_once('/') {
        Some((folder, "Dockerfile")) => Some(format!("{folder}/")),
        None if dockerfile == "Dockerfile" => Some(String::new()),
        _ => None,
    };
    let lowercase = folder.map(|folder| format!("{folder}dockerfile.rego"));
    let paths: Vec<&str> = std::iter::once(path.as_str()).chain(lowercase.as_deref()).collect();
    let Some(opened) = tree.open(build, &paths).await? else { return Ok(None) };
    // Most builds have neither: both are read at once, and not one after the other.
    let (content, lower) = tokio::join!(tree::read(build, &opened, &path, MAX_POLICY_FILE), async {
        match &lowercase {
            Some(lowercase) => tree::read(build, &opened, lowercase, MAX_POLICY_FILE).await,
            None => Ok(None),
        }
    });
    if let Some(content) = content? {
        return Ok(Some((path, content)));
    }
    let (Some(lowercase), Some(content)) = (lowercase, lower?) else { return Ok(None) };
    // It doesn't count beside a `Dockerfile`.
    let named = tree.has(build, dockerfile).await?;
    Ok((!named).then_some((lowercase, content)))
}
