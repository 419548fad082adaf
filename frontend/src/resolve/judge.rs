//! Policies are asked about redirects, too: a rule that allows a URL says nothing of where that URL leads.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use policy_engine::check::{Action, Check, Decision, Facts, Outcome};
use policy_engine::input::Env;
use policy_engine::metadata::Metadata;
use policy_engine::policy::PolicySet;
use policy_engine::source::{Platform, Source, SourceOp};
use url::Url;

use super::ResolveError;
use super::http::{RedirectCheck, RedirectRefused};
use super::redact::Redacted;

/// The policies in force, and what they were asked.
#[derive(Debug, Clone)]
pub struct Judge {
    /// Asked about each redirect.
    pub policies: Arc<PolicySet>,
    /// The source that is being decided. Only its redirects are judged: a material of its provenance isn't
    /// loaded by the build, it just tells about the source.
    pub source: SourceOp,
    /// The platform it is wanted for.
    pub platform: Option<Platform>,
    /// The build.
    pub env: Env,
    /// The time that policies see.
    pub now: SystemTime,
}

/// The redirects of one lookup.
#[derive(Debug, Clone)]
pub(super) struct Trial {
    judge: Arc<Judge>,
    /// Where the policies could not decide before the target answered.
    open: Arc<Mutex<Vec<SourceOp>>>,
    /// Why a policy denies a target.
    denial: Arc<Mutex<Option<Vec<String>>>>,
}

impl Trial {
    /// A trial for the redirects of `source`, if they are judged.
    pub(super) fn of(judge: Option<&Arc<Judge>>, source: &SourceOp) -> Option<Self> {
        let judge = judge.filter(|judge| judge.source == *source)?;
        Some(Self { judge: Arc::clone(judge), open: Arc::default(), denial: Arc::default() })
    }

    /// Asked before a redirect is followed.
    pub(super) fn ask(&self, target: &Url) -> Result<(), RedirectRefused> {
        let Some(source) = redirected(&self.judge.source, target) else {
            return Err(RedirectRefused::new(target, "no policy can judge such a URL"));
        };
        match self.judge.check(&source, &Facts::default()) {
            Ok(Outcome::Decided(decision)) => {
                self.verdict(&source, &decision).map_err(|reason| RedirectRefused::new(target, reason))
            }
            // What the policies need to know only the target itself can tell; they are asked again then.
            Ok(Outcome::Needs(_)) => {
                self.open.lock().unwrap_or_else(PoisonError::into_inner).push(source);
                Ok(())
            }
            Err(error) => Err(RedirectRefused::new(target, error.to_string())),
        }
    }

    /// The same as a check.
    pub(super) fn check(&self) -> RedirectCheck {
        let trial = self.clone();
        RedirectCheck::new(move |target| trial.ask(target))
    }

    /// Asks again about the targets that were followed undecided, now that it is known what they deliver.
    pub(super) fn settle(&self, found: &Metadata) -> Result<(), ResolveError> {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for source in open {
            let mut facts = Facts::default();
            facts.insert(source.clone(), self.judge.platform.clone(), found.clone());
            let target = Redacted(&source.identifier).to_string();
            let refused = |reason: String| ResolveError::Redirect { target: target.clone(), reason };
            match self.judge.check(&source, &facts) {
                Ok(Outcome::Decided(decision)) => self.verdict(&source, &decision).map_err(refused)?,
                Ok(Outcome::Needs(_)) => {
                    return Err(refused("the policy needs to know more about it".into()));
                }
                Err(error) => return Err(refused(error.to_string())),
            }
        }
        Ok(())
    }

    /// The messages of a policy that denied a target.
    pub(super) fn denial(&self) -> Option<Vec<String>> {
        self.denial.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn verdict(&self, target: &SourceOp, decision: &Decision) -> Result<(), String> {
        if decision.action == Action::Allow {
            return Ok(());
        }
        let shown = Redacted(&target.identifier).to_string();
        let mut messages: Vec<_> =
            decision.messages.iter().map(|message| format!("redirect to {shown}: {message}")).collect();
        if messages.is_empty() {
            messages.push(format!("redirect to {shown} is denied"));
        }
        *self.denial.lock().unwrap_or_else(PoisonError::into_inner) = Some(messages);
        Err("the policy denies it".into())
    }
}

impl Judge {
    fn check(&self, source: &SourceOp, facts: &Facts) -> Result<Outcome, policy_engine::policy::PolicyError> {
        let check = Check { source, platform: self.platform.as_ref(), facts, env: &self.env, now: self.now };
        self.policies.check(&check)
    }
}

/// `source` as it would be had it named `target` in the first place.
fn redirected(source: &SourceOp, target: &Url) -> Option<SourceOp> {
    match Source::parse(source).ok()? {
        Source::Http(_) => {
            Some(SourceOp { identifier: target.as_str().to_owned(), attrs: source.attrs.clone() })
        }
        Source::Git(_) => {
            // The first request of a fetch is redirected; the repository is what stands before.
            let mut repository = target.clone();
            repository.set_query(None);
            repository.set_fragment(None);
            let path = repository.path().strip_suffix("/info/refs")?.to_owned();
            repository.set_path(&path);
            let host = repository.host_str()?;
            let port = repository.port().map(|port| format!(":{port}")).unwrap_or_default();
            let fragment = source.identifier.split_once('#').map(|(_, rest)| format!("#{rest}"));
            let identifier = format!("git://{host}{port}{path}{}", fragment.unwrap_or_default());
            let mut attrs = source.attrs.clone();
            attrs.insert(policy_engine::source::ATTR_GIT_FULL_URL.to_owned(), repository.to_string());
            Some(SourceOp { identifier, attrs })
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod testing {
    use policy_engine::policy::{LoadOptions, Policy, PolicyFile};

    use super::*;

    /// A trial of the redirects of `source` by one policy.
    pub(in crate::resolve) fn trial(rego: &str, source: &str) -> Trial {
        let source = SourceOp::new(source);
        let file = PolicyFile { name: "p.rego".into(), text: format!("package docker\n{rego}") };
        let policy = Policy::load(&LoadOptions { files: vec![file], root: None, strict: false }).unwrap();
        let judge = Judge {
            policies: Arc::new(PolicySet { policies: vec![Arc::new(policy)], ..PolicySet::default() }),
            source: source.clone(),
            platform: None,
            env: Env::default(),
            now: SystemTime::UNIX_EPOCH,
        };
        Trial::of(Some(&Arc::new(judge)), &source).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::trial;
    use super::*;

    fn ask(trial: &Trial, url: &str) -> Result<(), RedirectRefused> {
        trial.ask(&Url::parse(url).unwrap())
    }

    const HOST: &str = "default allow := false\nallow if input.http.host == \"good\"\n\
                        deny_msg contains input.http.host if not allow\n\
                        decision := {\"allow\": allow, \"deny_msg\": deny_msg}";

    #[test]
    fn targets_are_judged_like_sources() {
        let trial = trial(HOST, "https://good/a");
        assert_eq!(ask(&trial, "https://good/b"), Ok(()));
        assert_eq!(trial.denial(), None);
        let refused = ask(&trial, "https://user:pw@evil/b").unwrap_err();
        assert_eq!(refused.reason, "the policy denies it");
        assert_eq!(trial.denial().unwrap(), ["redirect to https://***@evil/b: evil"]);
    }

    #[test]
    fn what_only_the_target_can_tell_is_judged_afterwards() {
        let rego = "default allow := false\nallow if input.http.checksum == \"sha256:00\"\n\
                    decision := {\"allow\": allow}";
        let http = |checksum: &str| Metadata {
            http: Some(policy_engine::metadata::HttpMetadata {
                checksum: checksum.into(),
                checksum_responses: Vec::new(),
                ..policy_engine::metadata::HttpMetadata::default()
            }),
            ..Metadata::default()
        };
        let trial = trial(rego, "https://good/a");
        assert_eq!(ask(&trial, "https://good/b"), Ok(()));
        assert!(trial.settle(&http("sha256:00")).is_ok());
        assert_eq!(ask(&trial, "https://good/b"), Ok(()));
        assert!(trial.settle(&http("sha256:11")).is_err());
        assert_eq!(trial.denial().unwrap(), ["redirect to https://good/b is denied"]);
    }

    #[test]
    fn a_policy_that_fails_refuses() {
        let trial = trial("decision := 1", "https://good/a");
        assert!(ask(&trial, "https://good/b").is_err());
        assert_eq!(trial.denial(), None);
    }

    #[test]
    fn git_redirects_name_a_repository() {
        let mut source = SourceOp::new("git://good/r.git#main");
        source.attrs.insert("git.fullurl".into(), "http://good/r.git".into());
        let target = Url::parse("https://other:8443/x/r.git/info/refs?service=git-upload-pack").unwrap();
        let redirected = redirected(&source, &target).unwrap();
        assert_eq!(redirected.identifier, "git://other:8443/x/r.git#main");
        assert_eq!(redirected.attrs["git.fullurl"], "https://other:8443/x/r.git");
    }

    #[test]
    fn materials_are_not_judged() {
        let trial = trial(HOST, "https://good/a");
        assert!(Trial::of(Some(&trial.judge), &SourceOp::new("https://material/a")).is_none());
    }
}
