//! Getting the files of a place.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use policy_engine::metadata::{GitWanted, Request, Wanted};
use policy_engine::policy::{PolicyFile, PolicyRoot};
use policy_engine::source::{ImageSource, SourceOp};
use policy_engine::verify::Trust;

use super::signatures::{of_artifact, of_commit};
use super::{DistributionError, Files, ListedPlace, Place, Signatory, layout};
use crate::cache::Cache;
use crate::lookup::Resolve;
use crate::resolve::http::{RedirectCheck, RedirectRefused};
use crate::resolve::image::Artifact;
use crate::resolve::transport::TransportOptions;
use crate::resolve::{Origin, ResolveError, Resolver};

/// Gets files from places: from the cache where it has them, else over the network unless that is off.
#[derive(Debug, Clone, Default)]
pub struct Fetcher {
    /// How servers are reached.
    pub transport: TransportOptions,
    /// What never changes is kept here.
    pub cache: Option<Arc<Cache>>,
    /// Ask nobody.
    pub offline: bool,
    /// Where what is read goes, or comes from: a snapshot.
    pub origin: Origin,
    /// Whom certificates are trusted to.
    pub trust: Arc<Trust>,
    /// Nothing else is asked for; `None` is anything. Blob storage and token servers of registries, which are others'
    /// hosts, count as the registry.
    pub listed: Option<Arc<[ListedPlace]>>,
    /// How long one place may take; `None` is as long as its servers may.
    pub timeout: Option<Duration>,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The place, pinned to what it is now.
    pub place: Place,
    /// Its files.
    pub files: Files,
    /// Of an artifact that must be signed, the digest of the signature's manifest.
    pub signature: Option<String>,
}

/// What a place is held to beside its pin.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held<'a> {
    /// Digest of its files.
    pub files: Option<&'a str>,
    /// Who must have signed it.
    pub signatory: Option<&'a Signatory>,
    /// The signature that counted when it was pinned: another one is fine, but this one may be in the cache.
    pub signature: Option<&'a str>,
    /// The place as it was named before it was pinned: a tag of git may be what is signed.
    pub named: Option<&'a Place>,
}

impl Fetcher {
    /// The files of a place, which need not be pinned: for `bundle lock` and its like. Blocks.
    pub fn fetch(&self, place: &Place, held: Held<'_>) -> Result<Fetched, DistributionError> {
        let fetched = match place {
            Place::Folder(path) if held.signatory.is_none() => {
                let files = folder(Path::new(path))?;
                Ok(Fetched { place: place.clone(), files, signature: None })
            }
            Place::Folder(_) => {
                let reason = "nobody signs a folder".to_owned();
                return Err(DistributionError::Signatory { place: place.to_string(), reason });
            }
            Place::Oci(image) => {
                self.blocking(place, |resolver| self.artifact(image.clone(), held, resolver))
            }
            Place::Git(source) => {
                self.blocking(place, |resolver| self.commit(place.clone(), source.clone(), held, resolver))
            }
        }?;
        if fetched.files.is_empty() && place.is_remote() {
            let reason = "there are no policies in it".to_owned();
            return Err(DistributionError::Files { place: place.to_string(), reason });
        }
        check_digest(place, &fetched.files, held.files)?;
        Ok(fetched)
    }

    /// The files of a pinned place. Blocks.
    pub fn pinned(&self, place: &Place, held: Held<'_>) -> Result<Fetched, DistributionError> {
        if place.is_remote() && place.pin().is_none() {
            return Err(DistributionError::Unpinned(place.to_string()));
        }
        if let Origin::Offline(snapshot) = &self.origin
            && let Some(files) = snapshot.policies.get(&place.to_string())
        {
            return self.recorded(place, files, held);
        }
        let fetched = self.now(place, held)?;
        if let Origin::Recorded(recording) = &self.origin
            && place.is_remote()
        {
            recording.policies(&place.to_string(), &fetched.files);
        }
        Ok(fetched)
    }

    /// What a snapshot has of a place. Who wrote it is believed what the files of a pin were, but not that somebody signed
    /// them: a signature is of the pin, and only the lock says which files that has.
    fn recorded(&self, place: &Place, files: &Files, held: Held<'_>) -> Result<Fetched, DistributionError> {
        if held.signatory.is_some() && held.files.is_none() {
            let reason = "a snapshot's files are signed only if the lock has their digest: run `policy-check bundle lock`";
            return Err(DistributionError::Files { place: place.to_string(), reason: reason.to_owned() });
        }
        let signature = match (place, held.signatory) {
            (_, None) | (Place::Folder(_), _) => None,
            (Place::Oci(image), Some(signatory)) => {
                let verified = self.blocking(place, |_| async move {
                    let resolver = self.resolver_of_signatures();
                    of_artifact(image, signatory, None, &self.trust, None, Some(&resolver)).await
                });
                Some(verified?)
            }
            (Place::Git(_), Some(signatory)) => {
                self.blocking(place, |_| async move {
                    of_commit(place, held.named, signatory, &self.resolver_of_signatures()).await
                })?;
                None
            }
        };
        check_digest(place, files, held.files)?;
        Ok(Fetched { place: place.clone(), files: files.clone(), signature })
    }

    /// What a pinned place has now: from the cache where that is enough.
    fn now(&self, place: &Place, held: Held<'_>) -> Result<Fetched, DistributionError> {
        // Nothing ties the files of an archive to a pin. Those of an artifact are kept by it.
        if matches!(place, Place::Git(_))
            && held.signatory.is_none()
            && let (Some(cache), Some(digest)) = (&self.cache, held.files)
            && let Some(archive) = cache.get(digest)
        {
            let refused = |reason| DistributionError::Files { place: place.to_string(), reason };
            let files = Files::in_archive(&archive).map_err(refused)?;
            return Ok(Fetched { place: place.clone(), files, signature: None });
        }
        let fetched = self.fetch(place, held)?;
        if held.files.is_some() {
            self.keep(place, &fetched.files);
        }
        Ok(fetched)
    }

    /// Keeps the files of a repository for runs that know their digest.
    pub fn keep(&self, place: &Place, files: &Files) {
        if let (Some(cache), Place::Git(_)) = (&self.cache, place) {
            cache.put(&files.digest(), &files.archive());
        }
    }

    /// The policy at a pinned place, and where it imports from. Blocks.
    pub fn policy(
        &self,
        place: &Place,
        files: &Files,
    ) -> Result<(Vec<PolicyFile>, Arc<dyn PolicyRoot>), DistributionError> {
        let refused = |reason| DistributionError::Files { place: place.to_string(), reason };
        let policy = files.policy(&place.to_string()).map_err(refused)?;
        if policy.is_empty() {
            return Err(refused(
                "there is no file of `package docker` in it, which would be a policy".to_owned(),
            ));
        }
        Ok((policy, Arc::new(files.root())))
    }

    /// Uploads an artifact; its digest. Blocks.
    pub fn push(&self, image: &ImageSource, artifact: &Artifact) -> Result<String, DistributionError> {
        let place = Place::Oci(image.clone());
        self.blocking(&place, |resolver| async move {
            resolver.push(image, artifact).await.map_err(|error| failed(&Place::Oci(image.clone()), error))
        })
    }

    async fn artifact(
        &self,
        image: ImageSource,
        held: Held<'_>,
        resolver: Arc<Resolver>,
    ) -> Result<Fetched, DistributionError> {
        let place = Place::Oci(image.clone());
        let cached = match (&self.cache, image.reference.digest()) {
            (Some(cache), Some(digest)) => {
                let digest = digest.to_owned();
                off_thread(cache, move |cache| Artifact::cached(cache, &digest)).await.flatten()
            }
            _ => None,
        };
        let (place, artifact) = match cached {
            Some(artifact) => (place, artifact),
            None if self.offline => return Err(DistributionError::Offline(place.to_string())),
            None => {
                let found = resolver.artifact(&image).await.map_err(|error| failed(&place, error))?;
                let (digest, manifest, artifact) = found;
                if let Some(cache) = &self.cache {
                    let digest = digest.clone();
                    off_thread(cache, move |cache| cache.put(&digest, &manifest)).await;
                }
                (place.pinned_to(&digest)?, artifact)
            }
        };
        let signature = match (held.signatory, &place) {
            (Some(signatory), Place::Oci(pinned)) => {
                let resolver = self.resolver_of_signatures();
                let online = (!self.offline).then_some(&resolver);
                // What is recorded must be looked up.
                let known = held.signature.filter(|_| !matches!(self.origin, Origin::Recorded(_)));
                let cache = self.cache.as_ref();
                Some(of_artifact(pinned, signatory, known, &self.trust, cache, online).await?)
            }
            _ => None,
        };
        match layout::unpack(&artifact) {
            Ok(files) => Ok(Fetched { place, files, signature }),
            Err(reason) => Err(DistributionError::Files { place: place.to_string(), reason }),
        }
    }

    /// The commit is found first, and then its files are asked for by its id, which they are held to.
    async fn commit(
        &self,
        named: Place,
        source: SourceOp,
        held: Held<'_>,
        resolver: Arc<Resolver>,
    ) -> Result<Fetched, DistributionError> {
        if self.offline {
            return Err(DistributionError::Offline(named.to_string()));
        }
        let place = if named.pin().is_some() {
            named.clone()
        } else {
            let wanted = Wanted { git: Some(GitWanted::default()), ..Wanted::default() };
            let request = Request { source, platform: None, wanted };
            let found = resolver.resolve(&request).await.map_err(|error| failed(&named, error))?;
            let found = found.git.unwrap_or_default();
            let commit =
                if found.commit_checksum.is_empty() { found.checksum } else { found.commit_checksum };
            named.pinned_to(&commit)?
        };
        if let Some(signatory) = held.signatory {
            let signatures = self.resolver_of_signatures();
            of_commit(&place, held.named.or(Some(&named)), signatory, &signatures).await?;
        }
        let Place::Git(source) = &place else { return Err(DistributionError::Unpinned(place.to_string())) };
        let tree = resolver.git_files(source).await.map_err(|error| failed(&place, error))?;
        match Files::in_tree(&tree) {
            Ok(files) => Ok(Fetched { place, files, signature: None }),
            Err(reason) => Err(DistributionError::Files { place: place.to_string(), reason }),
        }
    }

    fn resolver(&self) -> Resolver {
        let resolver = Resolver::new(self.transport.clone(), None).with_cache(self.cache.clone());
        match self.listed.clone() {
            Some(listed) => resolver.with_redirects(RedirectCheck::new(move |target| {
                let refused =
                    || RedirectRefused::new(target, "it leads out of the list of `--libraries-from`");
                listed.iter().any(|listed| listed.covers_url(target)).then_some(()).ok_or_else(refused)
            })),
            None => resolver,
        }
    }

    /// Signatures are lookups like others: they go to snapshots, and come from them.
    fn resolver_of_signatures(&self) -> Resolver {
        self.resolver().with_origin(self.origin.clone())
    }

    /// Runs what waits for the network on a thread of its own: this one may belong to a runtime already.
    fn blocking<T: Send, F: Future<Output = Result<T, DistributionError>>>(
        &self,
        place: &Place,
        work: impl FnOnce(Arc<Resolver>) -> F + Send,
    ) -> Result<T, DistributionError> {
        let lost = || DistributionError::Runtime(std::io::Error::other("it was cut short"));
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(DistributionError::Runtime)?;
            let done = runtime.block_on(async {
                let work = work(Arc::new(self.resolver()));
                match self.timeout {
                    Some(limit) => tokio::time::timeout(limit, work).await,
                    None => Ok(work.await),
                }
            });
            // What is under way after the time is up ends by limits of its own.
            runtime.shutdown_background();
            let late = |after: Duration| DistributionError::Timeout {
                place: place.to_string(),
                after: after.as_secs(),
            };
            done.map_err(|_| late(self.timeout.unwrap_or_default()))?
        };
        std::thread::scope(|scope| scope.spawn(run).join()).map_err(|_| lost())?
    }
}

fn check_digest(place: &Place, files: &Files, expected: Option<&str>) -> Result<(), DistributionError> {
    let Some(expected) = expected else { return Ok(()) };
    let actual = files.digest();
    if actual == expected {
        return Ok(());
    }
    Err(DistributionError::Changed { place: place.to_string(), expected: expected.to_owned(), actual })
}

fn failed(place: &Place, error: ResolveError) -> DistributionError {
    DistributionError::Fetch { place: place.to_string(), error: Box::new(error) }
}

/// Works with the cache on a thread that may block; `None` where the runtime ends before that.
pub(super) async fn off_thread<T: Send + 'static>(
    cache: &Arc<Cache>,
    work: impl FnOnce(&Cache) -> T + Send + 'static,
) -> Option<T> {
    let cache = Arc::clone(cache);
    tokio::task::spawn_blocking(move || work(&cache)).await.ok()
}

/// The files of a folder of this machine.
fn folder(path: &Path) -> Result<Files, DistributionError> {
    let shown = || path.display().to_string();
    let dir = Dir::open_ambient_dir(path, ambient_authority())
        .map_err(|cause| DistributionError::Io { path: shown(), cause })?;
    Files::in_folder(&dir).map_err(|reason| DistributionError::Files { place: shown(), reason })
}
