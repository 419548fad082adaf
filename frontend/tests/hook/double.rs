//! The double without a hook: it does what `reference/buildkit-session.md` says of buildkitd 0.32.2.

use std::time::{Duration, Instant};

use policy_check::buildkit::proto::policysession::CheckPolicyRequest;
use policy_check::buildkit::proto::{control, gateway};
use tonic::{Code, Status};

use crate::client::*;
use crate::daemon::*;

const ALPINE: &str = "docker-image://docker.io/library/alpine:latest";
const DIGEST: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

fn alpine() -> Script {
    Script::default().loads(&["alpine"]).image("alpine", DIGEST, "{}")
}

async fn client(daemon: &Daemon) -> Client {
    Client::connect(&daemon.socket).await
}

/// Asks for the image's configuration, whatever it knows already.
fn ask_again(
    request: CheckPolicyRequest,
) -> Result<policy_check::buildkit::proto::policysession::CheckPolicyResponse, Status> {
    Ok(ask(gateway::ResolveSourceMetaRequest { source: Some(source(&request)), ..Default::default() }))
}

#[tokio::test]
async fn a_build_passes() {
    let daemon = Daemon::start(alpine());
    let outcome = client(&daemon).await.build(Build::dockerfile()).await;
    outcome.solve.as_ref().expect("the build passes");
    assert!(outcome.status_end.is_ok(), "{:?}", outcome.status_end);
    assert!(outcome.steps().iter().any(|step| step.contains("local://dockerfile")), "{:?}", outcome.steps());
    assert!(daemon.asked().is_empty(), "no policy session, nothing asked");
    let header = daemon.calls(BRIDGE_SOLVE)[0].header("buildkit-controlapi-buildid").map(str::to_owned);
    assert!(header.is_some_and(|id| id.starts_with("build-")));
}

#[tokio::test]
async fn a_clients_policy_is_asked_by_tag_then_by_digest() {
    let daemon = Daemon::start(alpine());
    let build = Build::dockerfile().policy(verifier(|_| Ok(allow())));
    client(&daemon).await.build(build).await.solve.expect("the build passes");
    let pinned = format!("{ALPINE}@{DIGEST}");
    assert_eq!(daemon.asked(), ["local://dockerfile", ALPINE, pinned.as_str()]);
}

#[tokio::test]
async fn a_denial_has_code_message_and_details() {
    let daemon = Daemon::start(alpine());
    let build = Build::dockerfile().policy(verifier(|request| {
        Ok(if source(&request).identifier.contains("alpine") {
            deny(&["not this", "nor that"])
        } else {
            allow()
        })
    }));
    let outcome = client(&daemon).await.build(build).await;
    assert_eq!(outcome.error().code(), Code::Unknown);
    let message = format!(
        "could not resolve image due to policy: source \"{ALPINE}\" not allowed by policy: action DENY"
    );
    assert_eq!(outcome.error().message(), message);
    assert_eq!(outcome.deny_messages(), ["not this", "nor that"]);
}

#[tokio::test]
async fn a_verifiers_own_status_keeps_code_and_message() {
    let daemon = Daemon::start(alpine());
    let build = Build::dockerfile().policy(verifier(|_| Err(Status::permission_denied("not you"))));
    let outcome = client(&daemon).await.build(build).await;
    assert_eq!((outcome.error().code(), outcome.error().message()), (Code::PermissionDenied, "not you"));
}

#[tokio::test]
async fn the_eleventh_round_is_refused() {
    let daemon = Daemon::start(alpine());
    let build = Build::dockerfile().policy(verifier(|request| {
        if source(&request).identifier.contains("alpine") { ask_again(request) } else { Ok(allow()) }
    }));
    let outcome = client(&daemon).await.build(build).await;
    assert_eq!(outcome.error().message(), "could not resolve image due to policy: too many policy requests");
    assert_eq!(daemon.asked().iter().filter(|asked| *asked == ALPINE).count(), 10);
}

#[tokio::test]
async fn a_conversion_replaces_identifier_and_attributes_and_is_asked_again() {
    let daemon = Daemon::start(alpine().image("mirror.example/alpine:3", DIGEST, "{}"));
    let build = Build::dockerfile().policy(verifier(|request| {
        let mut source = source(&request);
        if !source.identifier.contains("docker.io") {
            return Ok(allow());
        }
        source.identifier = "docker-image://mirror.example/alpine:3".to_owned();
        Ok(convert(source))
    }));
    client(&daemon).await.build(build).await.solve.expect("the build passes");
    let pinned = format!("docker-image://mirror.example/alpine:3@{DIGEST}");
    assert_eq!(daemon.asked()[2..], ["docker-image://mirror.example/alpine:3", pinned.as_str()]);
}

#[tokio::test]
async fn a_request_about_another_source_fails() {
    let daemon = Daemon::start(alpine());
    let build = Build::dockerfile().policy(verifier(|_| {
        Ok(ask(gateway::ResolveSourceMetaRequest {
            source: Some(source_op("busybox")),
            ..Default::default()
        }))
    }));
    let outcome = client(&daemon).await.build(build).await;
    let message = outcome.error().message().to_owned();
    assert!(message.contains("policy requested different source identifier"), "{message}");
}

#[tokio::test]
async fn a_request_without_a_source_crashes_it() {
    let daemon = Daemon::start(alpine());
    let build =
        Build::dockerfile().policy(verifier(|_| Ok(ask(gateway::ResolveSourceMetaRequest::default()))));
    assert!(client(&daemon).await.build(build).await.solve.is_err());
    assert_eq!(daemon.crashed(), Some("a policy's request without a source"));
}

#[tokio::test]
async fn attestations_of_a_single_manifest_crash_it() {
    let chain = |request: CheckPolicyRequest| {
        let known = request.source.clone().unwrap_or_default();
        if known.image.is_some() || !source(&request).identifier.contains("alpine") {
            return Ok(allow());
        }
        let image = gateway::ResolveSourceImageRequest { attestation_chain: true, ..Default::default() };
        let request = gateway::ResolveSourceMetaRequest {
            source: known.source,
            image: Some(image),
            ..Default::default()
        };
        Ok(ask(request))
    };
    let daemon = Daemon::start(alpine());
    client(&daemon)
        .await
        .build(Build::dockerfile().policy(verifier(chain)))
        .await
        .solve
        .expect("an index has them");
    let daemon = Daemon::start(Script::default().loads(&["alpine"]).single_image("alpine", DIGEST, "{}"));
    assert!(client(&daemon).await.build(Build::dockerfile().policy(verifier(chain))).await.solve.is_err());
    assert_eq!(daemon.crashed(), Some("attestations of an image that is no OCI index"));
}

#[tokio::test]
async fn a_second_session_takes_a_uuid_over_and_takes_the_entry_along() {
    let daemon = Daemon::start(alpine());
    let (victim, impostor) = (client(&daemon).await, client(&daemon).await);
    let denying = Exposed::default().policy(verifier(|_| Ok(deny(&["no"]))));
    let _first = victim.session("taken", denying).await.expect("a session");
    daemon.until("the first is there", |daemon| daemon.session_headers().len() == 1).await;
    let allowing = Exposed::default().policy(verifier(|_| Ok(allow())));
    let second = impostor.session("taken", allowing).await.expect("nobody refuses it");
    daemon.until("the second is there", |daemon| daemon.session_headers().len() == 2).await;
    daemon.until("it is entered", |daemon| daemon.sessions() == ["taken"]).await;
    let mut build = Build::dockerfile();
    build.solve.source_policy_session = "taken".to_owned();
    impostor.build(build).await.solve.expect("the impostor allows");
    drop(second);
    daemon.until("the entry is gone", |daemon| daemon.sessions().is_empty()).await;
}

#[tokio::test]
async fn a_solve_waits_for_its_policy_session_until_the_client_gives_up() {
    let daemon = Daemon::start(alpine());
    let client = client(&daemon).await;
    let mut build = Build::definition(&[source_op("alpine")]);
    build.solve.source_policy_session = "never".to_owned();
    let id = build.solve.r#ref.clone();
    let solve = tokio::spawn(async move { client.build(build).await });
    daemon.until("the build runs", |daemon| daemon.builds() == [id.clone()]).await;
    assert!(!solve.is_finished());
    solve.abort();
    daemon.until("the build is gone", |daemon| daemon.builds().is_empty()).await;
    assert!(daemon.calls(SOLVE)[0].cancellation().is_some());
}

#[tokio::test]
async fn the_bridge_waits_for_a_build_as_long_as_the_window() {
    let mut script = alpine();
    script.registration_window = Duration::from_millis(50);
    let daemon = Daemon::start(script);
    let started = Instant::now();
    let refused = client(&daemon).await.bridge("nobody").ping(gateway::PingRequest {}).await;
    let refused = refused.expect_err("there is no such build");
    assert_eq!((refused.code(), refused.message()), (Code::NotFound, "forwarding Ping: no such job nobody"));
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn anybody_may_join_a_build() {
    let daemon = Daemon::start(alpine().file("https://example.com/f", "f", "data"));
    let (owner, stranger) = (client(&daemon).await, client(&daemon).await);
    let solve = control::SolveRequest { r#ref: "owned".to_owned(), ..Default::default() };
    let running = tokio::spawn(async move { owner.control().solve(solve).await });
    let mut bridge = stranger.bridge("owned");
    let definition = Some(definition(&[source_op("https://example.com/f")]));
    let solve = gateway::SolveRequest { definition, allow_result_array_ref: true, ..Default::default() };
    let answer = bridge.solve(solve).await.expect("nobody asks who calls").into_inner();
    let read =
        gateway::ReadFileRequest { r#ref: ref_id(&answer), file_path: "f".to_owned(), ..Default::default() };
    assert_eq!(bridge.read_file(read).await.expect("the file").into_inner().data, b"data");
    bridge
        .r#return(gateway::ReturnRequest { result: answer.result, error: None })
        .await
        .expect("it ends the build");
    running.await.expect("no panic").expect("the owner's build passes");
}

#[tokio::test]
async fn an_internal_build_reads_a_clients_files() {
    let daemon = Daemon::start(alpine());
    let client = client(&daemon).await;
    let folder = Folder::new(&[("My.rego", "package docker"), ("other", "no"), ("sub/data.json", "{}")])
        .link("Linked.rego", "sub/data.json")
        .file("large", vec![7; 100_000]);
    let mut exposed = Exposed::default();
    exposed.folders.insert("dockerfile".to_owned(), folder);
    let _session = client.session("files", exposed).await.expect("a session");
    let solve = control::SolveRequest {
        r#ref: "read".to_owned(),
        session: "files".to_owned(),
        internal: true,
        ..Default::default()
    };
    let mut control = client.control();
    let running = tokio::spawn(async move { control.solve(solve).await });
    let mut source = source_op("local://dockerfile");
    source.attrs.insert("local.followpaths".to_owned(), r#"["My.rego","Linked.rego","large"]"#.to_owned());
    let mut bridge = client.bridge("read");
    let solve = gateway::SolveRequest { definition: Some(definition(&[source])), ..Default::default() };
    let id = ref_id(&bridge.solve(solve).await.expect("a result").into_inner());
    let read = |path: &str| gateway::ReadFileRequest {
        r#ref: id.clone(),
        file_path: path.to_owned(),
        ..Default::default()
    };
    assert_eq!(
        bridge.read_file(read("My.rego")).await.expect("the file").into_inner().data,
        b"package docker"
    );
    assert_eq!(bridge.read_file(read("large")).await.expect("the file").into_inner().data.len(), 100_000);
    let missing = bridge.read_file(read("other")).await.expect_err("nobody asked for it");
    assert_eq!(missing.message(), "open other: no such file or directory");
    let list = gateway::ReadDirRequest { r#ref: id.clone(), dir_path: "/".to_owned(), ..Default::default() };
    let names: Vec<_> = bridge.read_dir(list).await.expect("a list").into_inner().entries;
    let names: Vec<_> = names.iter().map(|stat| stat.path.as_str()).collect();
    assert_eq!(names, ["Linked.rego", "My.rego", "large", "sub"]);
    bridge.r#return(gateway::ReturnRequest::default()).await.expect("the end");
    running.await.expect("no panic").expect("the internal build passes");
}

#[tokio::test]
async fn of_two_policy_sessions_the_last_counts() {
    let daemon = Daemon::start(alpine());
    let client = client(&daemon).await;
    let _ours = client.session("ours", Exposed::default().policy(verifier(|_| Ok(deny(&["ours"]))))).await;
    let mut build = Build::dockerfile().policy(verifier(|_| Ok(allow())));
    build.appended = [&[0x7a, 4][..], b"ours"].concat();
    let outcome = client.build(build).await;
    assert_eq!(outcome.deny_messages(), ["ours"]);
}

#[tokio::test]
async fn a_session_that_ends_in_a_check_fails_the_build() {
    let daemon = Daemon::start(alpine());
    let (client, policy) = (client(&daemon).await, client(&daemon).await);
    let session = policy.session("policy", Exposed::default().policy(silent())).await.expect("a session");
    let mut build = Build::dockerfile();
    build.solve.source_policy_session = "policy".to_owned();
    let build = tokio::spawn(async move { client.build(build).await });
    daemon.until("it is asked", |daemon| !daemon.checks().is_empty()).await;
    drop(session);
    let outcome = build.await.expect("no panic");
    assert_eq!(outcome.error().code(), Code::Unavailable, "{:?}", outcome.error());
}

#[tokio::test]
async fn sessions_are_asked_for_their_health_and_end_without_it() {
    let mut script = alpine();
    script.health_interval = Duration::from_millis(5);
    let daemon = Daemon::start(script);
    let client = client(&daemon).await;
    let exposed = Exposed::default();
    let session = client.session("healthy", exposed.clone()).await.expect("a session");
    daemon.until("it was asked", |_| exposed.called().len() > 2).await;
    assert!(session.is_open());
}
