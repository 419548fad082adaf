//! What whoever runs the hook sees, and tells it.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use policy_check::buildkit::proto::health::health_check_response::ServingStatus;
use policy_check::buildkit::proto::health::health_client::HealthClient;
use policy_check::buildkit::proto::health::{HealthCheckRequest, HealthCheckResponse};
use policy_check::buildkit::proto::{control, gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;

use crate::builds::{alpine, start};
use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE, Hook};

async fn health(client: &Client, service: &str) -> i32 {
    let mut health = HealthClient::new(client.channel.clone());
    let answer = health.check(HealthCheckRequest { service: service.to_owned() }).await;
    let HealthCheckResponse { status } = answer.expect("an answer").into_inner();
    status
}

/// A build that runs until its client returns something.
async fn running(client: &Client, daemon: &Daemon) -> tokio::task::JoinHandle<bool> {
    let solve = control::SolveRequest { r#ref: "runs".to_owned(), ..Default::default() };
    let owner = client.clone();
    let running = tokio::spawn(async move { owner.control().solve(solve).await.is_ok() });
    daemon.until("it runs", |daemon| daemon.builds().contains(&"runs".to_owned())).await;
    running
}

#[tokio::test]
async fn a_build_that_runs_may_end_and_none_begins_while_stopping() {
    let (daemon, mut hook, client) = start(alpine(), ALLOW, &[]).await;
    let running = running(&client, &daemon).await;
    hook.signal("TERM").await;
    while health(&client, "policy-check").await == i32::from(ServingStatus::Serving) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(health(&client, "").await, 1, "the daemon's own is the daemon's");
    let refused = client.solve(Build::definition(&[source_op("alpine")]).encoded()).await;
    assert_eq!(refused.expect_err("none begins").code(), Code::Unavailable);
    client.bridge("runs").r#return(gateway::ReturnRequest::default()).await.expect("it ends");
    assert!(running.await.expect("no panic"), "the build that ran passed");
    assert!(hook.ends().await.success());
    assert!(!hook.socket.exists(), "it tidies up");
}

#[tokio::test]
async fn a_second_signal_waits_for_nobody() {
    let (daemon, mut hook, client) = start(alpine(), ALLOW, &[]).await;
    let running = running(&client, &daemon).await;
    hook.signal("TERM").await;
    while health(&client, "policy-check").await == i32::from(ServingStatus::Serving) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    hook.signal("INT").await;
    hook.ends().await;
    assert!(!running.await.expect("no panic"));
    daemon.until("its build is gone", |daemon| daemon.builds().is_empty()).await;
}

#[tokio::test]
async fn decisions_are_logged_and_can_be_decided_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("decisions");
    let log = log.to_str().expect("UTF-8");
    let (_daemon, hook, client) = start(alpine(), DENY_ALPINE, &["--decision-log", log]).await;
    let build = Build::dockerfile();
    let id = build.solve.r#ref.clone();
    assert!(client.build(build).await.solve.is_err());
    let policy = hook.path("platform.rego");
    // Lines are written behind the answers.
    while !std::fs::read_to_string(log).expect("a log").contains("\"deny\"") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let lines = std::fs::read_to_string(log).expect("a log");
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let denied = lines.iter().find(|line| line["decision"] == "deny").expect("a denial");
    assert_eq!(denied["build"], id);
    assert!(denied["client"].as_str().is_some_and(|client| client.starts_with("uid:")), "{denied}");
    assert_eq!(denied["messages"][0], "alpine is not for us");
    assert!(lines.iter().any(|line| line["decision"] == "allow"), "the Dockerfile's folder");
    let replayed = tokio::process::Command::new(env!("CARGO_BIN_EXE_policy-check"))
        .args(["replay", log, "--policy"])
        .arg(policy)
        .output()
        .await
        .expect("it runs");
    assert!(replayed.status.success(), "{replayed:?}");
}

#[tokio::test]
async fn sighup_reads_the_policy_and_opens_the_log_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (log, moved) = (folder.path().join("decisions"), folder.path().join("old"));
    let (_daemon, hook, client) =
        start(alpine(), ALLOW, &["--decision-log", log.to_str().expect("UTF-8")]).await;
    client.build(Build::dockerfile()).await.solve.expect("alpine is allowed");
    std::fs::rename(&log, &moved).expect("the log is rotated");
    hook.rewrite_policy(DENY_ALPINE);
    hook.signal("HUP").await;
    let denied = async {
        while client.build(Build::dockerfile()).await.solve.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), denied).await.expect("the new policy counts");
    let written = async {
        while !std::fs::read_to_string(&log).is_ok_and(|lines| lines.contains("alpine is not for us")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), written).await.expect("the new log has it");
}

#[tokio::test]
async fn metrics_are_served() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (_daemon, _hook, client) = start(alpine(), DENY_ALPINE, &["--metrics", &free.to_string()]).await;
    assert!(client.build(Build::dockerfile()).await.solve.is_err());
    let get = async |path: &str| {
        let mut stream = tokio::net::TcpStream::connect(free).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let metrics = get("/metrics").await;
    for line in
        ["policy_check_builds_total{outcome=\"denied\"} 1", "policy_check_checks_total{verdict=\"deny\"} 1"]
    {
        assert!(metrics.lines().any(|shown| shown == line), "{line} in {metrics}");
    }
    assert!(get("/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_socket_has_the_permissions_that_were_asked_for() {
    let daemon = Daemon::start(alpine());
    for (args, mode) in [(&[][..], 0o600), (&["--socket-mode", "660"], 0o660)] {
        let hook = Hook::start(&daemon, ALLOW, args).await;
        let metadata = std::fs::metadata(&hook.socket).expect("a socket");
        assert_eq!(metadata.permissions().mode() & 0o777, mode);
    }
}

/// Wants `RUN` to go through the daemon's proxy.
const PROXY: &str = "package docker\n\ndecision := {\"allow\": true, \"caps\": {\"exec.proxy\": true}}\n";

#[tokio::test]
async fn a_policy_turns_the_proxy_on() {
    let (daemon, _hook, client) = start(alpine(), PROXY, &[]).await;
    let build = Build::dockerfile();
    let encoded = build.encoded();
    client.build(build).await.solve.expect("the build passes");
    let sent = daemon.calls(SOLVE).into_iter().find(|call| call.body()[5..].starts_with(&encoded));
    assert!(
        sent.expect("the build").body().ends_with(&[0x88, 0x01, 1]),
        "ProxyNetwork (17) is true, at the end"
    );
}

#[tokio::test]
async fn a_daemon_without_the_proxy_builds_nothing_that_wants_it() {
    let mut script = alpine();
    script.capabilities = vec!["source.policy.session"];
    let (_daemon, _hook, client) = start(script, PROXY, &[]).await;
    let outcome = client.build(Build::dockerfile()).await;
    assert!(outcome.error().message().contains("0.31"), "{:?}", outcome.error());
}

#[tokio::test]
async fn a_context_that_runs_commands_does_not_get_around_the_proxy() {
    use policy_check::buildkit::proto::pb;
    use prost::Message;
    let (daemon, _hook, client) = start(alpine(), PROXY, &[]).await;
    let exec = pb::Op { op: Some(pb::op::Op::Exec(pb::ExecOp::default())), ..Default::default() };
    let input = pb::Definition { def: vec![exec.encode_to_vec()], ..Default::default() };
    let mut build = Build::dockerfile();
    build.solve.frontend_inputs.insert("context".to_owned(), input.clone());
    build.bridge.as_mut().expect("it has one").frontend_inputs.insert("context".to_owned(), input);
    assert!(client.build(build).await.solve.is_err());
    let own = daemon.calls(BRIDGE_SOLVE).into_iter().map(|call| call.message::<gateway::SolveRequest>());
    assert_eq!(own.filter(|solve| solve.frontend.is_empty()).count(), 0, "the hook ran nothing of it");
}
