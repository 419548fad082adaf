//! BuildKit is asked for the digests that PGP signatures are over: one at a time, and it forgets the others.

use std::path::Path;
use std::sync::Arc;

use policy_engine::input::Env;
use policy_engine::metadata::{ChecksumResponse, HttpMetadata, Metadata};
use policy_engine::policy::PolicyFile;
use policy_engine::source::SourceOp;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::world::{End, World, converse, policy, question, verifier};
use crate::buildkit::proto::gateway::checksum_request::ChecksumAlgo;
use crate::buildkit::proto::policysession::Answer;
use crate::buildkit::proto::sourcepolicy::PolicyAction;
use crate::policy_files::open_root;
use crate::serve::record::Verdict;
use crate::serve::verify::{Jurisdiction, VerifyError};

const URL: &str = "https://files.test/body";

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/signatures/git")
}

fn named(algorithm: &str, bytes: &[u8]) -> String {
    let hex = match algorithm {
        "sha256" => data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)),
        "sha384" => data_encoding::HEXLOWER.encode(&Sha384::digest(bytes)),
        _ => data_encoding::HEXLOWER.encode(&Sha512::digest(bytes)),
    };
    format!("{algorithm}:{hex}")
}

/// What a signature of the fixtures is hashed with, after the content.
fn suffix(signature: &str) -> (&'static str, Vec<u8>) {
    let packet = std::fs::read(fixtures().join("http").join(signature)).unwrap();
    // The header has two bytes, or three for long packets (RFC 9580 section 4.2).
    let body = if packet[0].is_multiple_of(4) { &packet[2..] } else { &packet[3..] };
    let hashed = &body[..6 + usize::from(u16::from_be_bytes([body[4], body[5]]))];
    let algorithm = match hashed[3] {
        8 => "sha256",
        9 => "sha384",
        _ => "sha512",
    };
    let length = u32::try_from(hashed.len()).unwrap().to_be_bytes();
    (algorithm, [hashed, &[4, 0xff], &length].concat())
}

/// A world whose URL delivers `body`: all digests that the fixtures' signatures may be over.
fn world(body: &[u8]) -> Arc<World> {
    let digest = |signature: &str| {
        let (algorithm, suffix) = suffix(signature);
        ChecksumResponse { digest: named(algorithm, &[body, &suffix].concat()), suffix: suffix.into() }
    };
    let http = HttpMetadata {
        checksum: named("sha256", body),
        checksum_responses: ["rsa.sig", "ed25519.sig", "sha384.sig"].map(digest).into(),
        ..HttpMetadata::default()
    };
    let mut world = World::default();
    world.learn(&SourceOp::new(URL), Metadata { http: Some(http), ..Metadata::default() });
    Arc::new(world)
}

async fn ask(calls: &str, world: &Arc<World>) -> End {
    let text = format!("package docker\ndefault allow := false\n{calls}\ndecision := {{\"allow\": allow}}");
    let file = PolicyFile { name: "p.rego".into(), text };
    let policies = policy(vec![file], Some(open_root(&fixtures()).unwrap())).unwrap();
    let jurisdiction = Arc::new(Jurisdiction { policies, env: Env::default(), reads_from_client: false });
    converse(&verifier(world), world, &[jurisdiction], question(&SourceOp::new(URL), None)).await
}

fn content() -> Vec<u8> {
    std::fs::read(fixtures().join("http/body")).unwrap()
}

const ONE: &str = "allow if verify_http_pgp_signature(input.http, \"http/rsa.sig\", \"pgp/rsa.asc\")";

#[tokio::test]
async fn a_digest_with_the_signatures_trailer_decides() {
    for (body, verdict, action) in [
        (content(), Verdict::Allow, PolicyAction::Allow),
        (b"else".to_vec(), Verdict::Deny, PolicyAction::Deny),
    ] {
        let end = ask(ONE, &world(&body)).await;
        let [request] = end.requests.as_slice() else { panic!("{:?}", end.requests) };
        let asked = request.http.as_ref().unwrap().checksum_request.as_ref().unwrap();
        assert_eq!((asked.algo(), &asked.suffix), (ChecksumAlgo::Sha512, &suffix("rsa.sig").1));
        assert_eq!(end.record.verdict, verdict);
        let Ok(Answer::Decision(decision)) = end.answer else { panic!("{:?}", end.answer) };
        assert_eq!(decision.action(), action);
    }
}

#[tokio::test]
async fn several_digests_come_one_after_another() {
    let calls = "allow if {\n\
                   verify_http_pgp_signature(input.http, \"http/rsa.sig\", \"pgp/rsa.asc\")\n\
                   verify_http_pgp_signature(input.http, \"http/ed25519.sig\", \"pgp/ed25519.asc\")\n\
                   verify_http_pgp_signature(input.http, \"http/sha384.sig\", \"pgp/rsa.asc\")\n\
                 }";
    let world_of_content = world(&content());
    let end = ask(calls, &world_of_content).await;
    let asked = end
        .requests
        .iter()
        .map(|request| request.http.as_ref().unwrap().checksum_request.as_ref().unwrap().suffix.clone());
    assert_eq!(asked.collect::<Vec<_>>(), ["rsa.sig", "ed25519.sig", "sha384.sig"].map(|it| suffix(it).1));
    assert_eq!(end.record.verdict, Verdict::Allow, "{:?}", end.answer);
    // The log knows all of them, so the decision can be made again.
    let case = end.record.case.unwrap();
    let log = tempfile::tempdir().unwrap();
    let path = log.path().join("log.jsonl");
    std::fs::write(&path, serde_json::json!({"replay": case}).to_string()).unwrap();
    let text = format!("package docker\ndefault allow := false\n{calls}\ndecision := {{\"allow\": allow}}");
    let mode = crate::replay::Mode::Adopt(vec![PolicyFile { name: "p.rego".into(), text }]);
    let root = open_root(&fixtures()).unwrap();
    let summary = crate::replay::run(&path, &mode, Some(&root), &Arc::default()).unwrap();
    assert_eq!(summary.differences, [], "{case}");

    let end = ask(calls, &world(b"else")).await;
    assert_eq!((end.record.verdict, end.requests.len()), (Verdict::Deny, 1));
}

#[tokio::test]
async fn a_daemon_that_does_not_answer_is_not_asked_for_ever() {
    let mut silent = World::default();
    let http = HttpMetadata { checksum: named("sha256", b""), ..HttpMetadata::default() };
    silent.learn(&SourceOp::new(URL), Metadata { http: Some(http), ..Metadata::default() });
    let end = ask(ONE, &Arc::new(silent)).await;
    assert!(matches!(end.answer, Err(VerifyError::Stuck(_))), "{:?}", end.answer);
    assert_eq!(end.requests.len(), 1);
}
