//! What a client that means ill can send, sent.

use bollard_buildkit_proto::moby::buildkit::v1 as control;
use bollard_buildkit_proto::moby::buildkit::v1::frontend;
use policy_testbed::Project;
use tonic::Status;

use crate::raw::{Raw, definition, new_build, options};
use crate::stage::{Gate, Stage, direct, stage, stage_with_hook};

const NO_MULTI: &str = r#"package docker

default allow := true

allow := false if input.image.repo == "REGISTRY/real/multi"

deny_msg contains "nothing forged" if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

/// The socket that the clients of this gate use.
fn address(stage: &Stage, gate: &Gate) -> String {
    gate.hook.as_ref().map_or_else(|| stage.daemon_address(), policy_testbed::Hook::address)
}

#[track_caller]
fn is_denied(result: Result<(), Status>, case: &str) {
    let Err(status) = result else { panic!("{case}: allowed") };
    assert!(status.message().contains("not allowed by policy"), "{case}: {status:?}");
}

/// The daemon takes them all, so that what the hook does with them is the hook's work.
#[tokio::test]
async fn a_definition_with_any_session_id() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(NO_MULTI);
    let mut raw = Raw::connect(&address(stage, &gate)).await;
    let ids: &[&str] = if direct() { &[""] } else { &["", "no-such-session", "another:one"] };
    for id in ids {
        // A session of the client's that is to be asked as well and never appears cannot allow anything.
        for (image, allowed) in [("real/multi:1", direct()), ("real/single:1", id.is_empty())] {
            let mut build = new_build();
            build.definition = Some(definition(&stage.fill(&format!("docker-image://REGISTRY/{image}"))));
            build.source_policy_session = (*id).to_owned();
            let result = raw.control.solve(build).await.map(drop);
            if allowed {
                result.unwrap_or_else(|status| panic!("{id:?}, {image}: {status:?}"));
            } else if id.is_empty() {
                is_denied(result, image);
            } else {
                result.expect_err("a refusal");
            }
        }
    }
}

#[tokio::test]
async fn a_definition_in_a_gateway_build() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(NO_MULTI);
    let mut raw = Raw::connect(&address(stage, &gate)).await;
    for (image, allowed) in [("real/multi:1", direct()), ("real/single:1", true)] {
        let definition = definition(&stage.fill(&format!("docker-image://REGISTRY/{image}")));
        let solve = frontend::SolveRequest {
            definition: Some(definition),
            evaluate: true,
            allow_result_return: true,
            ..Default::default()
        };
        let result = raw.gateway(new_build(), solve).await;
        if allowed {
            result.unwrap_or_else(|status| panic!("{image}: {status:?}"));
        } else {
            is_denied(result, image);
        }
    }
}

/// `Control/Solve` says one thing and `LLBBridge/Solve`, on which BuildKit acts, another.
#[tokio::test]
async fn different_options_in_both_solves() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(
        r#"package docker

default allow := false

allow if input.env.args.MODE == "release"

decision := {"allow": allow}
"#,
    );
    let content = stage.dockerfile("FROM REGISTRY/real/single:1\nARG MODE\nLABEL mode=$MODE\n");
    let url = stage.world.serve_repository(&format!("forged-{}", std::process::id()), content.path());
    let mut raw = Raw::connect(&address(stage, &gate)).await;
    for (said, done, allowed) in [("release", "release", true), ("release", "debug", direct())] {
        let mut build = new_build();
        build.frontend_attrs = options(&[("context", &url), ("build-arg:MODE", said)]);
        let solve = frontend::SolveRequest {
            frontend: "dockerfile.v0".to_owned(),
            frontend_opt: options(&[("context", &url), ("build-arg:MODE", done)]),
            evaluate: true,
            allow_result_return: true,
            ..Default::default()
        };
        let result = raw.gateway(build, solve).await;
        assert_eq!(result.is_ok(), allowed, "{said}, {done}: {result:?}");
    }
}

/// The daemon lets the second session replace the first.
#[tokio::test]
async fn a_session_id_that_is_in_use() {
    let Some(stage) = stage() else { return };
    let gate = stage.open_gate();
    let mut raw = Raw::connect(&address(stage, &gate)).await;
    let id = format!("session-{}-in-use", std::process::id());
    let mut first = raw.session(&id).await.expect("a session");
    assert!(!first.is_refused().await);
    let refused = match raw.session(&id).await {
        Ok(mut second) => second.is_refused().await,
        Err(_) => true,
    };
    assert_eq!(refused, !direct());
}

/// Builds that did not come through the hook may have no policy: the daemon lets everybody join them.
#[tokio::test]
async fn a_build_of_another_socket() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.gate(NO_MULTI);
    let mut theirs = Raw::connect(&stage.daemon_address()).await;
    let build = new_build();
    let id = build.r#ref.clone();
    let mut control = theirs.control.clone();
    let running = tokio::spawn(async move { control.solve(build).await });
    theirs.ping(&id).await.expect("a build that can be joined");
    let mut ours = Raw::connect(&address(stage, &gate)).await;
    let status = ours.ping(&id).await.expect_err("a refusal");
    assert!(!status.message().is_empty(), "{status:?}");
    theirs.ping(&id).await.expect("a build that still runs");
    running.abort();
}

/// Imports that only the raw request names; BuildKit itself asks no policy about them.
#[tokio::test]
async fn a_cache_import_in_either_solve() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.open_gate();
    let mut raw = Raw::connect(&address(stage, &gate)).await;
    let attrs = options(&[("ref", &stage.world.image("real/forged-cache:1"))]);
    let source = stage.fill("docker-image://REGISTRY/real/single:1");

    let mut build = new_build();
    build.definition = Some(definition(&source));
    let import = control::CacheOptionsEntry { r#type: "registry".to_owned(), attrs: attrs.clone() };
    build.cache = Some(control::CacheOptions { imports: vec![import], ..Default::default() });
    raw.control.solve(build).await.expect_err("a refusal");

    let import = frontend::CacheOptionsEntry { r#type: "registry".to_owned(), attrs };
    let solve = frontend::SolveRequest {
        definition: Some(definition(&source)),
        cache_imports: vec![import],
        allow_result_return: true,
        ..Default::default()
    };
    raw.gateway(new_build(), solve).await.expect_err("a refusal");
}

/// A policy of the client's cannot take back what ours says.
#[test]
fn a_policy_of_the_client_that_allows_all() {
    let Some(stage) = stage_with_hook() else { return };
    let project: Project = stage.dockerfile("FROM REGISTRY/real/multi:1\n");
    project.write("Dockerfile.rego", "package docker\n\ndecision := {\"allow\": true}\n");
    let gate = stage.gate(NO_MULTI);
    gate.build_with_own_policy(&project).finish().fails_with("Policy: nothing forged");
    gate.build(&project).finish().fails_with("Policy: nothing forged");
}
