//! What the hook does to builds of clients that mean well.

use policy_check::buildkit::proto::policysession::{Answer, CheckPolicyRequest, CheckPolicyResponse};
use policy_check::buildkit::proto::sourcepolicy::PolicyAction;
use policy_check::buildkit::proto::{control, gateway};
use prost::Message;
use tonic::Code;

use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE, Hook};

pub(crate) const ALPINE: &str = "docker-image://docker.io/library/alpine:latest";
pub(crate) const DIGEST: &str = "sha256:00000000000000000000000000000000000000000000000000000000000000aa";

/// A daemon whose default target is built from alpine, an OCI index.
pub(crate) fn alpine() -> Script {
    let config =
        r#"{"os":"linux","architecture":"amd64","config":{"Labels":{"team":"infra"},"User":"nobody"}}"#;
    Script::default()
        .loads(&["alpine"])
        .image("alpine", DIGEST, config)
        .image("busybox", DIGEST, config)
        .image("mirror.example/alpine:3", DIGEST, config)
}

/// A daemon and a hook in front of it.
pub(crate) async fn start(script: Script, policy: &str, args: &[&str]) -> (Daemon, Hook, Client) {
    let daemon = Daemon::start(script);
    let hook = Hook::start(&daemon, policy, args).await;
    let client = hook.client().await;
    (daemon, hook, client)
}

/// The session that each of the clients' builds was given, in the end. Solves that never arrived whole are none.
pub(crate) fn policy_sessions(daemon: &Daemon) -> Vec<String> {
    let whole = |call: &std::sync::Arc<Call>| crate::wire::unframe(&call.body()).is_some();
    let solves =
        daemon.calls(SOLVE).into_iter().filter(whole).map(|call| call.message::<control::SolveRequest>());
    solves
        .filter(|solve| solve.r#ref.starts_with("build-"))
        .map(|solve| solve.source_policy_session)
        .collect()
}

#[tokio::test]
async fn a_build_passes_and_is_asked_about_all_its_sources() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let outcome = client.build(Build::dockerfile()).await;
    outcome.solve.as_ref().expect("the build passes");
    outcome.status_end.as_ref().expect("the progress ends well");
    let pinned = format!("{ALPINE}@{DIGEST}");
    let asked = daemon.asked();
    for source in ["local://dockerfile", ALPINE, &pinned] {
        assert!(asked.iter().any(|asked| asked == source), "{source} in {asked:?}");
    }
}

#[tokio::test]
async fn the_policy_session_is_the_hooks_and_cannot_be_guessed() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let build = Build::dockerfile();
    let client_session = build.solve.session.clone();
    client.build(build).await.solve.expect("the build passes");
    let session = policy_sessions(&daemon).remove(0);
    assert_ne!(session, client_session);
    assert!(session.len() >= 22, "{session} has 128 bits");
    let headers = daemon.session_headers();
    let ours = headers.iter().find(|headers| headers["x-docker-expose-session-uuid"] == session.as_str());
    let ours = ours.expect("the hook opened that session");
    let methods: Vec<_> = ours.get_all("x-docker-expose-session-grpc-method").iter().collect();
    assert!(
        methods
            .iter()
            .any(|method| method.to_str().is_ok_and(|method| method.ends_with("PolicyVerifier/CheckPolicy")))
    );
    assert!(methods.iter().any(|method| *method == "/grpc.health.v1.Health/Check"));
    let theirs =
        headers.iter().find(|headers| headers["x-docker-expose-session-uuid"] == client_session.as_str());
    assert!(theirs.is_some(), "the client's tunnel passes through");
}

#[tokio::test]
async fn the_rest_of_the_clients_request_is_not_touched() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let mut build = Build::dockerfile().option("build-arg:X", "1");
    // A field that nobody knows, and one that our messages lack (`CompatibilityVersion`).
    build.appended = vec![0x80, 0x01, 20, 0xfa, 0x3e, 2, b'h', b'i'];
    let encoded = [build.solve.encode_to_vec(), build.appended.clone()].concat();
    client.build(build).await.solve.expect("the build passes");
    let call = daemon.calls(SOLVE).into_iter().find(|call| call.body()[5..].starts_with(&encoded));
    let call = call.expect("the client's bytes, unchanged, and ours behind them");
    assert_eq!(call.body()[5 + encoded.len()], 0x7a, "only the session is appended");
}

#[tokio::test]
async fn a_denial_reaches_the_client_with_its_reasons() {
    let (daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let outcome = client.build(Build::dockerfile()).await;
    let error = outcome.error();
    assert_eq!(error.code(), Code::Unknown);
    assert!(
        error.message().ends_with(&format!("source \"{ALPINE}\" not allowed by policy: action DENY")),
        "{error:?}"
    );
    let messages = outcome.deny_messages();
    assert!(messages.iter().any(|message| message.contains("alpine is not for us")), "{messages:?}");
    let shown = messages.join("\n");
    assert!(shown.contains("platform.rego"), "the policy is named: {shown}");
    assert!(!daemon.asked().contains(&format!("{ALPINE}@{DIGEST}")), "nothing was loaded");
}

#[tokio::test]
async fn an_error_of_the_daemon_arrives_as_it_was_sent() {
    let mut script = alpine();
    let failure = Failed { size: 1 << 20 };
    script.failure = Some(failure.status());
    let (_daemon, _hook, client) = start(script, ALLOW, &[]).await;
    let direct = Client::connect(&_daemon.socket).await.build(Build::dockerfile()).await;
    let outcome = client.build(Build::dockerfile()).await;
    assert_eq!(outcome.error().code(), Code::Unknown);
    assert_eq!(outcome.error().message(), direct.error().message());
    assert!(outcome.error().details().len() > failure.size);
    assert_eq!(outcome.error().details(), direct.error().details());
}

/// A `RUN` that failed, with its Dockerfile among the details.
struct Failed {
    size: usize,
}

impl Failed {
    fn status(&self) -> tonic::Status {
        use policy_check::buildkit::proto::google;
        let source = google::protobuf::Any {
            type_url: "github.com/moby/buildkit/errdefs.Source+json".to_owned(),
            value: format!("{{\"info\":{{\"data\":\"{}\"}}}}", "A".repeat(self.size)).into_bytes(),
        };
        let message = "process \"/bin/sh -c false\" did not complete successfully: exit code: 1".to_owned();
        let status = google::rpc::Status { code: 2, message: message.clone(), details: vec![source] };
        tonic::Status::with_details(Code::Unknown, message, status.encode_to_vec().into())
    }
}

#[tokio::test]
async fn a_pin_is_carried_into_the_build() {
    let policy = format!(
        "package docker\n\nallow if not input.image\n\nallow if pin_image(input.image, \"{DIGEST}\")\n\n\
         decision := {{\"allow\": allow}}\n\ndefault allow := false\n"
    );
    let (daemon, _hook, client) = start(alpine(), &policy, &[]).await;
    client.build(Build::dockerfile()).await.solve.expect("the build passes");
    let conversions: Vec<_> = daemon
        .checks()
        .into_iter()
        .filter_map(|check| match check.answer?.ok()?.result? {
            Answer::Decision(decision) if decision.action() == PolicyAction::Convert => decision.update,
            _ => None,
        })
        .collect();
    assert!(!conversions.is_empty(), "the pin is a conversion");
    assert!(conversions.iter().all(|update| update.identifier.ends_with(DIGEST)), "{conversions:?}");
}

#[tokio::test]
async fn metadata_comes_from_buildkit() {
    let policy = "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
                  allow if input.image.labels.team == \"infra\"\n\ndecision := {\"allow\": allow}\n";
    let (daemon, _hook, client) = start(alpine(), policy, &[]).await;
    client.build(Build::dockerfile()).await.solve.expect("the label is right");
    let asked_back = daemon.checks().into_iter().any(|check| {
        matches!(check.answer, Some(Ok(CheckPolicyResponse { result: Some(Answer::Request(_)) })))
    });
    assert!(asked_back, "the hook asked BuildKit for the configuration");
    assert_eq!(daemon.crashed(), None);
}

#[tokio::test]
async fn no_attestations_are_asked_of_an_image_that_is_no_index() {
    let policy = "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
                  allow if input.image.hasProvenance\n\ndecision := {\"allow\": allow}\n";
    // Port 9 of this machine: nobody tells what the manifest is.
    let script =
        Script::default().loads(&["localhost:9/single:1"]).single_image("localhost:9/single:1", DIGEST, "{}");
    let (daemon, _hook, client) = start(script, policy, &[]).await;
    assert!(client.build(Build::dockerfile()).await.solve.is_err(), "no provenance, no build");
    assert_eq!(daemon.crashed(), None);
}

#[tokio::test]
async fn the_environment_is_that_of_the_build() {
    let policy = r#"package docker

default allow := false

allow if {
	input.env.target == "release"
	input.env.args.VERSION == "1"
	input.env.labels.team == "infra"
	input.env.filename == "My.Dockerfile"
}

decision := {"allow": allow}
"#;
    let (_daemon, _hook, client) = start(alpine().target("release", &["alpine"]), policy, &[]).await;
    let exposed = Exposed::default().folder("dockerfile", &[("My.Dockerfile", "FROM alpine AS release")]);
    let build = |version: &str| {
        let build =
            Build::of(exposed.clone()).option("filename", "My.Dockerfile").option("target", "release");
        build.option("build-arg:VERSION", version).option("label:team", "infra")
    };
    client.build(build("1")).await.solve.expect("all is as the policy wants it");
    assert!(client.build(build("2")).await.solve.is_err());
}

#[tokio::test]
async fn checks_are_steps_of_the_builds_progress() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let outcome = client.build(Build::dockerfile()).await;
    outcome.solve.as_ref().expect("the build passes");
    let steps = outcome.steps();
    assert!(steps.iter().any(|step| step.contains("policy") && step.contains("alpine")), "{steps:?}");
    assert!(
        steps.iter().any(|step| step.contains("local://dockerfile")),
        "the daemon's own steps too: {steps:?}"
    );
}

#[tokio::test]
async fn a_policy_that_changes_is_read_again() {
    let (daemon, hook, client) = start(alpine(), ALLOW, &[]).await;
    client.build(Build::dockerfile()).await.solve.expect("alpine is allowed");
    let session = client.session("stays", Exposed::default()).await.expect("a session");
    hook.rewrite_policy(DENY_ALPINE);
    let denied = async {
        while client.build(Build::dockerfile()).await.solve.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), denied).await.expect("the new policy counts");
    assert!(session.is_open(), "nobody's session was dropped");
    // One that does not load must not open the door.
    hook.rewrite_policy("package docker\n\nthis is no policy");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(client.build(Build::dockerfile()).await.solve.is_err());
    drop(daemon);
}

#[tokio::test]
async fn anybody_may_ask_for_a_decision() {
    let (_daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    let known =
        gateway::ResolveSourceMetaResponse { source: Some(source_op("alpine")), ..Default::default() };
    let request = CheckPolicyRequest { source: Some(known), ..Default::default() };
    let path = policy_check::buildkit::proto::policysession::CHECK_POLICY;
    let answer = client.unary(path, &[], request.encode_to_vec().into()).await.expect("a decision");
    let answer = CheckPolicyResponse::decode(answer).expect("the answer decodes");
    let Some(Answer::Decision(decision)) = answer.result else { panic!("no decision: {answer:?}") };
    assert_eq!(decision.action(), PolicyAction::Deny);
    assert!(decision.deny_messages[0].message.contains("alpine is not for us"));
}

#[tokio::test]
async fn slow_work_before_a_solve_keeps_its_bridge_calls_waiting() {
    let mut script = alpine();
    script.registration_window = std::time::Duration::from_millis(100);
    let (_daemon, _hook, client) = start(script, ALLOW, &[]).await;
    let mut build = Build::dockerfile();
    build.exposed.slow = std::time::Duration::from_millis(500);
    client.build(build).await.solve.expect("the ping was held until the daemon knew the build");
}

#[tokio::test]
async fn builds_at_once_do_not_disturb_each_other() {
    let script = alpine().target("other", &["busybox"]);
    let (_daemon, _hook, client) = start(script, DENY_ALPINE, &[]).await;
    let mut builds = tokio::task::JoinSet::new();
    for number in 0..40 {
        let client = client.clone();
        builds.spawn(async move {
            let target = if number % 2 == 0 { "other" } else { "" };
            let outcome = client.build(Build::dockerfile().option("target", target)).await;
            (number, outcome.solve.is_ok())
        });
    }
    while let Some(ended) = builds.join_next().await {
        let (number, passed) = ended.expect("no panic");
        assert_eq!(passed, number % 2 == 0, "build {number}");
    }
}

#[tokio::test]
async fn a_daemon_that_asks_no_policy_builds_nothing() {
    let script = Script { capabilities: vec!["source.policy"], version: "v0.25.0", ..alpine() };
    let (daemon, _hook, client) = start(script, ALLOW, &[]).await;
    let refused = client.build(Build::dockerfile()).await.solve.expect_err("nobody would ask");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("BuildKit 0.26"), "{}", refused.message());
    // It is looked at again when it is another one.
    daemon.rescript(|script| Script {
        capabilities: vec!["source.policy.session"],
        version: "v0.32.2",
        ..script
    });
    client.build(Build::dockerfile()).await.solve.expect("a build with policy");
}
