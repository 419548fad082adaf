//! Signatures and GitHub's attestations, which BuildKit can't be asked for.

use std::sync::Arc;

use policy_engine::metadata::{
    AttestationChain, Blob, Descriptor, HttpMetadata, HttpWanted, ImageMetadata, ImageSignatures, Metadata,
    SignatureManifest, Wanted,
};
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::{Step, Subject};

use super::world::{World, amd64, converse, jurisdiction, question, verifier};
use crate::buildkit::proto::policysession::Answer;
use crate::buildkit::proto::sourcepolicy::PolicyAction;
use crate::replay::{self, Mode};
use crate::resolve::image::document::sha256;
use crate::serve::verify::lookups::{Lookups, Plan};
use crate::serve::verify::progress::Progress;
use crate::serve::verify::question::Question;

const IMAGE: &str = "docker-image://registry.test/team/app:1";
const URL: &str = "https://files.test/tool";
/// One signature was looked at, and doesn't count.
const ONE: &str = "default allow := false\n\
    allow if { not input.image.signatures; count(input.image.verification) == 1 }\n\
    decision := {\"allow\": allow}";

fn digest(c: char) -> String {
    format!("sha256:{}", c.to_string().repeat(64))
}

fn pinned() -> String {
    format!("docker-image://registry.test/team/app@{}", digest('a'))
}

/// `IMAGE` with a signature that is none, as an index or as a manifest.
fn world(index: bool, broken: &[&'static str]) -> Arc<World> {
    let manifest = r#"{"layers":[]}"#;
    let blob = Blob {
        descriptor: Descriptor {
            digest: sha256(manifest.as_bytes()),
            size: manifest.len() as u64,
            ..Descriptor::default()
        },
        data: manifest.into(),
    };
    let signature = SignatureManifest {
        covers: if index { Subject::Index } else { Subject::Image },
        subject: Descriptor { digest: digest('a'), ..Descriptor::default() },
        digest: blob.descriptor.digest.clone(),
        by_tag: false,
    };
    let image = ImageMetadata {
        digest: digest('a'),
        config: Some(b"{}"[..].into()),
        attestation_chain: index
            .then(|| AttestationChain { root: digest('a'), ..AttestationChain::default() }),
        signatures: Some(ImageSignatures {
            manifests: vec![signature],
            blobs: [(blob.descriptor.digest.clone(), blob)].into(),
            unavailable: Vec::new(),
        }),
    };
    let mut world = World::without(broken);
    world.learn(&SourceOp::new(IMAGE), Metadata { image: Some(image), ..Metadata::default() });
    Arc::new(world)
}

fn action(answer: &Answer) -> PolicyAction {
    match answer {
        Answer::Decision(decision) => decision.action(),
        Answer::Request(_) => panic!("no decision: {answer:?}"),
    }
}

#[tokio::test]
async fn signatures_of_an_index_are_our_own_once_buildkit_gave_the_chain() {
    let (world, source) = (world(true, &[]), SourceOp::new(IMAGE));
    let (verifier, jurisdiction) = (verifier(&world), [jurisdiction("p.rego", ONE)]);
    for _ in 0..2 {
        let end = converse(&verifier, &world, &jurisdiction, question(&source, amd64())).await;
        assert_eq!(action(&end.answer.unwrap()), PolicyAction::Allow, "{:?}", end.record);
        let chains: Vec<_> =
            end.requests.iter().map(|request| request.image.as_ref().unwrap().attestation_chain).collect();
        assert_eq!(chains, [false, true]);
    }
    let expected =
        [format!("media type of {}", &pinned()[15..]), format!("{} (digest, signatures)", pinned())];
    assert_eq!(*world.asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn without_an_index_chain_and_signatures_are_our_own() {
    let (world, source) = (world(false, &[]), SourceOp::new(IMAGE));
    let jurisdiction = [jurisdiction("p.rego", ONE)];
    let end = converse(&verifier(&world), &world, &jurisdiction, question(&source, amd64())).await;
    assert_eq!(action(&end.answer.unwrap()), PolicyAction::Allow, "{:?}", end.record);
    assert!(end.requests.iter().all(|request| !request.image.as_ref().unwrap().attestation_chain));
    let asked = world.asked.lock().unwrap().clone();
    let expected =
        [format!("{} (digest, attestation chain)", pinned()), format!("{} (digest, signatures)", pinned())];
    assert_eq!(asked[1..], expected);
}

#[tokio::test]
async fn a_registry_that_withholds_them_decides_nothing() {
    for index in [true, false] {
        let (world, source) = (world(index, &["signatures"]), SourceOp::new(IMAGE));
        let jurisdiction = [jurisdiction("p.rego", ONE)];
        let end = converse(&verifier(&world), &world, &jurisdiction, question(&source, amd64())).await;
        assert_eq!(action(&end.answer.unwrap()), PolicyAction::Allow, "{:?}", end.record);
        let [failure] = &end.record.failures[..] else { panic!("{:?}", end.record.failures) };
        assert_eq!(failure.step, Step::Unavailable);
        assert!(failure.message.contains("there is no signatures"), "{}", failure.message);
    }
    // The chain of an image without an index is another matter, as before.
    let (world, source) = (world(false, &["attestation chain"]), SourceOp::new(IMAGE));
    let jurisdiction = [jurisdiction("p.rego", ONE)];
    let end = converse(&verifier(&world), &world, &jurisdiction, question(&source, amd64())).await;
    assert!(end.answer.is_err());
}

#[tokio::test]
async fn policies_that_read_none_cost_nothing() {
    let (world, source) = (world(true, &[]), SourceOp::new(IMAGE));
    let rules =
        "default allow := false\nallow if not input.image.hasProvenance\ndecision := {\"allow\": allow}";
    let jurisdiction = [jurisdiction("p.rego", rules)];
    let end = converse(&verifier(&world), &world, &jurisdiction, question(&source, amd64())).await;
    assert_eq!(action(&end.answer.unwrap()), PolicyAction::Allow);
    assert_eq!(world.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn the_recorded_case_decides_again() {
    for broken in [&[][..], &["signatures"]] {
        let (world, source) = (world(true, broken), SourceOp::new(IMAGE));
        let end =
            converse(&verifier(&world), &world, &[jurisdiction("p.rego", ONE)], question(&source, amd64()))
                .await;
        let case = end.record.case.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (log, policy) = (dir.path().join("log.jsonl"), dir.path().join("p.rego"));
        std::fs::write(&log, format!("{}\n", serde_json::json!({ "replay": case }))).unwrap();
        let text = format!("package docker\n{ONE}");
        std::fs::write(&policy, &text).unwrap();
        let files = vec![policy_engine::policy::PolicyFile { name: "p.rego".into(), text }];
        let summary = replay::run(&log, &Mode::Adopt(files), None, &Arc::default()).unwrap();
        assert_eq!((summary.cases, summary.differences.len()), (1, 0), "{}", summary.human());
    }
}

/// What of `wanted` is planned where this is known of `URL`.
async fn plan(lookups: &Lookups<World>, known: Option<HttpMetadata>) -> Plan {
    let platform = Platform::new("linux", "amd64", "");
    let question = Question::read(question(&SourceOp::new(URL), None), &platform).unwrap();
    let http = HttpWanted {
        github_attestations: vec!["octo/app".into(), "octo/other".into()],
        ..HttpWanted::default()
    };
    let wanted = Wanted { http: Some(http), ..Wanted::default() };
    let known = known.map(|http| Metadata { http: Some(http), ..Metadata::default() });
    lookups.plan(&question, wanted, known.as_ref(), &Progress::default()).await.unwrap()
}

#[tokio::test]
async fn github_is_asked_by_the_digest_that_buildkit_found() {
    let known = HttpMetadata { checksum: digest('a'), ..HttpMetadata::default() };
    let attested = HttpMetadata {
        github_attestations: [("octo/app".to_owned(), vec![b"{}"[..].into()])].into(),
        ..known.clone()
    };
    let mut world = World::without(&["octo/other"]);
    world.learn(&SourceOp::new(URL), Metadata { http: Some(attested.clone()), ..Metadata::default() });
    let world = Arc::new(world);
    let lookups = Lookups::new(Arc::clone(&world));
    match plan(&lookups, None).await {
        Plan::Ask(wanted) => assert_eq!(wanted.http, Some(HttpWanted::default())),
        Plan::Found(found) => panic!("nothing is known yet: {found:?}"),
    }
    assert_eq!(world.asked.lock().unwrap().len(), 0);
    for _ in 0..2 {
        let Plan::Found(found) = plan(&lookups, Some(known.clone())).await else {
            panic!("BuildKit can't say");
        };
        let found = found.http.unwrap();
        assert_eq!(found.checksum, digest('a'));
        assert_eq!(found.github_attestations["octo/app"], attested.github_attestations["octo/app"]);
        assert_eq!(found.github_attestations["octo/other"], [""; 0]);
        let unavailable = [("octo/other".to_owned(), "there is no octo/other".to_owned())];
        assert_eq!(found.unavailable, unavailable.into());
    }
    let asked = world.asked.lock().unwrap().clone();
    let expected = ["octo/app", "octo/other"]
        .map(|repository| format!("{URL} (http checksum, attestations of github.com/{repository})"));
    assert_eq!(asked, expected);
}
