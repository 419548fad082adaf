//! What a build uses: its sources, each with the places that brought it in.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use policy_engine::source::{ImageSource, Platform, SourceOp};

use super::image_config::ImageConfig;

const IMAGE_SCHEME: &str = "docker-image://";

/// A source that BuildKit would ask policy about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedSource {
    /// The source, with the attributes that BuildKit gives it.
    pub source: SourceOp,
    /// For images: the platform it is loaded for. Where BuildKit names none it is the builder's, which is what a
    /// policy sees. `None` for other sources.
    pub platform: Option<Platform>,
    /// For images that BuildKit asks about again by digest, once it knows it, to load them: that digest
    /// (`sha256:…`). `None` where it doesn't: what is only looked up and never loaded, and named contexts.
    pub digest: Option<String>,
    /// For images: the image that a policy pinned this one to, where one did ([`ResolvedImage::source`]).
    pub pinned: Option<SourceOp>,
    /// What brought it in, in the order of the Dockerfile; empty for what every build loads (its context).
    pub places: Vec<Place>,
}

impl UsedSource {
    /// The source as BuildKit asks about it the second time, when it loads it: an image is asked for by its tag,
    /// and again by tag and digest. `None` where the second question would be the first one again.
    pub fn loaded(&self) -> Option<SourceOp> {
        let image = self.pinned.as_ref().unwrap_or(&self.source);
        let identifier = match (&self.digest, image.identifier.strip_prefix(IMAGE_SCHEME)) {
            (Some(digest), Some(name)) => {
                let reference = ImageSource::parse(name).ok()?.reference.with_digest(digest).ok()?;
                format!("{IMAGE_SCHEME}{reference}")
            }
            _ => image.identifier.clone(),
        };
        (identifier != self.source.identifier).then(|| SourceOp::new(identifier))
    }
}

/// A place in a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as it is shown to the user.
    pub file: Arc<str>,
    /// First line of the instruction, from 1.
    pub line: u32,
    /// Its last line.
    pub end_line: u32,
    /// The instruction as it is written, on one line: `FROM alpine:3.21 AS base`.
    pub instruction: Arc<str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An image that a build starts from, as it was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedImage {
    /// The image that is used: the one that was asked for, or what a policy pinned it to.
    pub source: SourceOp,
    /// `sha256:…` of the manifest or index that it names.
    pub digest: String,
    /// The image config (OCI image spec, `application/vnd.oci.image.config.v1+json`), byte for byte.
    pub config: Bytes,
}

/// What a build comes to, for other builds of bake that have it among their contexts (`target:NAME`): BuildKit asks
/// their policies about everything that it is made of, and what stands in its config holds for them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildResult {
    /// For each platform of the build.
    pub(super) built: Vec<(Platform, Built)>,
}

/// The result for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Built {
    /// What it is made of, as BuildKit asks about it when it is loaded.
    pub(super) sources: Vec<(SourceOp, Option<Platform>)>,
    /// The config of its image.
    pub(super) config: ImageConfig,
}

impl BuildResult {
    /// What is taken for a platform: a result for one platform serves all.
    pub(super) fn for_platform(&self, platform: &Platform) -> Option<&Built> {
        match self.built.as_slice() {
            [(_, only)] => Some(only),
            several => several.iter().find(|(built, _)| built == platform).map(|(_, built)| built),
        }
    }
}

/// Resolves the images that a build starts from. `ONBUILD` triggers stand in their configs, so the sources of a
/// build aren't known before.
pub trait Images: Sync {
    /// The image for a platform; `None` when it can't be resolved: whoever implements this knows why, and the
    /// build's other sources are still found.
    fn resolve(
        &self,
        source: &SourceOp,
        platform: &Platform,
        places: &[Place],
    ) -> impl Future<Output = Option<ResolvedImage>> + Send;

    /// What the target `name` of bake comes to; `None` when there is no such target, or its sources can't be found.
    fn target(&self, name: &str) -> impl Future<Output = Option<Arc<BuildResult>>> + Send;
}

/// The results of bake's targets that a build has among its contexts, by name.
pub(super) type Targets = BTreeMap<String, Arc<BuildResult>>;

/// What the target `name` comes to for a platform.
pub(super) fn built<'a>(targets: &'a Targets, name: &str, platform: &Platform) -> Result<&'a Built, String> {
    let built = targets.get(name).and_then(|result| result.for_platform(platform));
    built.ok_or_else(|| format!("the target `{name}` is not built for {platform}"))
}
