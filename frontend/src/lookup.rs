//! Looking up what somebody needs to know about sources, all of it at once.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use policy_engine::metadata::{ImageWanted, Metadata, Request, Wanted};
use policy_engine::source::{ImageSource, Platform, SourceOp};

use crate::redact;
use crate::resolve::Judge;

/// After this, a lookup is slow enough to be worth a word.
const SLOW: Duration = Duration::from_secs(1);

/// Finds out what is to be known about a source.
pub trait Resolve: Send + Sync + 'static {
    /// Why something could not be found out.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Delivers everything that `request` wants, or fails.
    fn resolve(&self, request: &Request) -> impl Future<Output = Result<Metadata, Self::Error>> + Send;

    /// The messages of a policy that denied what was met on the way, when that is why a lookup failed.
    fn denial(error: &Self::Error) -> Option<&[String]>;
}

/// Resolves for many sources of a run, and shares what it finds among them.
pub trait ResolveJudged: Resolve + Sized {
    /// The same, for the source that `judge` names: redirects are followed only where its policies allow them.
    #[must_use]
    fn judged_by(&self, judge: Judge) -> Self;
}

/// Finds out of what kind an image's document is.
pub trait ResolveMediaType: Resolve {
    /// The media type of the manifest or index that `image` names, as its registry calls it.
    fn media_type(&self, image: &ImageSource) -> impl Future<Output = Result<String, Self::Error>> + Send;
}

/// Why lookups came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// A resolver failed.
    #[error("cannot resolve `{source_shown}`: {cause}")]
    Failed {
        /// The source, fit to be shown.
        source_shown: String,
        /// What went wrong.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A policy denied what was met on the way: these are its messages.
    #[error("denied by policy: {}", .0.join("; "))]
    Denied(Vec<String>),
    /// The thread for lookups could not be started.
    #[error("cannot start looking up metadata: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Runs what looks things up to its end. One thread is enough: lookups wait for the network, and blocking work has
/// threads of its own.
pub fn block_on<F: Future>(lookups: F) -> std::io::Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(lookups))
}

/// Looks all of it up at once, and calls `slow` when that takes more than a second. The first failure, in the order
/// of the requests, is the one reported. Must be called on a tokio runtime.
pub async fn all<R: Resolve>(
    resolver: &Arc<R>,
    requests: &[Request],
    slow: impl FnOnce() + Send,
) -> Result<Vec<Metadata>, LookupError> {
    let lookups: Vec<_> = requests
        .iter()
        .map(|request| {
            let (resolver, request) = (Arc::clone(resolver), request.clone());
            tokio::spawn(async move { resolver.resolve(&request).await })
        })
        .collect();
    let mut found = pin!(async {
        let mut found = Vec::with_capacity(requests.len());
        for (request, lookup) in requests.iter().zip(lookups) {
            let failed = |cause| LookupError::Failed { source_shown: redact::source(&request.source), cause };
            let metadata = lookup.await.map_err(|error| failed(error.into()))?;
            found.push(metadata.map_err(|error| match R::denial(&error) {
                Some(messages) => LookupError::Denied(messages.to_vec()),
                None => failed(error.into()),
            })?);
        }
        Ok(found)
    });
    if let Ok(done) = tokio::time::timeout(SLOW, found.as_mut()).await {
        return done;
    }
    slow();
    found.await
}

/// What asks for an image's digest and config.
pub fn image_config(source: &SourceOp, platform: &Platform) -> Request {
    let image = ImageWanted { config: true, ..ImageWanted::default() };
    Request {
        source: source.clone(),
        platform: Some(platform.clone()),
        wanted: Wanted { image: Some(image), ..Wanted::default() },
    }
}

/// What is looked up, in words: `docker-image://… (image config, attestation chain)`.
pub fn describe(requests: &[Request]) -> String {
    requests.iter().map(describe_one).collect::<Vec<_>>().join(", ")
}

/// One request in words.
pub fn describe_one(request: &Request) -> String {
    format!("{} ({})", redact::source(&request.source), wanted(request).join(", "))
}

/// The groups of metadata that a request wants, in words.
pub fn wanted(request: &Request) -> Vec<String> {
    let mut groups = Vec::new();
    if let Some(image) = &request.wanted.image {
        groups.push("digest".to_owned());
        if image.config {
            groups.push("image config".to_owned());
        }
        if image.attestation_chain {
            groups.push("attestation chain".to_owned());
        }
        if image.signatures {
            groups.push("signatures".to_owned());
        }
        groups.extend(image.attestations.iter().map(|kind| format!("attestation {kind}")));
    }
    if let Some(git) = &request.wanted.git {
        groups.push("git ref".to_owned());
        if git.objects {
            groups.push("git objects".to_owned());
        }
    }
    if let Some(http) = &request.wanted.http {
        groups.push("http checksum".to_owned());
        groups.extend(http.checksums.iter().map(|it| format!("{} with suffix", it.algorithm.name())));
        groups.extend(http.github_attestations.iter().map(|it| format!("attestations of github.com/{it}")));
    }
    groups
}
