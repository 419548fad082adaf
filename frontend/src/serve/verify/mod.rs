//! Everything between a `CheckPolicyRequest` and its answer.
//!
//! `question` reads the request; `evaluate` asks the policies; `lookups` finds out what they need to know, by
//! BuildKit where that can and by our own resolvers else; `progress` remembers what BuildKit was asked for.
//! Whatever goes wrong is an error, and BuildKit loads nothing then.

mod error;
mod evaluate;
mod lookups;
mod progress;
mod question;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use policy_engine::check::{Action, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::{Metadata, Request, Wanted};
use policy_engine::policy::PolicySet;
use policy_engine::source::{Platform, SourceOp};

pub use error::VerifyError;
use evaluate::{Judgement, evaluate};
use lookups::{Lookups, Plan};
use progress::Progress;
use question::{Question, digest_of};

use super::record::{PolicyId, Record, Verdict};
use crate::buildkit::convert;
use crate::buildkit::proto::policysession::{Answer, CheckPolicyRequest};
use crate::decide::MAX_ROUNDS;
use crate::lookup::{ResolveMediaType, describe};
use crate::replay::case;
use crate::report::human::NOT_VERIFIED;
use crate::resolve::Resolver;
use crate::resolve::image::default_platform;

/// Whose policies hold for a build, and what they see of it.
#[derive(Debug)]
pub struct Jurisdiction {
    /// The policies; all must allow.
    pub policies: Arc<PolicySet>,
    /// The build.
    pub env: Env,
    /// Whether one of the policies reads files of a client, who may take long to deliver them.
    pub reads_from_client: bool,
}

/// Signatures that don't count, of those that a denial tells of.
const SHOWN_FAILURES: usize = 8;

/// How to verify.
#[derive(Debug, Clone)]
pub struct VerifierOptions {
    /// The platform of images for which BuildKit names none: that of its daemon.
    pub default_platform: Platform,
    /// Whether to fill [`Record::case`]. It holds build arguments and image configs.
    pub record_cases: bool,
}

impl Default for VerifierOptions {
    fn default() -> Self {
        Self { default_platform: default_platform(), record_cases: false }
    }
}

/// Answers BuildKit. Shared by all checks of one build: what was looked up once stays as it was.
pub struct Verifier<R = Resolver> {
    options: VerifierOptions,
    lookups: Arc<Lookups<R>>,
    progress: Progress,
}

/// What became known about the sources of one check.
struct Known {
    facts: Facts,
    /// The materials among them.
    materials: Vec<(Request, Metadata)>,
}

/// The end of one check.
struct Settled {
    decision: Decision,
    /// Who denied or converted.
    by: Option<Arc<Jurisdiction>>,
    known: Known,
}

enum Step {
    Ask(Wanted),
    Settled(Box<Settled>),
}

impl<R: ResolveMediaType> Verifier<R> {
    /// A verifier for one build. `resolver` looks up what BuildKit can't give.
    pub fn new(resolver: Arc<R>, options: VerifierOptions) -> Self {
        Self { options, lookups: Arc::new(Lookups::new(resolver)), progress: Progress::default() }
    }

    /// Answers one request: a decision, or what BuildKit has to find out first. All `jurisdictions` must allow;
    /// without any, nothing is allowed.
    pub async fn check(
        &self,
        jurisdictions: &[Arc<Jurisdiction>],
        request: CheckPolicyRequest,
    ) -> (Result<Answer, VerifyError>, Record) {
        let started = Instant::now();
        let mut record = Record::new(asked_source(&request), asked_platform(&request));
        record.policies = policies(jurisdictions);
        // Lookups are large, and callers hold many of these at a time.
        let answer = Box::pin(self.answer(jurisdictions, request, &mut record)).await;
        if let Err(error) = &answer {
            record.messages = vec![error.to_string()];
        }
        record.elapsed = started.elapsed();
        (answer, record)
    }

    /// Whether BuildKit can be asked for the attestations of the image in question: only those of an OCI index.
    /// `None` while the image's digest is not known.
    pub async fn has_index(&self, request: &CheckPolicyRequest) -> Result<Option<bool>, VerifyError> {
        let question = Question::read(request.clone(), &self.options.default_platform)?;
        self.lookups.has_index(&question, &self.progress).await
    }

    async fn answer(
        &self,
        jurisdictions: &[Arc<Jurisdiction>],
        request: CheckPolicyRequest,
        record: &mut Record,
    ) -> Result<Answer, VerifyError> {
        let question = Arc::new(Question::read(request, &self.options.default_platform)?);
        record.digest = digest_of(&question.source, question.known.as_ref());
        if jurisdictions.is_empty() {
            return Err(VerifyError::NoJurisdiction);
        }
        self.progress.begin(&question)?;
        match self.settle(jurisdictions, &question).await? {
            Step::Ask(wanted) => {
                if !self.progress.ask(&question, &wanted) {
                    return Err(VerifyError::Stuck(asked(&question, wanted)));
                }
                record.verdict = Verdict::Ask;
                let Question { asked_source, asked_platform, .. } = &*question;
                let request = convert::meta_request(asked_source.clone(), asked_platform.clone(), &wanted);
                Ok(Answer::Request(request))
            }
            Step::Settled(settled) => self.decided(jurisdictions, &question, *settled, record),
        }
    }

    /// Asks the policies until they decide, or until BuildKit has to say more.
    async fn settle(
        &self,
        jurisdictions: &[Arc<Jurisdiction>],
        question: &Arc<Question>,
    ) -> Result<Step, VerifyError> {
        let now = SystemTime::now();
        let mut known = Known { facts: Facts::default(), materials: Vec::new() };
        if let Some(metadata) = self.progress.known(question) {
            known.facts.insert(question.source.clone(), question.platform.clone(), metadata);
        }
        let mut asked_before = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let (facts, Judgement { outcome, by }) =
                evaluate(jurisdictions, question, std::mem::take(&mut known.facts), now).await?;
            known.facts = facts;
            let requests = match outcome {
                Outcome::Decided(decision) => {
                    return Ok(Step::Settled(Box::new(Settled { decision, by, known })));
                }
                Outcome::Needs(requests) => requests,
            };
            if requests == asked_before {
                return Err(VerifyError::Stuck(describe(&requests)));
            }
            asked_before.clone_from(&requests);
            let (root, materials): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| {
                request.source == question.source && request.platform == question.platform
            });
            for Request { source, platform, wanted } in root {
                let found = known.facts.get(&source, platform.as_ref());
                match self.lookups.plan(question, wanted, found, &self.progress).await? {
                    Plan::Ask(wanted) => return Ok(Step::Ask(wanted)),
                    Plan::Found(metadata) => known.facts.insert(source, platform, *metadata),
                }
            }
            for (request, metadata) in self.lookups.all(materials).await? {
                known.facts.insert(request.source.clone(), request.platform.clone(), metadata.clone());
                known.materials.retain(|(other, _)| {
                    other.source != request.source || other.platform != request.platform
                });
                known.materials.push((request, metadata));
            }
        }
        Err(VerifyError::Rounds { source_shown: question.shown() })
    }

    fn decided(
        &self,
        jurisdictions: &[Arc<Jurisdiction>],
        question: &Question,
        settled: Settled,
        record: &mut Record,
    ) -> Result<Answer, VerifyError> {
        let Settled { decision, by, known } = settled;
        if decision.action == Action::Convert
            && decision.update.as_ref().is_none_or(|update| *update == question.source)
        {
            return Err(VerifyError::EmptyConversion { source_shown: question.shown() });
        }
        let root = known.facts.get(&question.source, question.platform.as_ref());
        record.digest = digest_of(&question.source, root);
        record.verdict = match decision.action {
            Action::Allow => Verdict::Allow,
            Action::Deny => Verdict::Deny,
            Action::Convert => Verdict::Convert,
        };
        if self.options.record_cases {
            let envs: Vec<_> = match &by {
                Some(by) => vec![&by.env],
                None => jurisdictions.iter().map(|jurisdiction| &jurisdiction.env).collect(),
            };
            let policies: Vec<_> =
                record.policies.iter().map(|id| (id.name.as_str(), id.digest.as_str())).collect();
            record.case = case::write(&case::Case {
                source: &question.source,
                platform: question.platform.as_ref(),
                known: root,
                materials: &known.materials,
                envs: &envs,
                policies: &policies,
                decision: &decision,
            });
        }
        let messages = if decision.action == Action::Deny { reasons(&decision) } else { Vec::new() };
        let answer = convert::decision(&decision, messages);
        record.messages = decision.messages;
        record.position = decision.position;
        record.pin = decision.update;
        record.prints = decision.prints;
        record.failures = decision.failures;
        Ok(Answer::Decision(answer))
    }
}

/// The messages of a denial, each with the place of the rule that decided, and signatures that don't count.
pub(super) fn reasons(decision: &Decision) -> Vec<String> {
    let Decision { messages, position, failures, .. } = decision;
    let mut reasons = match position {
        None if messages.is_empty() => vec!["denied by policy".to_owned()],
        None => messages.clone(),
        Some(at) if messages.is_empty() => vec![format!("denied by policy ({at})")],
        Some(at) => messages.iter().map(|message| format!("{message} ({at})")).collect(),
    };
    // A registry may have thousands that are worth nothing; the log has them all.
    reasons.extend(failures.iter().take(SHOWN_FAILURES).map(|failure| format!("{NOT_VERIFIED} {failure}")));
    reasons
}

/// A request to BuildKit, in words.
fn asked(question: &Question, wanted: Wanted) -> String {
    let Question { source, platform, .. } = question;
    describe(&[Request { source: source.clone(), platform: platform.clone(), wanted }])
}

pub(super) fn asked_source(request: &CheckPolicyRequest) -> SourceOp {
    let source = request.source.as_ref().and_then(|response| response.source.as_ref());
    source.map(convert::source_op).unwrap_or_default()
}

pub(super) fn asked_platform(request: &CheckPolicyRequest) -> Option<Platform> {
    request.platform.as_ref().and_then(|platform| convert::platform(platform).ok())
}

/// The policies in force, each once.
fn policies(jurisdictions: &[Arc<Jurisdiction>]) -> Vec<PolicyId> {
    let mut ids: Vec<PolicyId> = Vec::new();
    for policy in jurisdictions.iter().flat_map(|jurisdiction| &jurisdiction.policies.policies) {
        if !ids.iter().any(|id| id.digest == policy.digest()) {
            ids.push(PolicyId { name: policy.name().to_owned(), digest: policy.digest().to_owned() });
        }
    }
    ids
}

#[cfg(test)]
mod tests;
