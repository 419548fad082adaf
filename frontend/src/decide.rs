//! The loop that every door runs: ask the policies, resolve what they need to know, ask again.

use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::check::{Action, Check, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::Request;
use policy_engine::policy::{Explanation, PolicyError, PolicySet};
use policy_engine::source::{Platform, SourceOp};

use crate::lookup::{self, LookupError, Resolve, describe};

/// How often the policies are asked about one source, its pins included, as in BuildKit.
pub const MAX_ROUNDS: usize = 10;

/// Hears how a decision comes about.
pub trait Observer {
    /// Whether it wants to hear of every rule. That takes time and memory.
    fn wants_explanation(&self) -> bool {
        false
    }
    /// What happened in each policy that was asked; comes before [`Observer::asked`].
    fn explained(&mut self, _explanations: Vec<Explanation>) {}
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
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The policies allow it, but the build could not load it.
    #[error("{failure}")]
    Unloadable {
        /// What failed.
        failure: LookupError,
        /// What the source was pinned to, where it was: this is what could not be loaded.
        pin: Option<Box<SourceOp>>,
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
}

/// Decides `question`, looking things up with `resolver`. Must be called on a tokio runtime.
pub async fn decide<R: Resolve>(
    question: Question<'_>,
    resolver: &Arc<R>,
    observer: &mut (dyn Observer + Send),
) -> Result<Verdict, DecideError> {
    decide_knowing(Facts::default(), question, resolver, observer).await
}

/// The same, where some `facts` are known already.
pub async fn decide_knowing<R: Resolve>(
    mut facts: Facts,
    question: Question<'_>,
    resolver: &Arc<R>,
    observer: &mut (dyn Observer + Send),
) -> Result<Verdict, DecideError> {
    let mut source = question.source.clone();
    let mut pin = None;
    let mut asked_before = Vec::new();
    for round in 1..=MAX_ROUNDS {
        match ask(question, &source, &facts, observer)? {
            Outcome::Needs(requests) => {
                if requests == asked_before {
                    return Err(DecideError::Stuck(describe(&requests)));
                }
                observer.asked(round, &requests);
                let found = match lookup::all(resolver, &requests, || observer.slow(&requests)).await {
                    Ok(found) => found,
                    Err(LookupError::Denied(messages)) => {
                        let decision = Decision { action: Action::Deny, messages, ..Decision::allow() };
                        return Ok(Verdict { decision, pin });
                    }
                    Err(error) => return Err(error.into()),
                };
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

fn ask(
    question: Question<'_>,
    source: &SourceOp,
    facts: &Facts,
    observer: &mut (dyn Observer + Send),
) -> Result<Outcome, PolicyError> {
    let Question { policies, platform, env, now, .. } = question;
    let check = Check { source, platform, facts, env, now };
    if !observer.wants_explanation() {
        return policies.check(&check);
    }
    let (outcome, explanations) = policies.explain(&check);
    observer.explained(explanations);
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use policy_engine::metadata::{HttpMetadata, Metadata};
    use policy_engine::policy::{LoadOptions, Policy, PolicyFile};

    use super::*;

    /// Answers each request with the checksum that it was made with, and remembers what was asked.
    struct Known {
        checksum: &'static str,
        asked: Mutex<Vec<String>>,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("denied")]
    struct Denied(Vec<String>);

    impl Resolve for Known {
        type Error = Denied;

        async fn resolve(&self, request: &Request) -> Result<Metadata, Denied> {
            self.asked.lock().unwrap().push(describe(std::slice::from_ref(request)));
            if self.checksum.is_empty() {
                return Err(Denied(vec!["on the way".into()]));
            }
            let http = HttpMetadata {
                checksum: self.checksum.into(),
                checksum_responses: Vec::new(),
                ..HttpMetadata::default()
            };
            Ok(Metadata { http: Some(http), ..Metadata::default() })
        }

        fn denial(error: &Denied) -> Option<&[String]> {
            Some(&error.0)
        }
    }

    #[derive(Default)]
    struct Rounds(Vec<usize>);

    impl Observer for Rounds {
        fn asked(&mut self, round: usize, _requests: &[Request]) {
            self.0.push(round);
        }
        fn slow(&mut self, _requests: &[Request]) {}
    }

    fn run(rego: &str, source: &str, checksum: &'static str) -> (Result<Verdict, DecideError>, Vec<String>) {
        let file = PolicyFile { name: "p.rego".into(), text: format!("package docker\n{rego}") };
        let policy = Policy::load(&LoadOptions { files: vec![file], root: None, strict: false }).unwrap();
        let policies = PolicySet { policies: vec![Arc::new(policy)], ..PolicySet::default() };
        let (source, env) = (SourceOp::new(source), Env::default());
        let platform = Platform::new("linux", "amd64", "");
        let question = Question {
            policies: &policies,
            source: &source,
            platform: Some(&platform),
            env: &env,
            now: SystemTime::UNIX_EPOCH,
        };
        let resolver = Arc::new(Known { checksum, asked: Mutex::default() });
        let verdict = lookup::block_on(decide(question, &resolver, &mut Rounds::default())).unwrap();
        let asked = std::mem::take(&mut *resolver.asked.lock().unwrap());
        (verdict, asked)
    }

    const CHECKSUM: &str = "default allow := false\nallow if input.http.checksum == \"sha256:00\"\n\
                            decision := {\"allow\": allow}";

    #[test]
    fn asks_only_for_what_is_needed() {
        let (verdict, asked) = run(CHECKSUM, "https://h/a", "sha256:00");
        assert!(verdict.unwrap().allowed());
        assert_eq!(asked, ["https://h/a (http checksum)"]);
        let (verdict, asked) = run(CHECKSUM, "local://context", "sha256:00");
        assert!(!verdict.unwrap().allowed());
        assert_eq!(asked, [""; 0]);
    }

    #[test]
    fn a_denial_on_the_way_is_a_denial() {
        let verdict = run(CHECKSUM, "https://h/a", "").0.unwrap();
        assert!(!verdict.allowed());
        assert_eq!(verdict.decision.messages, ["on the way"]);
    }

    #[test]
    fn a_pin_is_checked_again() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let pin = format!("pinned if pin_image(input.image, \"{digest}\")\n");
        let allowed = format!("{pin}decision := {{\"allow\": pinned}}");
        let verdict = run(&allowed, "docker-image://docker.io/library/alpine:3", "").0.unwrap();
        assert!(verdict.allowed());
        let pinned = verdict.pin.unwrap().identifier;
        assert_eq!(pinned, format!("docker-image://docker.io/library/alpine:3@{digest}"));

        let denied = format!(
            "{pin}allow if {{ pinned; not input.image.isCanonical }}\ndefault allow := false\n\
                              decision := {{\"allow\": allow}}"
        );
        let verdict = run(&denied, "docker-image://docker.io/library/alpine:3", "").0.unwrap();
        assert!(!verdict.allowed());
        assert!(verdict.pin.is_some());
    }

    #[test]
    fn policy_errors_end_it() {
        assert!(matches!(run("decision := 1", "local://context", "").0, Err(DecideError::Policy(_))));
    }
}
