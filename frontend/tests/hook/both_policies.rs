//! The client's own policy beside the platform's: both must allow.

use std::sync::{Arc, Mutex};

use policy_check::buildkit::proto::gateway;
use policy_check::buildkit::proto::policysession::{CheckPolicyRequest, CheckPolicyResponse};
use tonic::{Code, Status};

use crate::builds::{ALPINE, DIGEST, alpine, start};
use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE};

/// A verifier that answers for alpine as told and allows the rest, and what it was asked.
fn about_alpine(
    answer: impl Fn(CheckPolicyRequest) -> Result<CheckPolicyResponse, Status> + Send + Sync + 'static,
) -> (Verifier, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let verifier = verifier(move |request| {
        let identifier = source(&request).identifier;
        log.lock().expect("no panic").push(identifier.clone());
        if identifier.contains("library/alpine") { answer(request) } else { Ok(allow()) }
    });
    (verifier, asked)
}

#[tokio::test]
async fn both_allow() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let (verifier, asked) = about_alpine(|_| Ok(allow()));
    client.build(Build::dockerfile().policy(verifier)).await.solve.expect("both allow");
    assert!(
        asked.lock().expect("no panic").iter().any(|asked| asked == ALPINE),
        "the client's policy was asked"
    );
}

#[tokio::test]
async fn the_clients_denial_counts() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let outcome = client.build(Build::dockerfile().policy(about_alpine(|_| Ok(deny(&["mine"]))).0)).await;
    assert!(outcome.deny_messages().iter().any(|message| message.contains("mine")), "{:?}", outcome.solve);
    let outcome = client.build(Build::dockerfile().policy(about_alpine(|_| Ok(deny(&[]))).0)).await;
    assert!(outcome.error().message().contains("not allowed by policy: action DENY"), "{:?}", outcome.solve);
}

#[tokio::test]
async fn the_platforms_denial_counts() {
    let (_daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let outcome = client.build(Build::dockerfile().policy(about_alpine(|_| Ok(allow())).0)).await;
    assert!(outcome.deny_messages().iter().any(|message| message.contains("alpine is not for us")));
}

#[tokio::test]
async fn a_policy_that_is_named_but_not_announced_counts() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let mut build = Build::dockerfile().policy(about_alpine(|_| Ok(deny(&["mine"]))).0);
    build.exposed.hides_verifier = true;
    let outcome = tokio::time::timeout(std::time::Duration::from_mins(1), client.build(build)).await;
    assert!(outcome.expect("it ends").solve.is_err(), "BuildKit alone would have asked it");
}

#[tokio::test]
async fn a_policy_in_another_session_of_the_client_counts() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let id = unique("session");
    let exposed = Exposed::default().policy(about_alpine(|_| Ok(deny(&["mine"]))).0);
    let _session = client.session(&id, exposed).await.expect("a session");
    let mut build = Build::dockerfile();
    build.solve.source_policy_session = id;
    assert!(client.build(build).await.deny_messages().iter().any(|message| message.contains("mine")));
}

#[tokio::test]
async fn the_clients_status_keeps_its_code_and_message() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let denied = about_alpine(|_| Err(Status::permission_denied("not you"))).0;
    let outcome = client.build(Build::dockerfile().policy(denied)).await;
    assert_eq!(outcome.error().code(), Code::PermissionDenied);
    assert!(outcome.error().message().contains("not you"), "{:?}", outcome.error());
}

fn pin(request: CheckPolicyRequest) -> Result<CheckPolicyResponse, Status> {
    let mut source = source(&request);
    if source.identifier.contains('@') {
        return Ok(allow());
    }
    source.identifier = format!("{}@{DIGEST}", source.identifier);
    Ok(convert(source))
}

#[tokio::test]
async fn the_clients_pin_is_checked_by_the_platform() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    client.build(Build::dockerfile().policy(about_alpine(pin).0)).await.solve.expect("nothing is against it");
    assert!(daemon.asked().contains(&format!("{ALPINE}@{DIGEST}")));
    let policy = "package docker\n\ndefault allow := true\n\nallow := false if input.image.host == \"mirror.example\"\n\n\
                  decision := {\"allow\": allow}\n";
    let (_daemon, _hook, client) = start(alpine(), policy, &[]).await;
    let elsewhere = about_alpine(|request| {
        let mut source = source(&request);
        source.identifier = "docker-image://mirror.example/alpine:3".to_owned();
        Ok(convert(source))
    });
    assert!(client.build(Build::dockerfile().policy(elsewhere.0)).await.solve.is_err());
}

#[tokio::test]
async fn the_platforms_pin_is_checked_by_the_client() {
    let policy = format!(
        "package docker\n\ndefault allow := false\n\nallow if not input.image\n\n\
         allow if pin_image(input.image, \"{DIGEST}\")\n\ndecision := {{\"allow\": allow}}\n"
    );
    let (_daemon, _hook, client) = start(alpine(), &policy, &[]).await;
    let refuses_pins = about_alpine(|request| {
        Ok(if source(&request).identifier.contains('@') { deny(&["no pins"]) } else { allow() })
    });
    let outcome = client.build(Build::dockerfile().policy(refuses_pins.0)).await;
    assert!(outcome.deny_messages().iter().any(|message| message.contains("no pins")), "{:?}", outcome.solve);
}

#[tokio::test]
async fn a_client_that_never_stops_converting_is_stopped() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let endless = about_alpine(|request| Ok(convert(source(&request))));
    let outcome = tokio::time::timeout(
        std::time::Duration::from_mins(1),
        client.build(Build::dockerfile().policy(endless.0)),
    );
    assert!(outcome.await.expect("it ends").solve.is_err());
}

#[tokio::test]
async fn the_clients_requests_cannot_crash_the_daemon() {
    let requests: [fn(CheckPolicyRequest) -> gateway::ResolveSourceMetaRequest; 3] = [
        |_| gateway::ResolveSourceMetaRequest::default(),
        |request| gateway::ResolveSourceMetaRequest {
            source: Some(source(&request)),
            image: Some(gateway::ResolveSourceImageRequest { attestation_chain: true, ..Default::default() }),
            ..Default::default()
        },
        |request| gateway::ResolveSourceMetaRequest {
            source: Some(source(&request)),
            image: Some(gateway::ResolveSourceImageRequest {
                resolve_attestations: vec!["https://slsa.dev/provenance/v1".to_owned()],
                ..Default::default()
            }),
            ..Default::default()
        },
    ];
    for make in requests {
        // Port 9 of this machine: nobody tells what the manifest is.
        let image = "localhost:9/library/alpine:1";
        let script = Script::default().loads(&[image]).single_image(image, DIGEST, "{}");
        let (daemon, _hook, client) = start(script, ALLOW, &[]).await;
        let (verifier, _) = about_alpine(move |request| Ok(ask(make(request))));
        let outcome = client.build(Build::dockerfile().policy(verifier)).await;
        assert!(outcome.solve.is_err(), "an endless question is no answer");
        assert_eq!(daemon.crashed(), None);
    }
}

#[tokio::test]
async fn the_clients_questions_are_answered() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let curious = about_alpine(|request| {
        let known = request.source.clone().unwrap_or_default();
        Ok(match known.image {
            Some(image) if image.digest == DIGEST && !image.config.is_empty() => allow(),
            _ => ask(gateway::ResolveSourceMetaRequest { source: known.source, ..Default::default() }),
        })
    });
    client.build(Build::dockerfile().policy(curious.0)).await.solve.expect("it got what it asked for");
}

#[tokio::test]
async fn other_services_of_a_session_with_a_policy_still_work() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let mut build = Build::dockerfile().policy(about_alpine(|_| Ok(allow())).0);
    let folder = Folder::new(&[("Dockerfile", "FROM alpine")]).file("large.bin", vec![3; 3 << 20]);
    build.exposed.folders.insert("dockerfile".to_owned(), folder);
    let exposed = build.exposed.clone();
    client.build(build).await.solve.expect("the Dockerfile is read through the opened tunnel");
    assert!(exposed.called().iter().any(|path| path == "/moby.filesync.v1.FileSync/DiffCopy"));
}
