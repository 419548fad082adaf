//! Policies about signed images: what the helpers count, keys, provenance, and what a decision says of the
//! signatures that don't count.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]
#![allow(clippy::needless_raw_string_hashes, reason = "one way to write all policies")]

mod harness;

use harness::signed::{Signed, builder, key};
use harness::{IMAGE, MemoryRoot, amd64, ask, load_files, source};
use policy_engine::check::{Action, Decision, Facts, Outcome};
use policy_engine::policy::{Policy, PolicyError};
use policy_engine::source::SourceOp;
use policy_engine::verify::{RootKind, Step, Subject, Trust};
use serde_json::json;

const MATERIAL: &str = "docker-image://docker.io/library/base:1";

fn policy(allow: &str, files: &[(&str, &str)]) -> Policy {
    let text = format!("package docker\ndefault allow := false\n{allow}\ndecision := {{\"allow\": allow}}\n");
    load_files(&[("p.rego", &text)], Some(MemoryRoot::new(files)), false)
        .unwrap_or_else(|error| panic!("{error}\n{allow}"))
}

fn facts(identifier: &str, image: &Signed) -> Facts {
    let mut facts = Facts::default();
    facts.insert(source(identifier), Some(amd64()), image.metadata());
    facts
}

fn check(policy: &Policy, facts: &Facts, trust: &Trust) -> Result<Outcome, PolicyError> {
    ask(&|check| policy.check(check, trust), &source(IMAGE), facts)
}

fn decide(rules: &str, files: &[(&str, &str)], image: &Signed, trust: &Trust) -> Decision {
    match check(&policy(rules, files), &facts(IMAGE, image), trust) {
        Ok(Outcome::Decided(decision)) => decision,
        other => panic!("{other:?}\n{rules}"),
    }
}

fn allows(rules: &str, image: &Signed) -> bool {
    decide(rules, &[], image, &image.trust(RootKind::Sigstore)).action == Action::Allow
}

const BUILDER: &str = r#"allow if docker_github_builder(input.image, "org/app")"#;
const BUILDER_TAG: &str = r#"allow if docker_github_builder_tag(input.image, "org/app", "v1")"#;
const BUILDER_SIGNATURE: &str = r#"allow if {
    some signature in input.image.signatures
    docker_github_builder_signature(signature, "org/app")
}"#;

fn image() -> Signed {
    Signed::new(&json!([]))
}

#[test]
fn the_helpers_count_what_buildx_counts() {
    let good = image().by(&builder("org/app", "v1"), Subject::Attestation);
    for rules in [BUILDER, BUILDER_TAG, BUILDER_SIGNATURE] {
        assert!(allows(rules, &good), "{rules}");
        assert!(!allows(rules, &image()), "{rules}");
        for covers in [Subject::Image, Subject::Index] {
            let on_other = image().by(&builder("org/app", "v1"), covers);
            assert!(allows(
                r#"allow if input.image.signatures[0].kind == "docker-github-builder""#,
                &on_other
            ));
            assert!(!allows(rules, &on_other), "{rules} on {covers}");
        }
        let of_other = image().by(&builder("org/other", "v1"), Subject::Attestation);
        assert!(!allows(rules, &of_other), "{rules}");
        let private = decide(rules, &[], &good, &good.trust(RootKind::Private));
        assert_eq!(private.action, Action::Deny, "{rules}");
    }
    assert!(!allows(BUILDER_TAG, &image().by(&builder("org/app", "v2"), Subject::Attestation)));
}

/// An image may have several signatures, and each says something else.
#[test]
fn one_signature_must_say_both() {
    let two = image()
        .by(&builder("org/app", "v2"), Subject::Attestation)
        .by(&builder("org/other", "v1"), Subject::Attestation);
    assert!(allows(BUILDER, &two) && !allows(BUILDER_TAG, &two));
    let three = two.by(&builder("org/app", "v1"), Subject::Attestation);
    assert!(allows(BUILDER_TAG, &three));
    let parts = image()
        .by(&builder("org/app", "v2"), Subject::Attestation)
        .by(&builder("org/app", "v1"), Subject::Image);
    assert!(!allows(BUILDER_TAG, &parts));
}

/// Tests of policies that were written for buildx know neither `subject` nor `trustRoot`.
#[test]
fn inputs_of_tests_may_leave_out_what_is_ours() {
    let signature = |more: &str| {
        format!(
            r#"mock := {{"hasProvenance": true, "signatures": [{{
                "kind": "docker-github-builder", "type": "bundle-v0.3", "timestamps": [{{}}], {more}
                "signer": {{
                    "certificateIssuer": "CN=sigstore-intermediate,O=sigstore.dev",
                    "issuer": "https://token.actions.githubusercontent.com",
                    "runnerEnvironment": "github-hosted",
                    "sourceRepositoryURI": "https://github.com/org/app",
                    "sourceRepositoryRef": "refs/tags/v1",
                }},
            }}]}}
            allow if docker_github_builder_tag(mock, "org/app", "v1")"#
        )
    };
    for (more, expected) in [
        ("", true),
        (r#""subject": "attestation", "trustRoot": "sigstore","#, true),
        (r#""subject": "image","#, false),
        (r#""trustRoot": "mine","#, false),
    ] {
        assert_eq!(allows(&signature(more), &image()), expected, "{more}");
    }
}

#[test]
fn a_signature_says_what_it_is() {
    let image = image().by(&builder("org/app", "v1"), Subject::Attestation);
    for condition in [
        r#"signature.subject == "attestation""#,
        r#"signature.trustRoot == "sigstore""#,
        r#"signature.type == "bundle-v0.3""#,
        r#"startswith(signature.digest, "sha256:")"#,
        r#"signature.predicateType == "https://sigstore.dev/cosign/sign/v1""#,
        r#"signature.signer.subjectAlternativeName == signature.signer.buildSignerURI"#,
        r#"some time in signature.timestamps; time.type == "Tlog""#,
        "not signature.isDHI",
    ] {
        let rules = format!("allow if {{ some signature in input.image.signatures; {condition} }}");
        assert!(allows(&rules, &image), "{condition}");
    }
    assert!(allows("allow if not input.image.verification", &image));
}

#[test]
fn provenance_is_signed_when_its_attestation_manifest_is() {
    let signed = "allow if input.image.provenance.signatures";
    assert!(allows(signed, &image().by(&builder("org/app", "v1"), Subject::Attestation)));
    for covers in [Subject::Image, Subject::Index] {
        assert!(!allows(signed, &image().by(&builder("org/app", "v1"), covers)));
    }
    let untrusted = image().by(&builder("org/app", "v1"), Subject::Attestation);
    assert_eq!(decide(signed, &[], &untrusted, &Trust::default()).action, Action::Deny);
}

#[test]
fn a_decision_says_which_signatures_do_not_count() {
    let image = image().by(&builder("org/app", "v1"), Subject::Attestation);
    let decision = decide("allow if not input.image.signatures", &[], &image, &Trust::default());
    let [failure] = decision.failures.as_slice() else { panic!("{decision:?}") };
    assert_eq!((failure.step, failure.subject), (Step::TrustRoot, Some(Subject::Attestation)));
    assert_eq!(decision.action, Action::Allow, "it is not signed under any root");
    let told = r#"allow if { some f in input.image.verification; f.step == "trust-root"; f.format == "bundle-v0.3" }"#;
    assert_eq!(decide(told, &[], &image, &Trust::default()).action, Action::Allow);
    // Nobody asked for the signatures.
    let mut metadata = image.metadata();
    metadata.image.as_mut().unwrap().signatures = None;
    let mut facts = Facts::default();
    facts.insert(source(IMAGE), Some(amd64()), metadata);
    let Outcome::Decided(decision) =
        check(&policy("allow if input.image.hasProvenance", &[]), &facts, &Trust::default()).unwrap()
    else {
        panic!()
    };
    assert_eq!(decision.failures, []);
}

const KEY: &str = r#"allow if verify_image_key(input.image, "cosign.pub")"#;

#[test]
fn a_key_verifies_what_it_signed() {
    let (signer, public) = key("mine");
    let (other, _) = key("other");
    let files = [("cosign.pub", public.as_str())];
    let image = image().by(&signer, Subject::Image).by(&other, Subject::Index);
    let trust = image.trust(RootKind::Sigstore);
    let decision = decide(KEY, &files, &image, &trust);
    assert_eq!(decision.action, Action::Allow);
    // The one that needed a key and found it counts; the other one doesn't.
    let failures: Vec<_> = decision.failures.iter().map(|failure| (failure.step, failure.subject)).collect();
    assert_eq!(failures, [(Step::KeyNeeded, Some(Subject::Index))]);
    for (condition, expected) in [
        ("count(verify_image_key(input.image, \"cosign.pub\")) == 1", true),
        (r#"verify_image_key(input.image, "cosign.pub")[0].subject == "image""#, true),
        (r#"verify_image_key(input.image, "cosign.pub")[0].signer"#, false),
        (r#"some s in verify_image_key(input.image, "cosign.pub"); s.subject == "attestation""#, false),
        (r#"img := input.image; verify_image_key(img, "cosign.pub")"#, true),
    ] {
        let decision = decide(&format!("allow if {{ {condition} }}"), &files, &image, &trust);
        assert_eq!(decision.action == Action::Allow, expected, "{condition}");
    }
    let (_, stranger) = key("stranger");
    let decision = decide(KEY, &[("cosign.pub", stranger.as_str())], &image, &trust);
    assert_eq!(decision.action, Action::Deny);
    let steps: Vec<_> = decision.failures.iter().map(|failure| failure.step).collect();
    assert_eq!(steps, [Step::Signature, Step::Signature], "that a key is needed goes without saying");
    let unsigned =
        decide(&format!("{KEY}\nallow if not input.image.signatures"), &files, &self::image(), &trust);
    assert_eq!((unsigned.action, unsigned.failures.len()), (Action::Allow, 0));
}

#[test]
fn what_a_key_cannot_be_asked() {
    let (signer, public) = key("mine");
    let image = image().by(&signer, Subject::Image);
    let large = "x".repeat((128 << 10) + 1);
    let files = [("cosign.pub", public.as_str()), ("text", "hello"), ("large", large.as_str())];
    for (call, message) in [
        (r#"verify_image_key({}, "cosign.pub")"#, "the first argument must be `input.image`"),
        (r#"verify_image_key(input, "cosign.pub")"#, "the first argument must be `input.image`"),
        ("verify_image_key(input.image, 1)", "the name of a file must be a string, not 1"),
        (
            r#"verify_image_key(input.image, "no.pub")"#,
            "cannot read `no.pub`: no such file in the policy's root",
        ),
        (r#"verify_image_key(input.image, "../a")"#, "the path leads out of the policy's root"),
        (r#"verify_image_key(input.image, "large")"#, "larger than the limit of 131072 bytes"),
        (r#"verify_image_key(input.image, "text")"#, "`text` is no public key: it is no PEM file"),
    ] {
        let policy = policy(&format!("allow if {call}"), &files);
        // Whether it is known already what it would verify or not.
        for facts in [facts(IMAGE, &image), Facts::default()] {
            let error = check(&policy, &facts, &Trust::default()).unwrap_err().to_string();
            assert!(error.contains("verify_image_key: ") && error.contains(message), "{error}");
        }
    }
}

#[test]
fn a_key_asks_for_the_signatures() {
    let (_, public) = key("mine");
    let policy = policy(KEY, &[("cosign.pub", public.as_str())]);
    let Outcome::Needs(requests) = check(&policy, &Facts::default(), &Trust::default()).unwrap() else {
        panic!()
    };
    let wanted = requests[0].wanted.image.as_ref().unwrap();
    assert!(
        wanted.signatures && wanted.attestation_chain && !wanted.config && wanted.attestations.is_empty()
    );
    let git = SourceOp::new("https://example.com/f.tar");
    let outcome = ask(&|check| policy.check(check, &Trust::default()), &git, &Facts::default()).unwrap();
    let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
    assert_eq!(decision.action, Action::Deny, "a URL has no signatures of an image");
}

#[test]
fn materials_have_signatures_of_their_own() {
    let rules = r#"allow if {
        some material in input.image.provenance.materials
        docker_github_builder(material.image, "org/base")
        material.image.provenance.signatures
    }"#;
    let image = Signed::new(&json!([{"uri": "pkg:docker/base@1?platform=linux%2Famd64"}]));
    let base = self::image().by(&builder("org/base", "v1"), Subject::Attestation);
    let policy = policy(rules, &[]);
    let mut facts = facts(IMAGE, &image);
    let Outcome::Needs(requests) = check(&policy, &facts, &Trust::default()).unwrap() else { panic!() };
    assert_eq!(requests[0].source.identifier, MATERIAL);
    assert!(requests[0].wanted.image.as_ref().unwrap().signatures);
    facts.insert(source(MATERIAL), Some(amd64()), base.metadata());
    for (trust, expected) in
        [(base.trust(RootKind::Sigstore), Action::Allow), (Trust::default(), Action::Deny)]
    {
        let Outcome::Decided(decision) = check(&policy, &facts, &trust).unwrap() else { panic!() };
        assert_eq!((decision.action, decision.failures.len()), (expected, 0));
    }
    // The first argument must be the image being checked.
    let (_, public) = key("mine");
    let call = r#"allow if verify_image_key(input.image.provenance.materials[0].image, "cosign.pub")"#;
    let policy = self::policy(call, &[("cosign.pub", public.as_str())]);
    let error = check(&policy, &facts, &Trust::default()).unwrap_err().to_string();
    assert!(error.contains("the first argument must be `input.image`"), "{error}");
}

#[test]
fn an_oci_layout_is_verified_alike() {
    let (signer, public) = key("mine");
    let image = image().by(&signer, Subject::Image).by(&builder("org/app", "v1"), Subject::Attestation);
    let rules = r#"allow if {
        verify_image_key(input.ociLayout, "cosign.pub")
        docker_github_builder(input.ociLayout, "org/app")
    }"#;
    let layout = source("oci-layout://store/app:1");
    let policy = policy(rules, &[("cosign.pub", public.as_str())]);
    let mut facts = Facts::default();
    facts.insert(layout.clone(), Some(amd64()), image.metadata());
    let trust = image.trust(RootKind::Sigstore);
    let outcome = ask(&|check| policy.check(check, &trust), &layout, &facts).unwrap();
    let Outcome::Decided(decision) = outcome else { panic!("{outcome:?}") };
    assert_eq!(decision.action, Action::Allow);
}
