//! The loop that every door runs: ask the policies, resolve what they need to know, ask again.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use policy_engine::check::{Action, Check, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::{Metadata, Request};
use policy_engine::policy::{PolicyError, PolicySet};
use policy_engine::source::{Platform, SourceOp};
use tokio::runtime::Runtime;

use crate::redact;

/// How often the policies are asked about one source, its pins included, as in BuildKit.
pub const MAX_ROUNDS: usize = 10;

/// After this, a lookup is slow enough to be worth a word.
const SLOW: Duration = Duration::from_secs(1);

/// Finds out what is to be known about a source.
pub trait Resolve: Send + Sync + 'static {
    /// Why something could not be found out.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Delivers everything that `request` wants, or fails.
    fn resolve(&self, request: &Request) -> impl Future<Output = Result<Metadata, Self::Error>> + Send;
}

/// Hears how a decision comes about.
pub trait Observer {
    /// The policies asked for these; they are looked up now. Rounds count from 1.
    fn asked(&mut self, round: usize, requests: &[Request]);
    /// Looking these up takes long.
    fn slow(&mut self, requests: &[Request]);
}

/// What is to be decided.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The policies in force.
    pub policies: &'a PolicySet,
    /// The source.
    pub source: &'a SourceOp,
    /// The platform it is wanted for.
    pub platform: Option<&'a Platform>,
    /// The build.
    pub env: &'a Env,
    /// The time that policies see.
    pub now: SystemTime,
}

/// The end of it.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The decision that ended it: never a conversion.
    pub decision: Decision,
    /// What the source was pinned to on the way.
    pub pin: Option<SourceOp>,
}

impl Verdict {
    /// Whether the source may be used.
    pub fn allowed(&self) -> bool {
        self.decision.action == Action::Allow
    }
}

/// Why there is no decision. The source must not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// A policy failed.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Metadata could not be looked up.
    #[error("cannot resolve `{source_shown}`: {cause}")]
    Resolve {
        /// The source, fit to be shown.
        source_shown: String,
        /// What went wrong.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The limit on rounds was hit.
    #[error("no decision after {MAX_ROUNDS} rounds: the policy goes on asking or pinning")]
    Rounds,
    /// The policies asked for the very same again.
    #[error("the policy asks again for what was just resolved: {0}")]
    Stuck(String),
    /// A policy converts without saying to what.
    #[error("the policy converts the source without naming another")]
    EmptyConversion,
    /// The threads for lookups could not be started.
    #[error("cannot start looking up metadata: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Decides `question`, looking things up with `resolver`. Nothing is started before the policies ask.
pub fn decide<R: Resolve>(
    question: Question<'_>,
    resolver: &Arc<R>,
    observer: &mut dyn Observer,
) -> Result<Verdict, DecideError> {
    let mut runtime = None;
    let mut facts = Facts::default();
    let mut source = question.source.clone();
    let mut pin = None;
    let mut asked_before = Vec::new();
    for round in 1..=MAX_ROUNDS {
        let check = Check {
            source: &source,
            platform: question.platform,
            facts: &facts,
            env: question.env,
            now: question.now,
        };
        match question.policies.check(&check)? {
            Outcome::Needs(requests) => {
                if requests == asked_before {
                    return Err(DecideError::Stuck(describe(&requests)));
                }
                observer.asked(round, &requests);
                let runtime = started(&mut runtime)?;
                let found = runtime.block_on(resolve_all(&requests, resolver, observer))?;
                for (request, metadata) in requests.iter().zip(found) {
                    facts.insert(request.source.clone(), request.platform.clone(), metadata);
                }
                asked_before = requests;
            }
            Outcome::Decided(Decision { action: Action::Convert, update, .. }) => {
                source = update.ok_or(DecideError::EmptyConversion)?;
                pin = Some(source.clone());
            }
            Outcome::Decided(decision) => return Ok(Verdict { decision, pin }),
        }
    }
    Err(DecideError::Rounds)
}

/// One thread is enough: lookups wait for the network, and blocking work has threads of its own.
fn started(runtime: &mut Option<Runtime>) -> std::io::Result<&Runtime> {
    let running = match runtime.take() {
        Some(running) => running,
        None => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
    };
    Ok(runtime.insert(running))
}

/// Looks everything up at once. The first failure, in the order of the requests, is the one reported.
async fn resolve_all<R: Resolve>(
    requests: &[Request],
    resolver: &Arc<R>,
    observer: &mut dyn Observer,
) -> Result<Vec<Metadata>, DecideError> {
    let lookups: Vec<_> = requests
        .iter()
        .map(|request| {
            let (resolver, request) = (Arc::clone(resolver), request.clone());
            tokio::spawn(async move { resolver.resolve(&request).await })
        })
        .collect();
    let mut all = pin!(async {
        let mut found = Vec::with_capacity(requests.len());
        for (request, lookup) in requests.iter().zip(lookups) {
            let failed =
                |cause| DecideError::Resolve { source_shown: redact::source(&request.source), cause };
            let metadata = lookup.await.map_err(|error| failed(error.into()))?;
            found.push(metadata.map_err(|error| failed(error.into()))?);
        }
        Ok(found)
    });
    if let Ok(done) = tokio::time::timeout(SLOW, all.as_mut()).await {
        return done;
    }
    observer.slow(requests);
    all.await
}

/// What is looked up, in words: `docker-image://… (image config, attestations)`.
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
        if let Some(checksum) = &http.checksum {
            groups.push(format!("{:?} with suffix", checksum.algorithm).to_lowercase());
        }
    }
    groups
}
