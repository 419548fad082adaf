//! One resolver for every kind of source.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use policy_engine::metadata::{HttpMetadata, Metadata, Request, Wanted};
use policy_engine::source::{
    ATTR_OCI_STORE, GitSource as GitOp, HttpSource as HttpOp, ImageSource, OciLayoutSource, Redacted, Source,
    SourceError, SourceOp,
};
use tokio::sync::Semaphore;

use super::git::{GitError, GitOptions, GitResolver, GitSource};
use super::github::{GithubError, GithubOptions, GithubResolver};
use super::http::{HttpError, HttpOptions, HttpResolver, HttpSource, RedirectCheck};
use super::image::{Artifact, ClientCredentials, CredentialOptions, ImageError, ImageName, ImageResolver};
use super::judge::{Judge, Trial};
use super::oci_layout::{self, LayoutName};
use super::origin::Origin;
use super::shared::SharedLookups;
use super::transport::{ByteLimit, Transport, TransportError, TransportOptions};
use crate::cache::Cache;
use crate::lookup::{Resolve, ResolveJudged, ResolveMediaType};
use crate::memory_tree::MemoryTree;

/// Lookups under way at a time; more wait for their turn.
const MAX_LOOKUPS: usize = 64;

/// Looks things up in registries, repositories, layouts and on servers.
pub struct Resolver {
    network: Arc<Network>,
    judge: Option<Arc<Judge>>,
}

/// What all sources of a run share.
struct Network {
    settings: Settings,
    // Reading the trust roots takes a while, so nobody pays for it who doesn't go out.
    clients: OnceLock<Result<Clients, TransportError>>,
    shared: SharedLookups,
    /// Bodies of URLs, without what others say of them.
    bodies: SharedLookups,
    turns: Semaphore,
}

#[derive(Clone, Default)]
struct Settings {
    origin: Origin,
    options: TransportOptions,
    client: Option<Arc<dyn ClientCredentials>>,
    cache: Option<Arc<Cache>>,
    /// Asked about redirects of git servers and of URLs, where no judge is.
    redirects: RedirectCheck,
    /// As the environment says if `None`.
    github: Option<GithubOptions>,
}

struct Clients {
    transport: Transport,
    images: ImageResolver,
    github: GithubResolver,
}

/// Why something could not be looked up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The source is malformed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The HTTP client could not be set up.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A registry or a layout didn't deliver.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A repository didn't deliver.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A server didn't deliver.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// GitHub didn't deliver.
    #[error(transparent)]
    Github(#[from] GithubError),
    /// A redirect led where no policy allows it.
    #[error("the redirect to {target} is refused: {reason}")]
    Redirect {
        /// Where it leads, without credentials.
        target: String,
        /// Why it is refused.
        reason: String,
    },
    /// A policy denies where the source redirects to.
    #[error("{}", .0.join("\n"))]
    Denied(Vec<String>),
    /// There is nothing to be looked up about such a source.
    #[error("a local folder has no metadata to look up")]
    Local,
    /// It failed when the snapshot was taken.
    #[error("{0}")]
    Recorded(String),
    /// The snapshot doesn't say.
    #[error("the snapshot does not say ({what}); capture it again with `--snapshot` in place of `--offline`")]
    NotRecorded {
        /// What it doesn't say: `digest, image config`.
        what: String,
    },
    /// A lookup failed that others asked for, too.
    #[error(transparent)]
    Shared(Arc<ResolveError>),
}

impl Resolver {
    /// A resolver that has not opened, read or connected anything yet. Redirects of the source that `judge`
    /// names are followed only where its policies allow them.
    pub fn new(options: TransportOptions, judge: Option<Judge>) -> Self {
        let settings = Settings { options, ..Settings::default() };
        Self { network: Arc::new(Network::new(settings)), judge: judge.map(Arc::new) }
    }

    /// Asks `client` for credentials where our own configuration has none for a registry. Shares nothing with
    /// what `self` looked up before.
    #[must_use]
    pub fn with_client_credentials(self, client: Arc<dyn ClientCredentials>) -> Self {
        self.with_settings(|settings| settings.client = Some(client))
    }

    /// Takes answers from `origin`. Shares nothing with what `self` looked up before.
    #[must_use]
    pub fn with_origin(self, origin: Origin) -> Self {
        self.with_settings(|settings| settings.origin = origin)
    }

    /// Keeps content by digest in `cache`. Shares nothing with what `self` looked up before.
    #[must_use]
    pub fn with_cache(self, cache: Option<Arc<Cache>>) -> Self {
        self.with_settings(|settings| settings.cache = cache)
    }

    /// Follows redirects of git servers and of URLs where `redirects` allows them. Shares nothing with what `self` looked
    /// up before.
    #[must_use]
    pub fn with_redirects(self, redirects: RedirectCheck) -> Self {
        self.with_settings(|settings| settings.redirects = redirects)
    }

    /// Reaches GitHub's API in this way. Shares nothing with what `self` looked up before.
    #[must_use]
    pub fn with_github(self, github: GithubOptions) -> Self {
        self.with_settings(|settings| settings.github = Some(github))
    }

    fn with_settings(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.network.settings.clone();
        change(&mut settings);
        Self { network: Arc::new(Network::new(settings)), judge: self.judge }
    }

    /// The files of the commit that a `git://` source names now, of its folder if it names one.
    pub async fn git_files(&self, source: &SourceOp) -> Result<MemoryTree, ResolveError> {
        let network = &self.network;
        let fetch = async {
            let Source::Git(git) = Source::parse(source)? else {
                return Err(ResolveError::Source(not_git(source)));
            };
            let subdir = git.subdir.clone();
            let redirects = network.settings.redirects.clone();
            let options = GitOptions { redirects, ..GitOptions::default() };
            let resolver = GitResolver::new(network.clients()?.transport.clone(), options);
            Ok(resolver.files(&git_source(source, git), &subdir).await?)
        };
        network.settings.origin.git_files(source, fetch).await
    }

    /// What an http(s) URL delivers now.
    pub async fn download(&self, url: &str, limit: ByteLimit) -> Result<Bytes, ResolveError> {
        let network = &self.network;
        let fetch = async {
            let resolver = HttpResolver::new(network.clients()?.transport.clone(), HttpOptions::default());
            let source = HttpSource { url: url.to_owned(), ..HttpSource::default() };
            Ok(resolver.download(&source, limit).await?)
        };
        network.settings.origin.download(url, fetch).await
    }

    /// The artifact that `image` names, with its digest and its manifest. Always asks the network.
    pub async fn artifact(&self, image: &ImageSource) -> Result<(String, Bytes, Artifact), ResolveError> {
        Ok(Box::pin(self.network.clients()?.images.artifact(&image_name(image)?)).await?)
    }

    /// Uploads an artifact under the name of `image`; its manifest's digest.
    pub async fn push(&self, image: &ImageSource, artifact: &Artifact) -> Result<String, ResolveError> {
        Ok(Box::pin(self.network.clients()?.images.push(&image_name(image)?, artifact)).await?)
    }

    async fn look_up(&self, request: &Request, trial: Option<&Trial>) -> Result<Metadata, ResolveError> {
        let network = &self.network;
        let parsed = Source::parse(&request.source)?;
        // Images are shared by their resolver, in parts.
        let shared = matches!(parsed, Source::Git(_) | Source::Http(_));
        let look_up = |redirects: RedirectCheck| async move {
            // On the heap: its state is big, and part of the state of everything that waits for it.
            let ask = |redirects| Box::pin(network.look_up(request, parsed, redirects));
            network.settings.origin.metadata(request, redirects, ask).await
        };
        if shared {
            let judge = trial.map_or_else(|| network.settings.redirects.clone(), Trial::check);
            network.shared.get(request, &judge, look_up).await
        } else {
            look_up(RedirectCheck::default()).await
        }
    }
}

impl Network {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            clients: OnceLock::new(),
            shared: SharedLookups::default(),
            bodies: SharedLookups::default(),
            turns: Semaphore::new(MAX_LOOKUPS),
        }
    }

    async fn look_up(
        &self,
        request: &Request,
        parsed: Source,
        redirects: RedirectCheck,
    ) -> Result<Metadata, ResolveError> {
        let Request { source, platform, wanted } = request;
        let mut metadata = Metadata::default();
        match parsed {
            Source::Image(image) => {
                let (name, wanted) = (image_name(&image)?, wanted.image.clone().unwrap_or_default());
                let images = &self.clients()?.images;
                metadata.image = Some(images.resolve(&name, platform.as_ref(), &wanted).await?);
            }
            Source::OciLayout(layout) => {
                let (name, wanted) = (layout_name(source, layout), wanted.image.clone().unwrap_or_default());
                metadata.image = Some(oci_layout::resolve(&name, platform.as_ref(), &wanted).await?);
            }
            Source::Git(git) => {
                let options = GitOptions { redirects, ..GitOptions::default() };
                let resolver = GitResolver::new(self.clients()?.transport.clone(), options);
                let wanted = wanted.git.clone().unwrap_or_default();
                metadata.git = Some(resolver.resolve(&git_source(source, git), &wanted).await?);
            }
            Source::Http(http) => {
                metadata.http = Some(self.look_up_url(request, http, redirects).await?);
            }
            Source::Local(_) => return Err(ResolveError::Local),
        }
        Ok(metadata)
    }

    /// A body, downloaded once whoever is asked about it, and what GitHub attests of it.
    async fn look_up_url(
        &self,
        request: &Request,
        http: HttpOp,
        redirects: RedirectCheck,
    ) -> Result<HttpMetadata, ResolveError> {
        let mut wanted = request.wanted.http.clone().unwrap_or_default();
        let repositories = std::mem::take(&mut wanted.github_attestations);
        let source = http_source(&request.source, http);
        let body =
            Request { wanted: Wanted { http: Some(wanted.clone()), ..Wanted::default() }, ..request.clone() };
        let download = |redirects| async move {
            let options = HttpOptions { redirects, ..HttpOptions::default() };
            let resolver = HttpResolver::new(self.clients()?.transport.clone(), options);
            let http = Some(resolver.resolve(&source, &wanted).await?);
            Ok(Metadata { http, ..Metadata::default() })
        };
        let mut found = self.bodies.get(&body, &redirects, download).await?.http.unwrap_or_default();
        for repository in repositories {
            let bundles = self.clients()?.github.attestations(&repository, &found.checksum).await?;
            found.github_attestations.insert(repository, bundles);
        }
        Ok(found)
    }

    fn clients(&self) -> Result<&Clients, TransportError> {
        let clients = || Clients::new(self.settings.clone());
        self.clients.get_or_init(clients).as_ref().map_err(Clone::clone)
    }
}

impl Clients {
    fn new(settings: Settings) -> Result<Self, TransportError> {
        let Settings { options, client, cache, github, .. } = settings;
        let transport = Transport::new(options)?;
        let credentials = CredentialOptions { client, ..CredentialOptions::from_environment() };
        let images = ImageResolver::new(transport.clone(), credentials).with_cache(cache);
        let github =
            GithubResolver::new(transport.clone(), github.unwrap_or_else(GithubOptions::from_environment));
        Ok(Self { transport, images, github })
    }
}

impl Resolve for Resolver {
    type Error = ResolveError;

    async fn resolve(&self, request: &Request) -> Result<Metadata, ResolveError> {
        // Never closed, so there is always a turn to come.
        let _turn = self.network.turns.acquire().await;
        let trial = Trial::of(self.judge.as_ref(), &request.source);
        let found = self.look_up(request, trial.as_ref()).await;
        let Some(trial) = trial else { return found };
        let settled = found.and_then(|found| trial.settle(&found).map(|()| found));
        match trial.denial() {
            Some(messages) => Err(ResolveError::Denied(messages)),
            None => settled,
        }
    }

    fn denial(error: &ResolveError) -> Option<&[String]> {
        match error {
            ResolveError::Denied(messages) => Some(messages),
            _ => None,
        }
    }
}

impl ResolveJudged for Resolver {
    fn judged_by(&self, judge: Judge) -> Self {
        Self { network: Arc::clone(&self.network), judge: Some(Arc::new(judge)) }
    }
}

impl ResolveMediaType for Resolver {
    async fn media_type(&self, image: &ImageSource) -> Result<String, ResolveError> {
        let network = &self.network;
        let ask = async { Ok(network.clients()?.images.media_type(&image_name(image)?).await?) };
        network.settings.origin.media_type(image, ask).await
    }
}

fn not_git(source: &SourceOp) -> SourceError {
    let scheme = source.identifier.split("://").next().unwrap_or_default().to_owned();
    SourceError::UnsupportedScheme { scheme, identifier: Redacted(&source.identifier).to_string() }
}

fn image_name(image: &ImageSource) -> Result<ImageName, ImageError> {
    ImageName::new(
        image.registry(),
        image.repository(),
        image.tag_or_latest().map(str::to_owned),
        image.reference.digest().map(str::to_owned),
    )
}

/// In a build the source has the name of an image, and only the attribute says where the layout lies.
fn layout_name(op: &SourceOp, layout: OciLayoutSource) -> LayoutName {
    let path = op.attrs.get(ATTR_OCI_STORE).cloned().unwrap_or(layout.name);
    LayoutName { path: PathBuf::from(path), tag: layout.tag, digest: layout.digest }
}

fn git_source(op: &SourceOp, git: GitOp) -> GitSource {
    let is_set = |attribute: &str| op.attrs.get(attribute).is_some_and(|value| value == "true");
    GitSource {
        remote: git.full_url.unwrap_or(git.url.remote),
        reference: git.reference,
        checksum: git.checksum.unwrap_or_default(),
        keep_git_dir: is_set("git.keepgitdir"),
        fetch_by_commit: is_set("git.fetchbycommit"),
    }
}

fn http_source(op: &SourceOp, http: HttpOp) -> HttpSource {
    let attribute = |name: &str| op.attrs.get(name).cloned();
    HttpSource {
        url: http.url,
        checksum: attribute("http.checksum"),
        accept: attribute("http.header.accept"),
        user_agent: attribute("http.header.user-agent"),
        authorization: None,
    }
}

#[cfg(test)]
mod tests;
