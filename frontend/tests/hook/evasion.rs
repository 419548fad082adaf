//! Nothing that a client can send turns the policy off.

use std::time::Duration;

use bytes::Bytes;
use policy_check::buildkit::proto::{control, gateway};
use prost::Message;
use tonic::Code;

use crate::builds::{ALPINE, DIGEST, alpine, policy_sessions, start};
use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE, Hook};
use crate::wire::frame;

/// Builds and insists on the platform's denial.
async fn denied(script: Script, build: Build) -> (Daemon, Outcome) {
    let (daemon, _hook, client) = start(script, DENY_ALPINE, &[]).await;
    let outcome = client.build(build).await;
    let messages = outcome.deny_messages();
    assert!(messages.iter().any(|message| message.contains("alpine is not for us")), "{:?}", outcome.solve);
    (daemon, outcome)
}

/// Builds and insists that it failed without alpine being loaded, however that came.
async fn never_loaded(build: Build) {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let outcome = tokio::time::timeout(Duration::from_mins(1), client.build(build)).await;
    let outcome = outcome.expect("a build that is refused ends");
    assert!(outcome.solve.is_err(), "{:?}", outcome.solve);
    let sessions = daemon.session_headers();
    let ours = |id: &String| {
        sessions.iter().any(|headers| headers["x-docker-expose-session-uuid"] == id.as_str())
            && !id.starts_with("session-")
    };
    assert!(policy_sessions(&daemon).iter().all(ours), "a build ran without our session");
}

#[tokio::test]
async fn a_policy_session_of_its_own() {
    denied(alpine(), Build::dockerfile().policy(verifier(|_| Ok(allow())))).await;
}

#[tokio::test]
async fn a_policy_session_that_it_does_not_announce() {
    let mut build = Build::dockerfile().policy(verifier(|_| Ok(allow())));
    build.exposed.hides_verifier = true;
    never_loaded(build).await;
}

#[tokio::test]
async fn an_empty_policy_session() {
    let mut build = Build::dockerfile();
    build.appended = vec![0x7a, 0];
    denied(alpine(), build).await;
}

#[tokio::test]
async fn a_forged_policy_session() {
    let mut build = Build::dockerfile();
    build.solve.source_policy_session = "nobody".to_owned();
    never_loaded(build).await;
}

#[tokio::test]
async fn many_policy_sessions() {
    let mut build = Build::dockerfile().policy(verifier(|_| Ok(allow())));
    let own = build.solve.session.clone();
    let mut field = vec![0x7a, u8::try_from(own.len()).expect("short")];
    field.extend_from_slice(own.as_bytes());
    build.appended = field.repeat(20);
    denied(alpine(), build).await;
}

/// A message whose last field claims bytes that are not there: what the hook appends would become its value.
#[tokio::test]
async fn a_field_that_swallows_what_is_appended() {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    for length in 1..=127 {
        let mut build = Build::definition(&[source_op("alpine")]);
        build.appended = vec![0xfa, 0x3e, length];
        let solved = client.solve(build.encoded()).await;
        assert!(solved.is_err(), "a claim of {length} bytes lets the build pass");
    }
    assert!(policy_sessions(&daemon).iter().all(|session| !session.is_empty()));
}

/// Groups, varints and fixed-size numbers that end in what is appended.
#[tokio::test]
async fn a_group_or_number_that_swallows_what_is_appended() {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    for appended in [&[0xfb, 0x3e][..], &[0x80], &[0x88, 0x01, 0xff], &[0xf9, 0x3e, 1], &[0xfd, 0x3e]] {
        let mut build = Build::definition(&[source_op("alpine")]);
        build.appended = appended.to_vec();
        let solved = tokio::time::timeout(Duration::from_mins(1), client.solve(build.encoded())).await;
        assert!(solved.expect("it ends").is_err(), "{appended:?}");
    }
    assert!(policy_sessions(&daemon).iter().all(|session| !session.is_empty()));
}

#[tokio::test]
async fn a_compressed_solve() {
    use std::io::Write;
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let build = Build::definition(&[source_op("alpine")]);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&build.solve.encode_to_vec()).expect("memory");
    let mut body = frame(&encoder.finish().expect("memory")).to_vec();
    body[0] = 1;
    let status = raw_solve(&client, SOLVE, &[("grpc-encoding", "gzip")], &[&body]).await;
    assert_ne!(status, Some(Code::Ok));
    assert!(policy_sessions(&daemon).iter().all(|session| !session.is_empty()));
}

#[tokio::test]
async fn a_solve_in_single_bytes_and_one_of_two_messages() {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let body = frame(&Build::definition(&[source_op("alpine")]).solve.encode_to_vec());
    let bytes: Vec<&[u8]> = body.chunks(1).collect();
    assert_eq!(raw_solve(&client, SOLVE, &[], &bytes).await, Some(Code::Unknown));
    let twice =
        [frame(b""), frame(&Build::definition(&[source_op("alpine")]).solve.encode_to_vec())].concat();
    assert_ne!(raw_solve(&client, SOLVE, &[], &[&twice]).await, Some(Code::Ok));
    assert!(policy_sessions(&daemon).iter().all(|session| !session.is_empty()));
}

#[tokio::test]
async fn a_solve_by_another_spelling_of_its_path() {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    for path in [
        "/moby.buildkit.v1.Control/Solve?",
        "/moby.buildkit.v1.Control/Solve?x=1",
        "/moby.buildkit.v1.Control//Solve",
        "//moby.buildkit.v1.Control/Solve",
        "/moby.buildkit.v1.Control/%53olve",
        "/moby.buildkit.v1.Control/Solve/",
        "/moby.buildkit.v1.control/solve",
    ] {
        let body = frame(&Build::definition(&[source_op("alpine")]).solve.encode_to_vec());
        assert_ne!(raw_solve(&client, path, &[], &[&body]).await, Some(Code::Ok), "{path}");
    }
    assert!(policy_sessions(&daemon).iter().all(|session| !session.is_empty()));
}

/// The status of a call whose body is sent in these pieces.
async fn raw_solve(client: &Client, path: &str, headers: &[(&str, &str)], pieces: &[&[u8]]) -> Option<Code> {
    use tower_service::Service as _;
    let pieces: Vec<_> = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
    let mut request =
        http::Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(tonic::body::Body::new(crate::wire::Pieces::new(pieces))).expect("a request");
    let response = client.channel.clone().call(request).await.ok()?;
    let in_headers = response.headers().get("grpc-status").cloned();
    let mut body = response.into_body();
    let mut status = in_headers;
    while let Some(Ok(next)) =
        std::future::poll_fn(|context| http_body::Body::poll_frame(std::pin::Pin::new(&mut body), context))
            .await
    {
        if let Some(trailers) = next.trailers_ref() {
            status = trailers.get("grpc-status").cloned();
        }
    }
    Some(Code::from_bytes(status?.as_bytes()))
}

#[tokio::test]
async fn a_definition_sent_with_the_solve() {
    let (daemon, _) = denied(alpine(), Build::definition(&[source_op("busybox"), source_op("alpine")])).await;
    assert!(daemon.asked().contains(&ALPINE.to_owned()));
}

#[tokio::test]
async fn a_definition_sent_through_the_bridge() {
    let mut build = Build::dockerfile();
    let definition = Some(definition(&[source_op("alpine")]));
    build.bridge = Some(gateway::SolveRequest { definition, evaluate: true, ..Default::default() });
    denied(alpine(), build).await;
}

#[tokio::test]
async fn inputs_of_the_frontend() {
    let mut build = Build::dockerfile().option("context:base", "input:base");
    let bridge = build.bridge.as_mut().expect("a Dockerfile's build has one");
    bridge.frontend_inputs.insert("base".to_owned(), definition(&[source_op("alpine")]));
    denied(Script::default(), build).await;
    let mut build = Build::dockerfile();
    build.bridge = None;
    build.solve.frontend = "dockerfile.v0".to_owned();
    build.solve.frontend_inputs.insert("base".to_owned(), definition(&[source_op("alpine")]));
    denied(Script::default(), build).await;
}

#[tokio::test]
async fn a_nested_frontend() {
    let mut build = Build::dockerfile().bridge_option("source", "alpine");
    build.bridge.as_mut().expect("a Dockerfile's build has one").frontend = "gateway.v0".to_owned();
    denied(alpine().loads(&["busybox"]), build).await;
    let mut build = Build::dockerfile().option("source", "alpine");
    build.bridge = None;
    build.solve.frontend = "gateway.v0".to_owned();
    denied(alpine().loads(&["busybox"]), build).await;
}

#[tokio::test]
async fn a_frontend_that_the_daemon_runs_itself() {
    let mut build = Build::dockerfile();
    build.bridge = None;
    build.solve.frontend = "dockerfile.v0".to_owned();
    denied(alpine(), build).await;
}

#[tokio::test]
async fn an_internal_build() {
    let mut build = Build::dockerfile();
    build.solve.internal = true;
    denied(alpine(), build).await;
}

#[tokio::test]
async fn an_image_beside_the_build() {
    let build = Build::dockerfile().option("attest:sbom", "generator=alpine");
    denied(alpine().loads(&["busybox"]), build).await;
    let build = Build::dockerfile().option("context:base", "docker-image://alpine");
    denied(alpine().loads(&["busybox"]), build).await;
}

#[tokio::test]
async fn an_oci_layout() {
    let policy = "package docker\n\ndefault allow := false\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n";
    let (daemon, _hook, client) = start(Script::default(), policy, &[]).await;
    let layout = format!("oci-layout://store@{DIGEST}");
    let outcome = client.build(Build::dockerfile().option("context:base", &layout)).await;
    assert!(outcome.solve.is_err());
    assert!(daemon.asked().contains(&layout));
}

#[tokio::test]
async fn one_target_told_and_another_built() {
    let policy = r#"package docker

default allow := false

allow if input.env.target == "good"

decision := {"allow": allow}
"#;
    let script = alpine().target("good", &["busybox"]).target("evil", &["alpine"]);
    let (daemon, _hook, client) = start(script, policy, &[]).await;
    client.build(Build::dockerfile().option("target", "good")).await.solve.expect("that is the good one");
    let build = Build::dockerfile().option("target", "good").bridge_option("target", "evil");
    assert!(client.build(build).await.solve.is_err(), "{:?}", daemon.asked());
    let mut build = Build::dockerfile().option("target", "good");
    build.bridge.as_mut().expect("a Dockerfile's build has one").frontend_opt.remove("target");
    assert!(client.build(build).await.solve.is_err(), "{:?}", daemon.asked());
}

#[tokio::test]
async fn a_second_frontend_solve_with_other_options() {
    let policy = "package docker\n\ndefault allow := false\n\nallow if input.env.target == \"good\"\n\n\
                  decision := {\"allow\": allow}\n";
    let script = alpine().target("good", &["busybox"]).target("evil", &["alpine"]);
    let (_daemon, _hook, client) = start(script, policy, &[]).await;
    let build = Build::dockerfile().option("target", "good");
    let (solve, first) = (build.solve.clone(), build.bridge.clone().expect("a Dockerfile's build has one"));
    let id = solve.r#ref.clone();
    let _session = client.session(&solve.session, build.exposed.clone()).await.expect("a session");
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.solve(solve.encode_to_vec().into()).await }
    });
    let mut bridge = client.bridge(&id);
    bridge.solve(first.clone()).await.expect("the good one");
    let mut second = first;
    second.frontend_opt.insert("target".to_owned(), "evil".to_owned());
    second.evaluate = true;
    assert!(bridge.solve(second).await.is_err(), "the options of the first do not cover the second");
    running.abort();
}

#[tokio::test]
async fn a_client_that_hangs_up_in_a_check() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let build = Build::dockerfile().policy(silent());
    let id = build.solve.r#ref.clone();
    let exposed = build.exposed.clone();
    let running = tokio::spawn(async move { client.build(build).await });
    let path = policy_check::buildkit::proto::policysession::CHECK_POLICY;
    daemon
        .until("the client's policy is asked", |_| exposed.called().iter().any(|called| called == path))
        .await;
    running.abort();
    daemon.until("the build is gone", |daemon| !daemon.builds().contains(&id)).await;
    let answers =
        daemon.checks().into_iter().filter(|check| check.build == id).filter_map(|check| check.answer);
    assert_eq!(answers.filter(Result::is_ok).count(), 0, "nothing was allowed meanwhile");
}

#[tokio::test]
async fn a_hook_that_is_killed_in_a_build() {
    let daemon = Daemon::start(alpine());
    let mut hook = Hook::start(&daemon, ALLOW, &[]).await;
    let client = hook.client().await;
    let build = Build::dockerfile().policy(silent());
    let exposed = build.exposed.clone();
    let running = tokio::spawn(async move { client.build(build).await });
    let path = policy_check::buildkit::proto::policysession::CHECK_POLICY;
    daemon
        .until("the client's policy is asked", |_| exposed.called().iter().any(|called| called == path))
        .await;
    hook.kill().await;
    assert!(running.await.expect("no panic").solve.is_err());
    daemon.until("the build is gone", |daemon| daemon.builds().is_empty()).await;
}

#[tokio::test]
async fn a_build_whose_policy_session_is_gone_ends() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let build = Build::dockerfile();
    let (solve, frontend) =
        (build.solve.clone(), build.bridge.clone().expect("a Dockerfile's build has one"));
    let id = solve.r#ref.clone();
    let _session = client.session(&solve.session, build.exposed.clone()).await.expect("a session");
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.solve(control::SolveRequest::encode_to_vec(&solve).into()).await }
    });
    let mut bridge = client.bridge(&id);
    bridge.ping(gateway::PingRequest {}).await.expect("the build is registered");
    daemon.end_session(&policy_sessions(&daemon)[0]).await;
    let solved = tokio::time::timeout(Duration::from_mins(2), bridge.solve(frontend)).await;
    assert!(solved.is_ok_and(|solved| solved.is_err()), "the frontend's solve ends");
    let ended = tokio::time::timeout(Duration::from_mins(2), running).await.expect("the build ends");
    assert!(ended.expect("no panic").is_err());
    // The next build finds a session that lives.
    client.build(Build::dockerfile()).await.solve.expect("the hook is well");
}
