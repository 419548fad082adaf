//! Where answers come from: the network, or a snapshot of what it said.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use policy_engine::metadata::{Metadata, Request};
use policy_engine::source::{ImageSource, SourceOp};
use url::Url;

use super::ResolveError;
use super::http::RedirectCheck;
use super::redact::Redacted;
use crate::lookup::wanted;
use crate::memory_tree::MemoryTree;
use crate::redact;
use crate::snapshot::{self, Recording, Snapshot};

/// Where answers come from.
#[derive(Debug, Clone, Default)]
pub enum Origin {
    /// Registries, repositories and servers.
    #[default]
    Network,
    /// These as well, and what they answer is taken down.
    Recorded(Arc<Recording>),
    /// A snapshot, and nothing else.
    Offline(Arc<Snapshot>),
}

impl Origin {
    /// What `request` wants: by `look_up`, unless a snapshot answers. Redirects are put before `check` in either case.
    pub(super) async fn metadata<F>(
        &self,
        request: &Request,
        check: RedirectCheck,
        look_up: impl FnOnce(RedirectCheck) -> F + Send,
    ) -> Result<Metadata, ResolveError>
    where
        F: Future<Output = Result<Metadata, ResolveError>> + Send,
    {
        match self {
            Self::Network => look_up(check).await,
            Self::Recorded(recording) => {
                let redirects = Arc::new(Redirects::default());
                let found = look_up(redirects.noting(check)).await;
                let result = found.as_ref().map_err(ToString::to_string);
                let targets =
                    std::mem::take(&mut *redirects.targets.lock().unwrap_or_else(PoisonError::into_inner));
                if redirects.refused.load(Ordering::Relaxed) {
                    recording.refused(request, targets, result);
                } else {
                    recording.lookup(request, targets, result);
                }
                found
            }
            Self::Offline(snapshot) => offline(snapshot, request, &check),
        }
    }

    /// The media type of the document that `image` names.
    pub(super) async fn media_type(
        &self,
        image: &ImageSource,
        look_up: impl Future<Output = Result<String, ResolveError>> + Send,
    ) -> Result<String, ResolveError> {
        let name = image.reference.to_string();
        match self {
            Self::Network => look_up.await,
            Self::Recorded(recording) => {
                let found = look_up.await;
                recording.media_type(&name, found.as_deref().map_err(ToString::to_string));
                found
            }
            Self::Offline(snapshot) => match snapshot.media_types.get(&name) {
                Some(answer) => answer.clone().map_err(ResolveError::Recorded),
                None => Err(ResolveError::NotRecorded { what: "media type".to_owned() }),
            },
        }
    }

    /// The files of a git context.
    pub(super) async fn git_files(
        &self,
        source: &SourceOp,
        fetch: impl Future<Output = Result<MemoryTree, ResolveError>> + Send,
    ) -> Result<MemoryTree, ResolveError> {
        match self {
            Self::Network => fetch.await,
            Self::Recorded(recording) => {
                let fetched = fetch.await;
                recording.context(source, fetched.as_ref().map(drop).map_err(ToString::to_string));
                Ok(snapshot::recorded(fetched?, source, recording))
            }
            Self::Offline(snapshot) => match snapshot::replayed(source, snapshot) {
                Some(tree) => tree.map_err(ResolveError::Recorded),
                None => Err(ResolveError::NotRecorded { what: "files of the context".to_owned() }),
            },
        }
    }

    /// What the URL of a context or a Dockerfile delivers.
    pub(super) async fn download(
        &self,
        url: &str,
        fetch: impl Future<Output = Result<Bytes, ResolveError>> + Send,
    ) -> Result<Bytes, ResolveError> {
        match self {
            Self::Network => fetch.await,
            Self::Recorded(recording) => {
                let fetched = fetch.await;
                recording.download(url, fetched.as_ref().map_err(ToString::to_string));
                fetched
            }
            Self::Offline(snapshot) => match snapshot.downloads.get(&redact::url(url)) {
                Some(content) => content.clone().map_err(ResolveError::Recorded),
                None => Err(ResolveError::NotRecorded { what: "content".to_owned() }),
            },
        }
    }
}

fn offline(snapshot: &Snapshot, request: &Request, check: &RedirectCheck) -> Result<Metadata, ResolveError> {
    let Some(found) = snapshot.find(request) else {
        return Err(ResolveError::NotRecorded { what: wanted(request).join(", ") });
    };
    for target in found.redirects {
        let malformed = |_| ResolveError::Recorded(format!("`{target}` in the snapshot is no URL"));
        let refused = check.ask(&Url::parse(target).map_err(malformed)?);
        if let (Err(refused), Ok(_)) = (refused, &found.result) {
            return Err(ResolveError::Redirect { target: refused.target, reason: refused.reason });
        }
    }
    found.result.map_err(|message| ResolveError::Recorded(message.to_owned()))
}

/// The redirects of one lookup.
#[derive(Default)]
struct Redirects {
    /// Where it was redirected to, in order; the last one may have been refused.
    targets: Mutex<Vec<String>>,
    refused: AtomicBool,
}

impl Redirects {
    fn noting(self: &Arc<Self>, check: RedirectCheck) -> RedirectCheck {
        let noted = Arc::clone(self);
        RedirectCheck::new(move |target| {
            let shown = Redacted(target.as_str()).to_string();
            noted.targets.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
            let asked = check.ask(target);
            noted.refused.fetch_or(asked.is_err(), Ordering::Relaxed);
            asked
        })
    }
}
