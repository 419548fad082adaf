//! One resolver for every kind of source.

use std::path::PathBuf;
use std::sync::OnceLock;

use policy_engine::metadata::{GitWanted, ImageWanted, Metadata, Request};
use policy_engine::source::{
    GitSource as GitOp, ImageSource, OciLayoutSource, Source, SourceError, SourceOp,
};

use super::git::{GitError, GitOptions, GitResolver, GitSource};
use super::image::{CredentialOptions, ImageError, ImageName, ImageResolver};
use super::oci_layout::{self, LayoutName};
use super::transport::{Transport, TransportError, TransportOptions};
use crate::decide::Resolve;

/// Looks things up in registries, repositories, layouts and on servers.
pub struct Resolver {
    options: TransportOptions,
    // Reading the trust roots takes a while, so nobody pays for it who doesn't go out.
    network: OnceLock<Result<Network, TransportError>>,
}

struct Network {
    images: ImageResolver,
    git: GitResolver,
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
    /// There is nothing to be looked up about such a source.
    #[error("a local folder has no metadata to look up")]
    Local,
}

impl Resolver {
    /// A resolver that has not opened, read or connected anything yet.
    pub fn new(options: TransportOptions) -> Self {
        Self { options, network: OnceLock::new() }
    }

    fn network(&self) -> Result<&Network, TransportError> {
        self.network.get_or_init(|| Network::new(self.options.clone())).as_ref().map_err(Clone::clone)
    }
}

impl Network {
    fn new(options: TransportOptions) -> Result<Self, TransportError> {
        let transport = Transport::new(options)?;
        Ok(Self {
            images: ImageResolver::new(transport.clone(), CredentialOptions::from_environment()),
            git: GitResolver::new(transport, GitOptions::default()),
        })
    }
}

impl Resolve for Resolver {
    type Error = ResolveError;

    async fn resolve(&self, request: &Request) -> Result<Metadata, ResolveError> {
        let Request { source, platform, wanted } = request;
        let mut metadata = Metadata::default();
        match Source::parse(source)? {
            Source::Image(image) => {
                let wanted = wanted.image.clone().unwrap_or_default();
                let name = image_name(&image)?;
                metadata.image = Some(self.network()?.images.resolve(&name, platform.as_ref(), &wanted).await?);
            }
            Source::OciLayout(layout) => {
                let wanted: ImageWanted = wanted.image.clone().unwrap_or_default();
                let found = oci_layout::resolve(&layout_name(layout), platform.as_ref(), &wanted).await?;
                metadata.image = Some(found);
            }
            Source::Git(git) => {
                let wanted: GitWanted = wanted.git.clone().unwrap_or_default();
                metadata.git = Some(self.network()?.git.resolve(&git_source(source, git), &wanted).await?);
            }
            Source::Http(_) => {}
            Source::Local(_) => return Err(ResolveError::Local),
        }
        Ok(metadata)
    }
}

fn image_name(image: &ImageSource) -> Result<ImageName, ImageError> {
    ImageName::new(
        image.registry(),
        image.repository(),
        image.tag_or_latest().map(str::to_owned),
        image.reference.digest().map(str::to_owned),
    )
}

fn layout_name(layout: OciLayoutSource) -> LayoutName {
    LayoutName { path: PathBuf::from(layout.name), tag: layout.tag, digest: layout.digest }
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
