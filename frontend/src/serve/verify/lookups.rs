//! What BuildKit is asked for, and what is looked up without it.

use std::sync::Arc;

use policy_engine::input::Group;
use policy_engine::metadata::{
    HttpWanted, ImageMetadata, ImageSignatures, ImageWanted, Metadata, Request, Wanted,
};
use policy_engine::source::{ImageSource, Source, SourceOp};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::VerifyError;
use super::progress::Progress;
use super::question::{Question, digest_of};
use crate::lookup::ResolveMediaType;
use crate::redact;
use crate::resolve::image::OCI_INDEX;
use crate::resolve::once::OnceMap;
use crate::snapshot;

/// Lookups of one build that may run at a time: a provenance may name thousands of materials.
pub(super) const MAX_LOOKUPS: usize = 16;
/// BuildKit's attribute for the digest that a URL's body must have.
const HTTP_CHECKSUM: &str = "http.checksum";

/// Looks things up, each once in a build; a failure is a result too.
pub(super) struct Lookups<R> {
    resolver: Arc<R>,
    found: OnceMap<Request, Result<Metadata, String>>,
    media_types: OnceMap<String, Result<String, String>>,
    turns: Semaphore,
}

/// How to find out more about the source that BuildKit asks about.
#[derive(Debug)]
pub(super) enum Plan {
    /// BuildKit is asked for these.
    Ask(Wanted),
    /// It was looked up: the source's metadata as far as it is known now.
    Found(Box<Metadata>),
}

impl<R: ResolveMediaType> Lookups<R> {
    pub(super) fn new(resolver: Arc<R>) -> Self {
        Self {
            resolver,
            found: OnceMap::default(),
            media_types: OnceMap::default(),
            turns: Semaphore::new(MAX_LOOKUPS),
        }
    }

    /// How to get what is `wanted` about the source of `question`, of which `known` is known so far.
    ///
    /// BuildKit goes first; what it can't be asked for is looked up once it has said all that it can. It crashes
    /// when it is asked for the attestations of what isn't an OCI index, so it is asked for those only once the
    /// digest is known, and what that digest is.
    pub(super) async fn plan(
        &self,
        question: &Question,
        mut wanted: Wanted,
        known: Option<&Metadata>,
        progress: &Progress,
    ) -> Result<Plan, VerifyError> {
        let own = Own::take(&mut wanted);
        if let Some(known) = known
            && own.is_some()
            && is_known(&wanted, known)
        {
            return Ok(Plan::Found(Box::new(self.with_own(question, own, known.clone()).await)));
        }
        if let Some(http) = &mut wanted.http {
            // It can be asked for one digest over a suffix at a time.
            let known = known.and_then(|known| known.http.as_ref());
            http.checksums.retain(|it| known.is_none_or(|known| known.digest_over(it).is_none()));
            http.checksums.truncate(1);
        }
        let image = wanted.image.clone().unwrap_or_default();
        if !image.attestation_chain && image.attestations.is_empty() {
            return Ok(Plan::Ask(wanted));
        }
        let plain = || Wanted {
            image: Some(ImageWanted { config: true, ..ImageWanted::default() }),
            ..Wanted::default()
        };
        let Ok(Source::Image(source)) = Source::parse(&question.source) else {
            return Err(VerifyError::LayoutAttestations { source_shown: question.shown() });
        };
        let Some(digest) = digest_of(&question.source, known) else { return Ok(Plan::Ask(plain())) };
        let pinned = pinned(&source, &digest)
            .ok_or_else(|| failed(&question.source, format!("its digest is {digest:?}")))?;
        if self.media_type(&pinned).await? == OCI_INDEX {
            progress.expect(question, &digest);
            return Ok(Plan::Ask(wanted));
        }
        let found = known.and_then(|known| known.image.clone()).unwrap_or_default();
        if image.config && found.config.is_none() {
            return Ok(Plan::Ask(plain()));
        }
        let request = Request {
            source: pinned.to_op(),
            platform: question.platform.clone(),
            wanted: Wanted { image: Some(ImageWanted { config: false, ..image }), ..Wanted::default() },
        };
        let found_here = self.one(&request).await?.image.unwrap_or_default();
        let image = ImageMetadata { digest, attestation_chain: found_here.attestation_chain, ..found };
        let metadata = Metadata { image: Some(image), ..Metadata::default() };
        Ok(Plan::Found(Box::new(self.with_own(question, own, metadata).await)))
    }

    /// Adds to what is `known` what BuildKit can't be asked for. A failure is told and is no error: signatures that
    /// are missing only ever lose trust, and who controls the registry can withhold them anyway.
    async fn with_own(&self, question: &Question, own: Own, mut known: Metadata) -> Metadata {
        let cause = |error| match error {
            VerifyError::Lookup { cause, .. } => cause,
            other => other.to_string(),
        };
        let request = |source, wanted| Request { source, platform: question.platform.clone(), wanted };
        let digest = digest_of(&question.source, Some(&known));
        if let (true, Some(image)) = (own.signatures, &mut known.image) {
            let pinned = match (Source::parse(&question.source), digest.as_deref()) {
                (Ok(Source::Image(source)), Some(digest)) => pinned(&source, digest),
                _ => None,
            };
            let found = match pinned {
                Some(pinned) => {
                    let image = ImageWanted { signatures: true, ..ImageWanted::default() };
                    let wanted = Wanted { image: Some(image), ..Wanted::default() };
                    self.one(&request(pinned.to_op(), wanted)).await.map_err(cause)
                }
                None => Err("it has no digest to look for signatures of".to_owned()),
            };
            image.signatures = Some(match found {
                Ok(found) => found.image.and_then(|image| image.signatures).unwrap_or_default(),
                Err(why) => ImageSignatures { unavailable: vec![why], ..ImageSignatures::default() },
            });
        }
        if let Some(http) = &mut known.http {
            for repository in own.repositories {
                // The digest that BuildKit found is believed: nothing is downloaded a second time.
                let mut source = SourceOp::new(&question.source.identifier);
                source.attrs.insert(HTTP_CHECKSUM.to_owned(), http.checksum.clone());
                let github_attestations = vec![repository.clone()];
                let wanted = HttpWanted { github_attestations, ..HttpWanted::default() };
                let wanted = Wanted { http: Some(wanted), ..Wanted::default() };
                let found = self.one(&request(source, wanted)).await.map_err(cause);
                let found = found
                    .map(|found| found.http.map(|mut http| http.github_attestations.remove(&repository)));
                let bundles = found.unwrap_or_else(|why| {
                    http.unavailable.insert(repository.clone(), why);
                    None
                });
                http.github_attestations.insert(repository, bundles.flatten().unwrap_or_default());
            }
        }
        known
    }

    /// Whether the image in question is an OCI index; `None` while its digest is not known.
    pub(super) async fn has_index(
        &self,
        question: &Question,
        progress: &Progress,
    ) -> Result<Option<bool>, VerifyError> {
        let Ok(Source::Image(source)) = Source::parse(&question.source) else { return Ok(Some(false)) };
        let Some(digest) = digest_of(&question.source, question.known.as_ref()) else { return Ok(None) };
        let pinned = pinned(&source, &digest)
            .ok_or_else(|| failed(&question.source, format!("its digest is {digest:?}")))?;
        progress.expect(question, &digest);
        Ok(Some(self.media_type(&pinned).await? == OCI_INDEX))
    }

    async fn media_type(&self, image: &ImageSource) -> Result<String, VerifyError> {
        let ask = async { self.resolver.media_type(image).await.map_err(|error| error.to_string()) };
        let name = image.reference.to_string();
        self.media_types.get(name, ask).await.map_err(|cause| failed(&image.to_op(), cause))
    }

    /// Looks up one source.
    async fn one(&self, request: &Request) -> Result<Metadata, VerifyError> {
        // A provenance may name whatever it likes: nothing of this machine is read for it.
        let is_remote = Source::parse(&request.source)
            .is_ok_and(|source| !matches!(source, Source::Local(_) | Source::OciLayout(_)));
        if !is_remote {
            return Err(failed(&request.source, "it is neither an image, nor a git ref, nor a URL".into()));
        }
        let ask = async {
            let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
            self.resolver.resolve(request).await.map_err(|error| error.to_string())
        };
        self.found.get(request.clone(), ask).await.map_err(|cause| failed(&request.source, cause))
    }

    /// Looks all of it up at once, in the order of the requests.
    pub(super) async fn all(
        self: &Arc<Self>,
        requests: Vec<Request>,
    ) -> Result<Vec<(Request, Metadata)>, VerifyError> {
        let mut running = JoinSet::new();
        for (at, request) in requests.iter().cloned().enumerate() {
            let lookups = Arc::clone(self);
            running.spawn(async move { (at, lookups.one(&request).await) });
        }
        let mut found: Vec<_> = requests.iter().map(|_| None).collect();
        while let Some(done) = running.join_next().await {
            // A task that broke down leaves its place empty.
            if let Ok((at, metadata)) = done {
                found[at] = Some(metadata);
            }
        }
        let broke_down = |request: &Request| Err(failed(&request.source, "the lookup broke down".into()));
        requests
            .into_iter()
            .zip(found)
            .map(|(request, found)| {
                let metadata = found.unwrap_or_else(|| broke_down(&request))?;
                Ok((request, metadata))
            })
            .collect()
    }
}

/// What BuildKit can't be asked for.
struct Own {
    signatures: bool,
    /// GitHub repositories whose attestations of a URL's body are wanted.
    repositories: Vec<String>,
}

impl Own {
    /// Takes it out of what is `wanted`, so that BuildKit can be asked for the rest. With signatures come the
    /// attestations that they may be on.
    fn take(wanted: &mut Wanted) -> Self {
        let signatures = wanted.image.as_mut().is_some_and(|image| {
            image.attestation_chain |= image.signatures;
            std::mem::take(&mut image.signatures)
        });
        let repositories = wanted
            .http
            .as_mut()
            .map(|http| std::mem::take(&mut http.github_attestations))
            .unwrap_or_default();
        Self { signatures, repositories }
    }

    fn is_some(&self) -> bool {
        self.signatures || !self.repositories.is_empty()
    }
}

/// Whether `known` is an answer to `wanted`.
fn is_known(wanted: &Wanted, known: &Metadata) -> bool {
    let answered = policy_engine::input::wanted::<Group>([], Some(known));
    snapshot::Wanted::from(&answered).covers(&snapshot::Wanted::from(wanted))
}

fn failed(source: &SourceOp, cause: String) -> VerifyError {
    VerifyError::Lookup { source_shown: redact::source(source), cause }
}

/// The image by its digest alone, so that no tag can move it.
fn pinned(image: &ImageSource, digest: &str) -> Option<ImageSource> {
    let name = format!("{}@{digest}", image.reference.name());
    ImageSource::parse(&name).ok().filter(|pinned| pinned.reference.digest() == Some(digest))
}
