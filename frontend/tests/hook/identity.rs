//! Sessions and builds that belong to somebody else.

use policy_check::buildkit::proto::{control, gateway};
use tonic::Code;

use crate::builds::{alpine, policy_sessions, start};
use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE};

/// Opens a session with these uuid headers, in this order.
async fn open(client: &Client, uuids: &[&str]) -> Result<(), tonic::Status> {
    let headers: Vec<_> = uuids.iter().map(|uuid| ("x-docker-expose-session-uuid", *uuid)).collect();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut answer = client
        .stream(SESSION, &headers, tokio_stream::wrappers::ReceiverStream::new(receiver))
        .await?
        .into_inner();
    // A refusal may come behind the headers; a session that is accepted stays silent or speaks HTTP/2.
    let first = tokio::time::timeout(std::time::Duration::from_secs(1), answer.message()).await;
    drop(sender);
    match first {
        Ok(Err(status)) => Err(status),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

#[tokio::test]
async fn a_uuid_in_use_is_refused_and_its_owner_undisturbed() {
    let (daemon, hook, owner) = start(alpine(), ALLOW, &[]).await;
    let thief = hook.client().await;
    let session = owner.session("taken", Exposed::default()).await.expect("a session");
    daemon.until("it is open", |daemon| daemon.sessions().contains(&"taken".to_owned())).await;
    for uuids in [&["taken"][..], &["taken", "fresh"]] {
        assert!(open(&thief, uuids).await.is_err(), "{uuids:?}");
    }
    assert!(session.is_open());
    assert!(daemon.sessions().contains(&"taken".to_owned()));
    let opened = daemon.session_headers();
    let taken = opened.iter().filter(|headers| headers["x-docker-expose-session-uuid"] == "taken");
    assert_eq!(taken.count(), 1, "the daemon never saw the others");
}

#[tokio::test]
async fn the_hooks_own_uuid_is_refused() {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let build = Build::dockerfile();
    let (solve, frontend) = (build.encoded(), build.bridge.clone().expect("a Dockerfile's build has one"));
    let _session = client.session(&build.solve.session, build.exposed.clone()).await.expect("a session");
    let running = tokio::spawn({
        let client = client.clone();
        async move { client.solve(solve).await }
    });
    let mut bridge = client.bridge(&build.solve.r#ref);
    bridge.ping(gateway::PingRequest {}).await.expect("the build runs");
    let ours = policy_sessions(&daemon).remove(0);
    assert!(open(&client, &[&ours]).await.is_err());
    let exposed = Exposed::default().policy(verifier(|_| Ok(allow())));
    assert!(client.session(&ours, exposed).await.is_err());
    let denied = bridge.solve(frontend).await.expect_err("the policy is still ours");
    assert!(denied.message().contains("not allowed by policy"), "{denied:?}");
    running.abort();
}

#[tokio::test]
async fn a_uuid_can_be_used_again_once_its_session_has_ended() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let session = client.session("again", Exposed::default()).await.expect("a session");
    drop(session);
    daemon.until("it is closed", |daemon| !daemon.sessions().contains(&"again".to_owned())).await;
    let again = async {
        while client.session("again", Exposed::default()).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), again).await.expect("nobody has it any longer");
}

#[tokio::test]
async fn a_build_that_did_not_come_through_the_hook_cannot_be_joined() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let direct = Client::connect(&daemon.socket).await;
    let solve = control::SolveRequest { r#ref: "direct".to_owned(), ..Default::default() };
    let running = tokio::spawn(async move { direct.control().solve(solve).await });
    daemon.until("it runs", |daemon| daemon.builds() == ["direct"]).await;
    let mut bridge = client.bridge("direct");
    assert!(bridge.ping(gateway::PingRequest {}).await.is_err());
    let definition = Some(definition(&[source_op("busybox")]));
    let solve = gateway::SolveRequest { definition, evaluate: true, ..Default::default() };
    let refused = bridge.solve(solve).await.expect_err("it is not ours");
    assert_eq!(refused.code(), Code::NotFound, "as for a build that does not exist");
    assert!(bridge.r#return(gateway::ReturnRequest::default()).await.is_err());
    let calls = daemon.calls("");
    assert!(!calls.iter().any(|call| call.path.contains("LLBBridge")), "the daemon saw none of it");
    running.abort();
}

#[tokio::test]
async fn two_build_ids_or_none_are_refused() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let direct = Client::connect(&daemon.socket).await;
    let solve = |id: &str| control::SolveRequest { r#ref: id.to_owned(), ..Default::default() };
    let (mine, theirs) = (solve("mine"), solve("theirs"));
    let (ours, foreign) = (client.clone(), direct);
    let running = [
        tokio::spawn(async move { ours.control().solve(mine).await }),
        tokio::spawn(async move { foreign.control().solve(theirs).await }),
    ];
    daemon.until("both run", |daemon| daemon.builds().len() >= 2).await;
    let ping = "/moby.buildkit.v1.frontend.LLBBridge/Ping";
    let id = "buildkit-controlapi-buildid";
    for headers in [&[(id, "mine"), (id, "theirs")][..], &[(id, "theirs"), (id, "mine")], &[(id, "")], &[]] {
        assert!(client.unary(ping, headers, bytes::Bytes::new()).await.is_err(), "{headers:?}");
    }
    client.unary(ping, &[(id, "mine")], bytes::Bytes::new()).await.expect("one is as it should be");
    running.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn the_hooks_own_builds_cannot_be_joined() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let exposed =
        Exposed::default().folder("dockerfile", &[("Dockerfile", "FROM alpine"), ("Dockerfile.rego", ALLOW)]);
    client.build(Build::of(exposed)).await.solve.expect("the build passes");
    let refs = daemon.calls(SOLVE).into_iter().map(|call| call.message::<control::SolveRequest>().r#ref);
    let own: Vec<_> = refs.filter(|id| !id.starts_with("build-")).collect();
    for id in own {
        let refused = client.bridge(&id).ping(gateway::PingRequest {}).await.expect_err("it is the hook's");
        assert_eq!(refused.code(), Code::NotFound);
        let forwarded = daemon.calls("/moby.buildkit.v1.frontend.LLBBridge/Ping");
        let ours = forwarded.iter().filter(|call| call.header("buildkit-controlapi-buildid") == Some(&id));
        assert!(ours.count() <= 1, "at most the hook's own ping");
    }
}

#[tokio::test]
async fn a_ref_that_runs_cannot_be_taken() {
    let (daemon, hook, client) = start(alpine(), ALLOW, &[]).await;
    let thief = hook.client().await;
    let solve = control::SolveRequest { r#ref: "mine".to_owned(), ..Default::default() };
    let again = solve.clone();
    let owner = client.clone();
    let running = tokio::spawn(async move { owner.control().solve(solve).await });
    daemon.until("it runs", |daemon| daemon.builds().contains(&"mine".to_owned())).await;
    assert!(thief.control().solve(again).await.is_err());
    client.bridge("mine").ping(gateway::PingRequest {}).await.expect("the owner's build is undisturbed");
    client.bridge("mine").r#return(gateway::ReturnRequest::default()).await.expect("it ends");
    running.await.expect("no panic").expect("the owner's build passes");
}

#[tokio::test]
async fn ids_like_the_hooks_own_are_for_nobody() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    client.build(Build::dockerfile()).await.solve.expect("the build passes");
    let ours = policy_sessions(&daemon).remove(0);
    // Long after its build has ended.
    let refused = open(&client, &[&ours]).await.expect_err("it was the hook's");
    assert_eq!(refused.code(), Code::AlreadyExists);
    let mut build = Build::dockerfile();
    build.solve.session = format!("x:{ours}");
    assert_eq!(
        client.solve(build.encoded()).await.expect_err("not the client's").code(),
        Code::PermissionDenied
    );
}
