//! From a build to what its sources are now.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use policy_engine::input::Input;
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::Trust;

use super::{Lock, LockError, add};
use crate::build_options::BuildOptions;
use crate::build_results::{BuildResults, ResultSlot};
use crate::context::{self, Fetch, Stdin};
use crate::dockerfile::{BuildResult, Images, Place, ResolvedImage, UsedSource, discover};
use crate::dry_run::DryRunError;
use crate::inspect::inspect;
use crate::lookup::{self, Resolve, image_config};
use crate::redact;

/// What a policy would read of a source to know what it is.
const FIELDS: [&str; 5] =
    ["image.checksum", "ociLayout.checksum", "git.ref", "git.commitChecksum", "http.checksum"];

/// What a build came to.
#[derive(Debug)]
pub struct Collected {
    /// Its sources.
    pub lock: Lock,
    /// The Dockerfile, as it is shown to the user.
    pub dockerfile: String,
    /// Its path, when it is a file of this machine.
    pub path: Option<PathBuf>,
    /// What may make the build use other sources than these.
    pub warnings: Vec<String>,
}

/// Finds the sources of a build and what they are. No policy is asked: one that pins would only find what is locked
/// already. Must be called on a tokio runtime.
pub async fn collect<R: Resolve + Fetch>(
    options: &BuildOptions,
    resolver: &Arc<R>,
    stdin: &Stdin,
    platform: &Platform,
    results: &BuildResults,
    own: ResultSlot,
) -> Result<Collected, LockError> {
    let context = context::open(options, &**resolver, stdin).await.map_err(DryRunError::from)?;
    let build = context.build(options, platform);
    let found = discover(&build, &Unjudged { resolver, results }).await.map_err(DryRunError::from)?;
    own.set(found.result);
    let warnings = found.warnings.into_iter().map(|warning| match warning.place {
        Some(place) => format!("{place}: {}", warning.message),
        None => warning.message,
    });
    let mut lock = Lock::default();
    // All at once; the first failure in the order of the Dockerfile is the one reported.
    for locked in join_all(found.sources.iter().map(|used| one(used, resolver))).await {
        lock.merge(locked?)?;
    }
    Ok(Collected {
        lock,
        dockerfile: context.dockerfile.name.clone(),
        path: context.dockerfile.path.clone(),
        warnings: warnings.collect(),
    })
}

/// A lock of one source; empty for a folder.
async fn one<R: Resolve>(used: &UsedSource, resolver: &Arc<R>) -> Result<Lock, LockError> {
    let fields = FIELDS.map(str::to_owned);
    let input = inspect(&used.source, used.platform.as_ref(), &fields, &Trust::default(), resolver, |_| {})
        .await?
        .input;
    let mut lock = Lock::default();
    if let Some((entries, name, value)) = entry(&mut lock, input) {
        if redact::url(&name) != name {
            return Err(LockError::Credentials(redact::url(&name)));
        }
        if value.is_empty() {
            return Err(LockError::Nothing(redact::source(&used.source)));
        }
        add(entries, name, value)?;
    }
    Ok(lock)
}

/// Where an entry belongs, its name and its value; `None` for a folder.
fn entry(
    lock: &mut Lock,
    input: Input,
) -> Option<(&mut std::collections::BTreeMap<String, String>, String, String)> {
    if let Some(image) = input.image {
        return Some((&mut lock.images, image.r#ref, image.content.checksum));
    }
    if let Some(layout) = input.oci_layout {
        return Some((&mut lock.images, format!("oci-layout://{}", layout.r#ref), layout.content.checksum));
    }
    if let Some(git) = input.git {
        return Some((&mut lock.git, format!("{}#{}", git.remote, git.r#ref), git.commit_checksum));
    }
    input.http.map(|http| (&mut lock.http, http.url, http.checksum))
}

/// Images as they are, whatever policies say.
struct Unjudged<'a, R> {
    resolver: &'a Arc<R>,
    results: &'a BuildResults,
}

impl<R: Resolve> Images for Unjudged<'_, R> {
    async fn resolve(
        &self,
        source: &SourceOp,
        platform: &Platform,
        _places: &[Place],
    ) -> Option<ResolvedImage> {
        let request = image_config(source, platform);
        // A failure is met again, and told, when the source itself is locked.
        let found = lookup::all(self.resolver, std::slice::from_ref(&request), || {}).await.ok()?;
        let image = found.into_iter().next()?.image?;
        Some(ResolvedImage { source: request.source, digest: image.digest, config: image.config? })
    }

    async fn target(&self, name: &str) -> Option<Arc<BuildResult>> {
        self.results.get(name).await
    }
}
