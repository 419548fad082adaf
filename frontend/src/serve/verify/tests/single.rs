//! What can happen in one check.

use std::sync::Arc;

use policy_engine::input::Env;
use policy_engine::metadata::{AttestationChain, Blob, Descriptor, HttpMetadata, ImageMetadata, Metadata};
use policy_engine::policy::{FileError, PolicyFile, PolicyRoot};
use policy_engine::source::SourceOp;

use super::world::{End, World, amd64, converse, jurisdiction, policy, question, response, verifier};
use crate::buildkit::convert::ConvertError;
use crate::buildkit::proto::pb;
use crate::buildkit::proto::policysession::{Answer, CheckPolicyRequest, DecisionResponse};
use crate::buildkit::proto::sourcepolicy::PolicyAction;
use crate::serve::record::Verdict;
use crate::serve::verify::lookups::MAX_LOOKUPS;
use crate::serve::verify::{Jurisdiction, VerifyError};

const LOCAL: &str = "local://context";
const IMAGE: &str = "docker-image://registry.test/team/app:1";
const ALLOW: &str = "decision := {\"allow\": true}";
const LABELS: &str =
    "default allow := false\nallow if input.image.labels.a == \"b\"\ndecision := {\"allow\": allow}";
const ATTESTED: &str =
    "default allow := false\nallow if not input.image.hasProvenance\ndecision := {\"allow\": allow}";

fn digest(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
}

fn decision(answer: Result<Answer, VerifyError>) -> DecisionResponse {
    match answer {
        Ok(Answer::Decision(decision)) => decision,
        other => panic!("no decision: {other:?}"),
    }
}

fn messages(answer: Result<Answer, VerifyError>) -> Vec<String> {
    decision(answer).deny_messages.into_iter().map(|message| message.message).collect()
}

/// `IMAGE` with a label, as an index or as a manifest.
fn image_world(index: bool) -> Arc<World> {
    let config = r#"{"os":"linux","architecture":"amd64","config":{"Labels":{"a":"b"}}}"#;
    let chain = AttestationChain { root: digest('a'), ..AttestationChain::default() };
    let image = ImageMetadata {
        digest: digest('a'),
        config: Some(config.into()),
        attestation_chain: index.then_some(chain),
        ..ImageMetadata::default()
    };
    let mut world = World::default();
    let known = Metadata { image: Some(image), ..Metadata::default() };
    world.learn(&SourceOp::new(IMAGE), known.clone());
    world.learn(&SourceOp::new(format!("{IMAGE}@{}", digest('a'))), known);
    Arc::new(world)
}

async fn ask(rules: &[(&str, &str)], source: &str) -> End {
    let world = Arc::new(World::default());
    let jurisdictions: Vec<_> = rules.iter().map(|(name, rules)| jurisdiction(name, rules)).collect();
    converse(&verifier(&world), &world, &jurisdictions, question(&SourceOp::new(source), amd64())).await
}

#[tokio::test]
async fn malformed_questions_are_errors() {
    let world = Arc::new(World::default());
    let (verifier, allow) = (verifier(&world), [jurisdiction("p.rego", ALLOW)]);
    let check = |request: CheckPolicyRequest| async {
        let (answer, record) = verifier.check(&allow, request).await;
        assert_eq!(record.verdict, Verdict::Error);
        let error = answer.unwrap_err();
        assert_eq!(record.messages, [error.to_string()]);
        error
    };
    let no_source = VerifyError::Message(ConvertError::NoSource);
    assert_eq!(check(CheckPolicyRequest::default()).await, no_source);
    let mut empty = question(&SourceOp::new(""), None);
    assert_eq!(check(empty.clone()).await, no_source);
    empty.source.as_mut().unwrap().source = None;
    assert_eq!(check(empty).await, no_source);
    for identifier in ["noscheme", "ftp://h/x", "docker-image+blob://a@b", "docker-image://A b"] {
        let error = check(question(&SourceOp::new(identifier), amd64())).await;
        assert!(matches!(error, VerifyError::Policy { .. }), "{identifier}: {error}");
    }
    let broken = Some(pb::Platform { os: "linux".into(), ..pb::Platform::default() });
    let error = check(question(&SourceOp::new(IMAGE), broken)).await;
    assert!(matches!(error, VerifyError::Message(ConvertError::Platform(_))), "{error}");
    let status = tonic::Status::from(error);
    assert_eq!(status.code(), tonic::Code::FailedPrecondition);
}

#[tokio::test]
async fn without_jurisdiction_nothing_is_allowed() {
    assert_eq!(ask(&[], LOCAL).await.answer, Err(VerifyError::NoJurisdiction));
    let end = ask(&[("p.rego", ALLOW)], LOCAL).await;
    assert_eq!(decision(end.answer), DecisionResponse::default());
    assert_eq!(end.record.verdict, Verdict::Allow);
}

#[tokio::test]
async fn denials_tell_where_they_come_from() {
    let said =
        "deny_msg contains \"only pinned\" if true\ndecision := {\"allow\": false, \"deny_msg\": deny_msg}";
    let silent = "default allow := false\ndecision := {\"allow\": allow}";
    let end = ask(&[("p.rego", said)], LOCAL).await;
    assert_eq!(messages(end.answer), ["only pinned (p.rego:2:1)"]);
    assert_eq!(end.record.messages, ["only pinned"]);
    assert_eq!(messages(ask(&[("q.rego", silent)], LOCAL).await.answer), ["denied by policy (q.rego:2:1)"]);
}

#[tokio::test]
async fn all_jurisdictions_must_allow() {
    let deny = "decision := {\"allow\": false, \"deny_msg\": \"no\"}";
    let end = ask(&[("a.rego", ALLOW), ("b.rego", LABELS), ("c.rego", deny)], IMAGE).await;
    assert!(messages(end.answer)[0].starts_with("no (c.rego:"));
    assert_eq!(end.requests, []);
    let names: Vec<_> = end.record.policies.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["a.rego", "b.rego", "c.rego"]);
    let pin = format!("decision := {{\"allow\": pin_image(input.image, \"{}\")}}", digest('a'));
    let end = ask(&[("b.rego", LABELS), ("c.rego", &pin)], IMAGE).await;
    assert_eq!(end.record.pin.unwrap().identifier, format!("{IMAGE}@{}", digest('a')));
    let answer = decision(end.answer);
    assert_eq!((answer.action(), answer.deny_messages.len()), (PolicyAction::Convert, 0));
    assert!(matches!(
        ask(&[("a.rego", "decision := 1"), ("c.rego", deny)], IMAGE).await.answer,
        Err(VerifyError::Policy { .. })
    ));
}

#[tokio::test]
async fn what_any_needs_is_asked_for_at_once() {
    let world = image_world(true);
    let provenance = "default allow := true\nallow := false if input.image.provenance.reproducible\n\
                      decision := {\"allow\": allow}";
    let jurisdictions = [jurisdiction("a.rego", LABELS), jurisdiction("b.rego", provenance)];
    let end =
        converse(&verifier(&world), &world, &jurisdictions, question(&SourceOp::new(IMAGE), amd64())).await;
    assert_eq!(decision(end.answer), DecisionResponse::default());
    let asked: Vec<_> = end.requests.into_iter().map(|request| request.image.unwrap()).collect();
    assert_eq!(asked.len(), 2);
    assert!(!asked[0].no_config && !asked[0].attestation_chain && asked[0].resolve_attestations.is_empty());
    assert!(!asked[1].no_config && asked[1].attestation_chain && asked[1].resolve_attestations.len() == 2);
    assert_eq!(end.record.digest, Some(digest('a')));
}

#[tokio::test]
async fn chains_of_what_is_no_index_come_from_our_own_resolver() {
    let world = image_world(false);
    let check = async |rules: &str, identifier: &str| {
        let jurisdiction = [jurisdiction("p.rego", rules)];
        converse(&verifier(&world), &world, &jurisdiction, question(&SourceOp::new(identifier), amd64()))
            .await
    };
    let end = check(ATTESTED, IMAGE).await;
    assert_eq!(decision(end.answer), DecisionResponse::default());
    assert_eq!(end.requests.len(), 1);
    let pinned = format!("registry.test/team/app@{}", digest('a'));
    let asked = std::mem::take(&mut *world.asked.lock().unwrap());
    let chain = format!("docker-image://{pinned} (digest, attestation chain)");
    assert_eq!(asked, [format!("media type of {pinned}"), chain.clone()]);
    // With the digest in the name, BuildKit isn't asked at all.
    let end = check(ATTESTED, &format!("{IMAGE}@{}", digest('a'))).await;
    assert_eq!(end.requests, []);
    assert_eq!(decision(end.answer), DecisionResponse::default());
    // It delivers the config nevertheless.
    let both = "default allow := false\nallow if { not input.image.hasProvenance; input.image.labels.a == \"b\" }\n\
                decision := {\"allow\": allow}";
    let end = check(both, &format!("{IMAGE}@{}", digest('a'))).await;
    assert_eq!(decision(end.answer), DecisionResponse::default());
    assert!(
        end.requests.iter().all(|request| request.image.as_ref().is_some_and(|it| !it.attestation_chain))
    );
}

#[tokio::test]
async fn platforms_go_back_as_they_came() {
    let world = image_world(true);
    let jurisdiction = [jurisdiction("p.rego", LABELS)];
    let end = converse(&verifier(&world), &world, &jurisdiction, question(&SourceOp::new(IMAGE), None)).await;
    assert_eq!(end.requests[0].platform, None);
    assert_eq!(decision(end.answer), DecisionResponse::default());
    assert_eq!(end.record.platform, None);
}

#[tokio::test]
async fn what_buildkit_does_not_deliver_is_not_asked_for_twice() {
    let (world, source) = (image_world(true), SourceOp::new(IMAGE));
    let (verifier, jurisdiction) = (verifier(&world), [jurisdiction("p.rego", LABELS)]);
    let (first, _) = verifier.check(&jurisdiction, question(&source, amd64())).await;
    assert!(matches!(first, Ok(Answer::Request(_))));
    // A digest, but no config.
    let image = ImageMetadata { digest: digest('a'), ..ImageMetadata::default() };
    let mut again = question(&source, amd64());
    let known = Metadata { image: Some(image), ..Metadata::default() };
    again.source = Some(response(&again.source.unwrap().source.unwrap(), &known));
    let (second, record) = verifier.check(&jurisdiction, again.clone()).await;
    assert!(matches!(second, Err(VerifyError::Stuck(_))), "{second:?}");
    assert_eq!(record.verdict, Verdict::Error);
    // Another conversation about the same source is none of its business.
    let (other, _) = verifier.check(&jurisdiction, question(&source, amd64())).await;
    assert!(matches!(other, Ok(Answer::Request(_))));
}

#[tokio::test]
async fn an_image_that_moves_is_refused() {
    let (world, source) = (image_world(true), SourceOp::new(IMAGE));
    let (verifier, jurisdiction) = (verifier(&world), [jurisdiction("p.rego", ATTESTED)]);
    let mut asked = question(&source, amd64());
    let named = asked.source.clone().unwrap().source.unwrap();
    let deliver = |digest: String, chain: Option<AttestationChain>| {
        let image = ImageMetadata {
            digest,
            config: Some(b"{}"[..].into()),
            attestation_chain: chain,
            ..ImageMetadata::default()
        };
        response(&named, &Metadata { image: Some(image), ..Metadata::default() })
    };
    drop(verifier.check(&jurisdiction, asked.clone()).await);
    asked.source = Some(deliver(digest('a'), None));
    let (answer, _) = verifier.check(&jurisdiction, asked.clone()).await;
    assert!(matches!(&answer, Ok(Answer::Request(it)) if it.image.as_ref().unwrap().attestation_chain));
    let moved = AttestationChain { root: digest('b'), ..AttestationChain::default() };
    for delivered in [digest('a'), digest('b')] {
        asked.source = Some(deliver(delivered, Some(moved.clone())));
        let (answer, _) = verifier.check(&jurisdiction, asked.clone()).await;
        assert!(matches!(answer, Err(VerifyError::Moved { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn attestations_of_layouts_cannot_be_had() {
    let rules = ATTESTED.replace("input.image", "input.ociLayout");
    let layout = format!("oci-layout://store/app@{}", digest('a'));
    let mut source = SourceOp::new(layout);
    source.attrs.insert("oci.store".into(), "store".into());
    let world = Arc::new(World::default());
    let jurisdiction = [jurisdiction("p.rego", &rules)];
    let end = converse(&verifier(&world), &world, &jurisdiction, question(&source, amd64())).await;
    assert!(matches!(end.answer, Err(VerifyError::LayoutAttestations { .. })), "{:?}", end.answer);
}

/// `IMAGE` with a provenance that names these URLs; each has the digest `a`.
fn world_with_materials(materials: &[String]) -> Arc<World> {
    let list: Vec<_> = materials.iter().map(|uri| serde_json::json!({"uri": uri})).collect();
    let statement = serde_json::json!({
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "app", "digest": {"sha256": "e".repeat(64)}}],
        "predicate": {"buildType": "https://build.test/", "materials": list},
    });
    let descriptor = Descriptor {
        digest: digest('c'),
        annotations: [("in-toto.io/predicate-type".into(), "https://slsa.dev/provenance/v0.2".into())].into(),
        ..Descriptor::default()
    };
    let annotations = &descriptor.annotations;
    let manifest = serde_json::json!({"layers": [{"digest": digest('c'), "annotations": annotations}]});
    let listed = Blob {
        descriptor: Descriptor { digest: digest('d'), ..Descriptor::default() },
        data: manifest.to_string().into(),
    };
    let statement = Blob { descriptor, data: statement.to_string().into() };
    let chain = AttestationChain {
        root: digest('a'),
        image_manifest: digest('e'),
        attestation_manifest: digest('d'),
        blobs: [(digest('c'), statement), (digest('d'), listed)].into(),
        ..AttestationChain::default()
    };
    let image = ImageMetadata {
        digest: digest('a'),
        config: None,
        attestation_chain: Some(chain),
        ..ImageMetadata::default()
    };
    let mut world = World::default();
    world.learn(&SourceOp::new(IMAGE), Metadata { image: Some(image), ..Metadata::default() });
    for material in materials {
        let http =
            HttpMetadata { checksum: digest('a'), checksum_responses: Vec::new(), ..HttpMetadata::default() };
        world.learn(&SourceOp::new(material), Metadata { http: Some(http), ..Metadata::default() });
    }
    Arc::new(world)
}

#[tokio::test]
async fn materials_are_looked_up_once_in_a_build() {
    let world = world_with_materials(&["https://files.test/a".into()]);
    let rules = format!(
        "default allow := false\nallow if input.image.provenance.materials[0].http.checksum == \"{}\"\n\
         decision := {{\"allow\": allow}}",
        digest('a')
    );
    let (verifier, jurisdiction) = (verifier(&world), [jurisdiction("p.rego", &rules)]);
    for _ in 0..2 {
        let question = question(&SourceOp::new(IMAGE), amd64());
        let end = converse(&verifier, &world, &jurisdiction, question).await;
        assert_eq!(decision(end.answer), DecisionResponse::default());
        // The case knows the material too, so it can be decided again.
        let case = end.record.case.unwrap();
        assert_eq!(case["materials"].as_array().map(Vec::len), Some(1), "{case}");
        let log = tempfile::tempdir().unwrap();
        let path = log.path().join("log.jsonl");
        std::fs::write(&path, serde_json::json!({"replay": case}).to_string()).unwrap();
        let file = PolicyFile { name: "p.rego".into(), text: format!("package docker\n{rules}") };
        let summary =
            crate::replay::run(&path, &crate::replay::Mode::Adopt(vec![file]), None, &Arc::default())
                .unwrap();
        assert_eq!(summary.differences, []);
    }
    let asked = world.asked.lock().unwrap().join("\n");
    assert!(asked.matches("files.test").count() == 1 && asked.matches("media type").count() == 1, "{asked}");
}

#[tokio::test]
async fn many_materials_take_turns() {
    let materials: Vec<_> = (0..100).map(|number| format!("https://files.test/{number}")).collect();
    let world = world_with_materials(&materials);
    let rules = "allow if every m in input.image.provenance.materials { m.http.checksum != \"x\" }\n\
                 default allow := false\ndecision := {\"allow\": allow}";
    let question = question(&SourceOp::new(IMAGE), amd64());
    let end = converse(&verifier(&world), &world, &[jurisdiction("p.rego", rules)], question).await;
    assert_eq!(decision(end.answer), DecisionResponse::default());
    assert!(world.asked.lock().unwrap().len() > materials.len());
    assert_eq!(world.most_lookups(), MAX_LOOKUPS);
}

#[tokio::test]
async fn a_material_that_cannot_be_had_is_an_error() {
    let mut gone = world_with_materials(&["https://files.test/a".into()]);
    Arc::get_mut(&mut gone).unwrap().sources.remove("https://files.test/a");
    let rules = "default allow := true\nallow := false if input.image.provenance.materials[0].http.checksum == \"x\"\n\
                 decision := {\"allow\": allow}";
    let question = question(&SourceOp::new(IMAGE), amd64());
    let end = converse(&verifier(&gone), &gone, &[jurisdiction("p.rego", rules)], question).await;
    assert!(matches!(end.answer, Err(VerifyError::Lookup { .. })), "{:?}", end.answer);
}

#[tokio::test]
async fn a_policy_that_breaks_down_allows_nothing() {
    struct Broken;
    impl PolicyRoot for Broken {
        fn read(&self, _: &str, _: u64) -> Result<Vec<u8>, FileError> {
            panic!("a disk that breaks");
        }
    }
    let text = "package docker\ndecision := {\"allow\": load_json(\"a.json\").a}";
    let file = PolicyFile { name: "p.rego".into(), text: text.into() };
    let policies = policy(vec![file], Some(Arc::new(Broken))).unwrap();
    let broken = Arc::new(Jurisdiction { policies, env: Env::default(), reads_from_client: false });
    let world = Arc::new(World::default());
    let (answer, record) = verifier(&world).check(&[broken], question(&SourceOp::new(LOCAL), None)).await;
    assert!(matches!(answer, Err(VerifyError::Evaluation { .. })), "{answer:?}");
    assert_eq!(record.verdict, Verdict::Error);
}

#[tokio::test]
async fn cases_hold_no_credentials() {
    let end = ask(&[("p.rego", ALLOW)], "https://user:s3cret@h.test/a").await;
    let case = end.record.case.unwrap().to_string();
    assert!(case.contains("h.test/a") && !case.contains("s3cret"), "{case}");
}
