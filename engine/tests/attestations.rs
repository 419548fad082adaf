//! `artifact_attestation` and `github_attestation`, with bundles of a signed world of our own.
#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod harness;

use bytes::Bytes;
use harness::{MemoryRoot, ask, load_files, source};
use policy_engine::check::{Action, Decision, Facts, Outcome};
use policy_engine::metadata::{HttpMetadata, HttpWanted, Metadata, Wanted};
use policy_engine::policy::Policy;
use policy_engine::verify::{RootKind, Step, Trust, TrustRoot};
use policy_signing::{BundleForm, Defect, Identity, Instance, Signer, TrustRootVersion, digest_of};

const NOW: u64 = 1_750_000_000;
const URL: &str = "https://example.com/app.tar.gz";
const BODY: &[u8] = b"an artifact";
const REPOSITORY: &str = "world/app";

/// Bundles of the body, by file: `good`, one for each [`Defect`], `cosign` (no provenance), `both` (the wrong one
/// first), `none` and `other` (JSON that is none).
struct World {
    instance: Instance,
    trust: Trust,
    files: Vec<(String, String)>,
}

fn world() -> World {
    // With the names of the public instance, so that the kinds of its signers show.
    let mut instance = Instance::with_logs(b"attestations", "sigstore.dev", "sigstore", NOW);
    let root = instance.trusted_root(TrustRootVersion::V01).to_string();
    let trust = Trust::new(vec![TrustRoot::parse("sigstore", RootKind::Sigstore, root.as_bytes()).unwrap()]);
    let signer = || Signer::Keyless(Identity::workflow(REPOSITORY, REPOSITORY));
    let mut sign = |form: BundleForm, defect| instance.bundle(BODY, &form, &signer(), defect).to_string();
    let good = sign(BundleForm::github(), None);
    let mut files = vec![("cosign".to_owned(), sign(BundleForm::cosign(), None))];
    for defect in Defect::ALL {
        files.push((defect.name().to_owned(), sign(BundleForm::github(), Some(defect))));
    }
    let wrong = sign(BundleForm::github(), Some(Defect::BadSct));
    files.push(("both".to_owned(), format!("{wrong}\n{good}\n")));
    files.push(("good".to_owned(), good));
    files.push(("none".to_owned(), "\n".to_owned()));
    files.push(("other".to_owned(), "{\"a\": 1}".to_owned()));
    World { instance, trust, files }
}

impl World {
    fn policy(&self, rules: &str) -> Policy {
        let text =
            format!("package docker\ndefault allow := false\n{rules}\ndecision := {{\"allow\": allow}}");
        let files: Vec<_> = self.files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        load_files(&[("p.rego", &text)], Some(MemoryRoot::new(&files)), false).unwrap()
    }

    fn check(&self, rules: &str, url: &str, facts: &Facts) -> Result<Outcome, String> {
        let policy = self.policy(rules);
        ask(&|check| policy.check(check, &self.trust), &source(url), facts).map_err(|error| error.to_string())
    }

    fn decide(&self, rules: &str, facts: &Facts) -> Result<Decision, String> {
        match self.check(rules, URL, facts)? {
            Outcome::Decided(decision) => Ok(decision),
            Outcome::Needs(requests) => panic!("{requests:?}"),
        }
    }

    fn file(&self, name: &str) -> Bytes {
        let file = self.files.iter().find(|(known, _)| known == name).unwrap();
        Bytes::copy_from_slice(file.1.as_bytes())
    }

    /// What is known of the body, with these bundles in the repository.
    fn attested(&self, bundles: &[&str]) -> Facts {
        let bundles = bundles.iter().map(|name| self.file(name)).collect();
        facts(|http| {
            http.github_attestations.insert(REPOSITORY.to_owned(), bundles);
        })
    }
}

fn facts(change: impl FnOnce(&mut HttpMetadata)) -> Facts {
    let mut http = HttpMetadata { checksum: digest_of(BODY), ..HttpMetadata::default() };
    change(&mut http);
    let mut facts = Facts::default();
    facts.insert(source(URL), None, Metadata { http: Some(http), ..Metadata::default() });
    facts
}

fn known() -> Facts {
    facts(|_| {})
}

fn steps(decision: &Decision) -> Vec<Step> {
    decision.failures.iter().map(|failure| failure.step).collect()
}

#[test]
fn a_file_attests_the_body() {
    let world = world();
    let rule = "allow if {
        signature := artifact_attestation(input.http, \"good\")
        signature.kind == \"self-signed-github-repo\"
        signature.type == \"bundle-v0.3\"
        signature.trustRoot == \"sigstore\"
        signature.predicateType == \"https://slsa.dev/provenance/v1\"
        signature.signer.sourceRepositoryURI == \"https://github.com/world/app\"
        signature.signer.certificateIssuer == \"CN=sigstore-intermediate,O=sigstore.dev\"
        signature.timestamps[0].timestamp == \"2025-06-15T15:06:40Z\"
        not signature.dockerReference
    }";
    let decision = world.decide(rule, &known()).unwrap();
    assert_eq!((decision.action, decision.failures), (Action::Allow, vec![]));
    assert_eq!(world.instance.now(), NOW);
}

#[test]
fn a_file_is_checked_against_the_checksum() {
    let world = world();
    let rule = "allow if artifact_attestation(input.http, \"good\")";
    let Outcome::Needs(requests) = world.check(rule, URL, &Facts::default()).unwrap() else { panic!() };
    assert_eq!(requests.len(), 1);
    let wanted = Wanted { http: Some(HttpWanted::default()), ..Wanted::default() };
    assert_eq!(requests[0].wanted, wanted);
    let other = facts(|http| http.checksum = digest_of(b"another body"));
    let decision = world.decide(rule, &other).unwrap();
    assert_eq!((decision.action, steps(&decision)), (Action::Deny, vec![Step::Artifact]));
    let Outcome::Decided(decision) = world.check(rule, "local://context", &Facts::default()).unwrap() else {
        panic!()
    };
    assert_eq!((decision.action, decision.failures), (Action::Deny, vec![]));
}

#[test]
fn what_does_not_verify_is_undefined_and_told() {
    let world = world();
    for defect in Defect::ALL {
        let rule = format!("allow if artifact_attestation(input.http, \"{}\")", defect.name());
        let decision = world.decide(&rule, &known()).unwrap();
        // Nothing of these is in the bundle: there is no timestamp beside the log's promise.
        if defect == Defect::OtherTimestamp {
            assert_eq!((decision.action, decision.failures), (Action::Allow, vec![]));
            continue;
        }
        assert_eq!((decision.action, decision.failures.len()), (Action::Deny, 1), "{defect:?}");
        let failure = &decision.failures[0];
        assert_eq!((failure.format.as_str(), failure.subject), ("bundle-v0.3", None), "{failure}");
    }
    let decision = world.decide("allow if artifact_attestation(input.http, \"cosign\")", &known()).unwrap();
    assert_eq!((decision.action, steps(&decision)), (Action::Deny, vec![Step::Predicate]));
    let undefined = "allow if not artifact_attestation(input.http, \"bad-sct\")";
    assert_eq!(world.decide(undefined, &known()).unwrap().action, Action::Allow);
}

#[test]
fn of_several_bundles_the_first_that_verifies_counts() {
    let world = world();
    let decision = world.decide("allow if artifact_attestation(input.http, \"both\")", &known()).unwrap();
    assert_eq!((decision.action, decision.failures), (Action::Allow, vec![]));
    let rule = format!("allow if github_attestation(input.http, \"{REPOSITORY}\")");
    let decision = world.decide(&rule, &world.attested(&["bad-sct", "cosign", "good"])).unwrap();
    assert_eq!((decision.action, decision.failures), (Action::Allow, vec![]));
    let decision = world.decide(&rule, &world.attested(&["bad-sct", "cosign", "none"])).unwrap();
    assert_eq!(decision.action, Action::Deny);
    assert_eq!(steps(&decision), [Step::Sct, Step::Predicate, Step::Bundle]);
    let many = world.attested(&["good"; 65]);
    assert_eq!(steps(&world.decide(&rule, &many).unwrap()), [Step::Limit]);
}

#[test]
fn github_is_asked_for_attestations_of_the_body() {
    let world = world();
    let rule = format!("allow if github_attestation(input.http, \"{REPOSITORY}\")");
    let asks = |facts: &Facts| match world.check(&rule, URL, facts).unwrap() {
        Outcome::Needs(mut requests) if requests.len() == 1 => requests.remove(0).wanted.http.unwrap(),
        outcome => panic!("{outcome:?}"),
    };
    // The checksum comes first: attestations are found by it.
    assert_eq!(asks(&Facts::default()), HttpWanted::default());
    let repositories = vec![REPOSITORY.to_owned()];
    let wanted = HttpWanted { github_attestations: repositories, ..HttpWanted::default() };
    assert_eq!(asks(&known()), wanted);
    let decision = world.decide(&rule, &world.attested(&[])).unwrap();
    assert_eq!((decision.action, steps(&decision)), (Action::Deny, vec![Step::Unsigned]));
    let unavailable = facts(|http| {
        http.github_attestations.insert(REPOSITORY.to_owned(), vec![]);
        http.unavailable.insert(REPOSITORY.to_owned(), "api.github.com is out of reach".to_owned());
        http.github_attestations.insert("other/app".to_owned(), vec![]);
    });
    let decision = world.decide(&rule, &unavailable).unwrap();
    // What could not be asked is not known to be missing.
    assert_eq!((decision.action, steps(&decision)), (Action::Deny, vec![Step::Unavailable]));
    assert_eq!(decision.failures[0].message, "api.github.com is out of reach");
    // Of another repository it says nothing.
    let other = rule.replace(REPOSITORY, "other/app");
    let decision = world.decide(&other, &unavailable).unwrap();
    assert_eq!((decision.action, steps(&decision)), (Action::Deny, vec![Step::Unsigned]));
}

#[test]
fn helpers_take_what_both_answer() {
    let world = world();
    let rule = format!("allow if docker_github_builder_bundle(input.http, \"good\", \"{REPOSITORY}\")");
    // A repository's own workflow is not Docker's builder.
    assert_eq!(world.decide(&rule, &known()).unwrap().action, Action::Deny);
    let release = source("https://github.com/world/app/releases/download/v1/app.tar.gz");
    let policy = world.policy("allow if github_release_attestation(input.http)");
    let mut facts = Facts::default();
    let http = HttpMetadata {
        checksum: digest_of(BODY),
        github_attestations: [(REPOSITORY.to_owned(), vec![world.file("good")])].into(),
        ..HttpMetadata::default()
    };
    facts.insert(release.clone(), None, Metadata { http: Some(http), ..Metadata::default() });
    let outcome = ask(&|check| policy.check(check, &world.trust), &release, &facts).unwrap();
    let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
    assert_eq!(decision.action, Action::Allow);
}

#[test]
fn wrong_arguments_are_errors() {
    let world = world();
    for (call, expected) in [
        ("artifact_attestation({}, \"good\")", "the first argument must be `input.http`"),
        ("artifact_attestation(input.http, 1)", "the name of a file must be a string"),
        ("artifact_attestation(input.http, \"missing\")", "cannot read `missing`: no such file"),
        ("artifact_attestation(input.http, \"../good\")", "leads out of the policy's root"),
        ("artifact_attestation(input.http, \"none\")", "cannot read the bundle in `none`: there is none"),
        (
            "artifact_attestation(input.http, \"other\")",
            "in `other`: it is no Sigstore bundle: unknown field `a`",
        ),
        ("github_attestation({}, \"world/app\")", "the first argument must be `input.http`"),
        ("github_attestation(input.http, 1)", "must be a string \"owner/repo\", not 1"),
        ("github_attestation(input.http, \"world\")", "must be a string \"owner/repo\""),
        ("github_attestation(input.http, \"world/../app\")", "must be a string \"owner/repo\""),
        ("github_attestation(input.http, \"world/app?x=1\")", "must be a string \"owner/repo\""),
        ("github_attestation(input.http, \"world/..\")", "must be a string \"owner/repo\""),
    ] {
        let error = world.decide(&format!("allow if {call}"), &known()).expect_err(call);
        assert!(error.contains(expected), "{call}: {error}");
    }
}
