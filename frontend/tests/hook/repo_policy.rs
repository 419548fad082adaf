//! The build's own `<Dockerfile>.rego`.

use crate::builds::{alpine, start};
use crate::client::*;
use crate::daemon::*;
use crate::hook::{ALLOW, DENY_ALPINE};

/// A client with these files beside its Dockerfile.
fn with(files: &[(&str, &str)]) -> Build {
    let files = [&[("Dockerfile", "FROM alpine\n")], files].concat();
    // One folder is both, as in `docker buildx build .`
    Build::of(Exposed::default().folder("dockerfile", &files).folder("context", &files))
}

fn assert_denied(outcome: &Outcome) {
    let messages = outcome.deny_messages();
    assert!(messages.iter().any(|message| message.contains("alpine is not for us")), "{:?}", outcome.solve);
}

#[tokio::test]
async fn it_is_read_through_the_clients_session_and_counts() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let outcome = client.build(with(&[("Dockerfile.rego", DENY_ALPINE)])).await;
    assert_denied(&outcome);
    assert!(outcome.deny_messages().join("\n").contains("Dockerfile.rego"), "{:?}", outcome.deny_messages());
    client.build(with(&[("Dockerfile.rego", ALLOW)])).await.solve.expect("both allow");
    client.build(with(&[("Other.rego", DENY_ALPINE)])).await.solve.expect("another file is none");
}

#[tokio::test]
async fn it_cannot_allow_what_the_platform_denies() {
    let (_daemon, _hook, client) = start(alpine(), DENY_ALPINE, &[]).await;
    assert_denied(&client.build(with(&[("Dockerfile.rego", ALLOW)])).await);
}

#[tokio::test]
async fn it_is_named_after_the_dockerfile() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let files =
        [("My.Dockerfile", "FROM alpine"), ("My.Dockerfile.rego", DENY_ALPINE), ("Dockerfile.rego", ALLOW)];
    assert_denied(&client.build(with(&files).option("filename", "My.Dockerfile")).await);
    // What BuildKit acts on is the bridge's option.
    let files = [("My.Dockerfile", "FROM alpine"), ("My.Dockerfile.rego", DENY_ALPINE)];
    let outcome = client.build(with(&files).bridge_option("filename", "My.Dockerfile")).await;
    assert!(outcome.solve.is_err(), "the policy of the Dockerfile that is built, or none at all");
}

#[tokio::test]
async fn its_imports_and_data_are_read_too() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let policy = r#"package docker

import data.lib.images

default allow := false

allow if input.local

allow if images.good(input.image)

allow if input.image.repo in load_json("images.json").good

decision := {"allow": allow}
"#;
    let library = "package lib.images\n\ngood(image) if image.repo == \"REPO\"\n";
    let (good, bad) = (library.replace("REPO", "alpine"), library.replace("REPO", "nothing"));
    let build = |library: &str, data: &str| {
        with(&[("Dockerfile.rego", policy), ("lib/images.rego", library), ("images.json", data)])
    };
    client.build(build(&good, "{\"good\": []}")).await.solve.expect("the library allows it");
    client.build(build(&bad, "{\"good\": [\"alpine\"]}")).await.solve.expect("the data allow it");
    assert!(client.build(build(&bad, "{\"good\": []}")).await.solve.is_err());
}

#[tokio::test]
async fn it_can_be_turned_off_by_the_platform_alone() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &["--no-repo-policy"]).await;
    client.build(with(&[("Dockerfile.rego", DENY_ALPINE)])).await.solve.expect("nobody reads it");
}

#[tokio::test]
async fn it_can_be_required() {
    let (daemon, _hook, client) = start(alpine(), ALLOW, &["--require-repo-policy"]).await;
    client.build(with(&[("Dockerfile.rego", ALLOW)])).await.solve.expect("there is one");
    let outcome = client.build(with(&[])).await;
    assert!(format!("{:?}", outcome.error()).contains("Dockerfile.rego"), "{:?}", outcome.error());
    let mut direct = Build::definition(&[source_op("alpine")]);
    direct.exposed = Exposed::default();
    assert!(client.build(direct).await.solve.is_err(), "a definition brings none");
    assert_eq!(daemon.crashed(), None);
}

#[tokio::test]
async fn one_that_does_not_load_denies() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let broken = client.build(with(&[("Dockerfile.rego", "package docker\n\nallow if if")])).await;
    assert!(format!("{:?}", broken.error()).contains("Dockerfile.rego"), "{:?}", broken.error());
    assert!(client.build(with(&[("Dockerfile.rego", "")])).await.solve.is_err(), "an empty one");
    assert!(
        client.build(with(&[("Dockerfile.rego", "package docker\n")])).await.solve.is_err(),
        "no decision"
    );
    let mut build = with(&[]);
    let folder = Folder::new(&[("Dockerfile", "FROM alpine")]).unreadable("Dockerfile.rego", 100);
    build.exposed.folders.insert("dockerfile".to_owned(), folder);
    assert!(client.build(build).await.solve.is_err(), "one that the client may not read");
}

#[tokio::test]
async fn it_may_live_in_another_session() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let shared = unique("session");
    let files = [("Dockerfile", "FROM alpine\n"), ("Dockerfile.rego", DENY_ALPINE)];
    let session =
        client.session(&shared, Exposed::default().folder("dockerfile", &files)).await.expect("a session");
    let build = || Build::of(Exposed::default()).option("local-sessionid:dockerfile", &shared);
    assert_denied(&client.build(build()).await);
    drop(session);
}

#[tokio::test]
async fn one_of_a_remote_context_comes_from_there() {
    let url = "https://github.com/example/repo.git";
    let mut script = alpine();
    for identifier in [url, "git://github.com/example/repo.git"] {
        script = script.file(identifier, "Dockerfile", "FROM alpine").file(
            identifier,
            "Dockerfile.rego",
            DENY_ALPINE,
        );
    }
    let (_daemon, _hook, client) = start(script, ALLOW, &[]).await;
    assert_denied(&client.build(Build::of(Exposed::default()).option("context", url)).await);
}

#[tokio::test]
async fn a_link_to_it_is_followed() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let folder = Folder::new(&[("Dockerfile", "FROM alpine"), ("policies/team.rego", DENY_ALPINE)])
        .link("Dockerfile.rego", "policies/team.rego");
    let mut build = with(&[]);
    build.exposed.folders.insert("dockerfile".to_owned(), folder);
    assert!(client.build(build).await.solve.is_err(), "followed, or refused, but never overlooked");
}

#[tokio::test]
async fn a_client_that_answers_no_files_gets_no_build() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &["--require-repo-policy"]).await;
    let mut build = with(&[]);
    build.exposed.folders.clear();
    let outcome = tokio::time::timeout(std::time::Duration::from_mins(1), client.build(build)).await;
    assert!(outcome.expect("it ends").solve.is_err());
}

#[tokio::test]
async fn helper_builds_need_none_as_long_as_they_only_read() {
    use policy_check::buildkit::proto::{control, pb};
    use prost::Message;
    let (daemon, _hook, client) = start(alpine(), ALLOW, &["--require-repo-policy"]).await;
    let helper = || {
        let mut build = Build::definition(&[source_op("alpine")]);
        build.solve.internal = true;
        build
    };
    client.build(helper()).await.solve.expect("as buildx reads a remote context");
    let mut exports = helper();
    let entry = control::CacheOptionsEntry { r#type: "registry".to_owned(), ..Default::default() };
    exports.solve.cache = Some(control::CacheOptions { exports: vec![entry], ..Default::default() });
    assert!(client.build(exports).await.solve.is_err(), "a cache is an output");
    let mut runs = helper();
    let exec = pb::Op { op: Some(pb::op::Op::Exec(pb::ExecOp::default())), ..Default::default() };
    // In a field of its own: BuildKit makes one definition of both.
    let second = pb::Definition { def: vec![exec.encode_to_vec()], ..Default::default() };
    let first = std::mem::take(&mut runs.solve.definition);
    runs.appended = [second, first.expect("a definition")]
        .iter()
        .flat_map(|definition| {
            let mut field = vec![0x12, u8::try_from(definition.encoded_len()).expect("short")];
            field.extend(definition.encode_to_vec());
            field
        })
        .collect();
    assert!(client.build(runs).await.solve.is_err(), "a command is more than reading");
    assert_eq!(daemon.crashed(), None);
}

#[tokio::test]
async fn a_remote_context_is_judged_as_part_of_its_build() {
    let url = "https://github.com/example/repo.git";
    let policy = "package docker\n\ndefault allow := false\n\nallow if input.env.args.TEAM == \"infra\"\n\n\
                  decision := {\"allow\": allow}\n";
    let mut script = alpine();
    for identifier in [url, "git://github.com/example/repo.git"] {
        script = script.file(identifier, "Dockerfile", "FROM alpine");
    }
    let (_daemon, _hook, client) = start(script, policy, &[]).await;
    let build = Build::of(Exposed::default()).option("context", url);
    client.build(build.clone().option("build-arg:TEAM", "infra")).await.solve.expect("the policy sees TEAM");
    assert!(client.build(build).await.solve.is_err());
}

/// Clients follow a build from its start, and buildkitd gives up on those who do before the solve has come.
#[tokio::test]
async fn one_that_comes_late_still_counts() {
    let (_daemon, _hook, client) = start(alpine(), ALLOW, &[]).await;
    let mut build = with(&[("Dockerfile.rego", DENY_ALPINE)]);
    build.exposed.slow = std::time::Duration::from_secs(5);
    assert_denied(&client.build(build).await);
}
