//! Decides the sources of one build, each once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use policy_engine::check::Facts;
use policy_engine::input::Env;
use policy_engine::metadata::{HttpMetadata, Metadata};
use policy_engine::policy::PolicySet;
use policy_engine::source::{Platform, SourceOp};

use super::progress::{Progress, Watch};
use crate::build_results::BuildResults;
use crate::decide::{DecideError, Question, Verdict, decide_knowing};
use crate::dockerfile::{BuildResult, Images, Place, ResolvedImage, STDIN_ARCHIVE, UsedSource};
use crate::lookup::{self, ResolveJudged, describe_one, image_config};
use crate::report::Conclusion;
use crate::report::build::CheckedSource;
use crate::report::explanation::Round;
use crate::resolve::Judge;
use crate::resolve::once::OnceMap;

/// A source, and the platform it is wanted for.
type Key = (SourceOp, Option<Platform>);

/// What is decided, or why nothing is; and how it came to that, where somebody wants to know.
#[derive(Debug)]
struct Decided {
    result: Result<Verdict, DecideError>,
    rounds: Vec<Round>,
}

/// The policies of a build, and what they said.
pub(super) struct Decider<R> {
    pub(super) policies: Arc<PolicySet>,
    pub(super) env: Env,
    pub(super) now: SystemTime,
    pub(super) resolver: Arc<R>,
    pub(super) progress: Arc<Progress>,
    results: Arc<BuildResults>,
    /// `sha256:…` of the archive on standard input, where the context is one: nobody could look it up.
    archive: Option<String>,
    /// Whether to remember how decisions come about.
    explain: bool,
    decided: OnceMap<Key, Arc<Decided>>,
    /// Images that the build starts from and that could not be resolved.
    unresolved: Mutex<HashMap<Key, Arc<Decided>>>,
}

impl<R: ResolveJudged> Decider<R> {
    pub(super) fn new(
        policies: Arc<PolicySet>,
        env: Env,
        now: SystemTime,
        resolver: Arc<R>,
        progress: Arc<Progress>,
        results: Arc<BuildResults>,
    ) -> Self {
        let (decided, unresolved) = (OnceMap::default(), Mutex::default());
        Self {
            policies,
            env,
            now,
            resolver,
            progress,
            results,
            archive: None,
            explain: false,
            decided,
            unresolved,
        }
    }

    /// The same, of a build whose context is an archive on standard input with this digest (`sha256:…`).
    pub(super) fn with_archive(self, digest: Option<String>) -> Self {
        Self { archive: digest, ..self }
    }

    /// The same, where decisions are explained if `explain` says so.
    pub(super) fn explaining(self, explain: bool) -> Self {
        Self { explain, ..self }
    }

    /// What becomes of a source, as it is asked about first and as it is loaded: one entry where both agree, else
    /// two.
    pub(super) async fn check(&self, used: &UsedSource) -> Vec<CheckedSource> {
        let platform = used.platform.as_ref();
        let first = self.decide(&used.source, platform).await;
        let first = match &first.result {
            Ok(verdict) if verdict.allowed() => self.failure_to_resolve(used).unwrap_or(first),
            _ => first,
        };
        let entry = |source: &UsedSource, decided: &Decided| {
            let checked = CheckedSource::new(source, decided.result.as_ref(), &self.policies);
            CheckedSource { rounds: decided.rounds.clone(), ..checked }
        };
        let mut entries = vec![entry(used, &first)];
        if entries[0].verdict == Conclusion::Allowed
            && let Some(loaded) = used.loaded()
        {
            let second = self.decide(&loaded, platform).await;
            let second = entry(&UsedSource { source: loaded, ..used.clone() }, &second);
            if second.verdict != Conclusion::Allowed {
                entries.push(second);
            }
        }
        entries
    }

    async fn decide(&self, source: &SourceOp, platform: Option<&Platform>) -> Arc<Decided> {
        let key = (source.clone(), platform.cloned());
        self.decided
            .get(key, async {
                let Self { policies, env, now, .. } = self;
                let question = Question { policies, source, platform, env, now: *now };
                let resolver = Arc::new(self.resolver.judged_by(Judge {
                    policies: Arc::clone(policies),
                    source: source.clone(),
                    platform: platform.cloned(),
                    env: env.clone(),
                    now: *now,
                }));
                let (facts, mut watch) = (self.known(source), Watch::new(&self.progress, self.explain));
                let result = decide_knowing(facts, question, &resolver, &mut watch).await;
                Arc::new(Decided { result, rounds: watch.rounds })
            })
            .await
    }

    /// What is known of a source before anything is looked up.
    fn known(&self, source: &SourceOp) -> Facts {
        let mut facts = Facts::default();
        if let Some(checksum) = self.archive.clone().filter(|_| source.identifier == STDIN_ARCHIVE) {
            let http = HttpMetadata { checksum, ..HttpMetadata::default() };
            facts.insert(source.clone(), None, Metadata { http: Some(http), ..Metadata::default() });
        }
        facts
    }

    /// Why the build could not load an image that it may use.
    fn failure_to_resolve(&self, used: &UsedSource) -> Option<Arc<Decided>> {
        let unresolved = self.unresolved.lock().unwrap_or_else(PoisonError::into_inner);
        unresolved.get(&(used.source.clone(), used.platform.clone())).cloned()
    }

    /// Digest and config of an image, or of what a policy pins it to.
    async fn look_up(&self, source: &SourceOp, platform: &Platform) -> Result<ResolvedImage, DecideError> {
        let decided = self.decide(source, Some(platform)).await;
        let pin = decided.result.as_ref().ok().and_then(|verdict| verdict.pin.as_ref());
        let request = image_config(pin.unwrap_or(source), platform);
        let _waiting = self.progress.wait_for(&describe_one(&request));
        let found = lookup::all(&self.resolver, std::slice::from_ref(&request), || {}).await;
        let found =
            found.map_err(|failure| DecideError::Unloadable { failure, pin: pin.cloned().map(Box::new) })?;
        let image = found.into_iter().next().and_then(|metadata| metadata.image).unwrap_or_default();
        Ok(ResolvedImage {
            source: request.source,
            digest: image.digest,
            config: image.config.unwrap_or_default(),
        })
    }
}

impl<R: ResolveJudged> Images for Decider<R> {
    /// The image is decided first, as a pin replaces it. One that is denied is resolved all the same: what it would
    /// bring along may be denied, too.
    async fn resolve(
        &self,
        source: &SourceOp,
        platform: &Platform,
        _places: &[Place],
    ) -> Option<ResolvedImage> {
        match self.look_up(source, platform).await {
            Ok(image) => Some(image),
            Err(error) => {
                let failure = Arc::new(Decided { result: Err(error), rounds: Vec::new() });
                let mut unresolved = self.unresolved.lock().unwrap_or_else(PoisonError::into_inner);
                unresolved.insert((source.clone(), Some(platform.clone())), failure);
                None
            }
        }
    }

    async fn target(&self, name: &str) -> Option<Arc<BuildResult>> {
        self.results.get(name).await
    }
}
