//! Contexts that are not on the client's machine.

use policy_testbed::Project;

use crate::stage::{Stage, stage};

const POLICY: &str = r#"package docker

default allow := true

allow := false if input.image.repo == "REGISTRY/real/multi"

deny_msg contains "the remote repository says no" if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

/// The content of a remote context whose own policy allows one image alone.
fn content(stage: &Stage) -> Project {
    let dockerfile = "ARG IMAGE=shell\nFROM REGISTRY/real/${IMAGE}:1\nCOPY note /note\n";
    stage.project(&[("Dockerfile", dockerfile), ("Dockerfile.rego", POLICY), ("note", "remote")])
}

/// A name that no other run of these tests uses.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn builds_by_its_own_policy(stage: &Stage, context: &str) {
    let here = Project::of(&[]);
    let gate = stage.repository_gate(None, &[]);
    gate.build_of(&here, context).args(["--output=out"]).finish().passes();
    assert_eq!(here.read("out/note"), "remote");
    let run = gate.build_of(&here, context).args(["--build-arg=IMAGE=multi"]).finish();
    run.fails_with("Policy: the remote repository says no");
}

fn is_a_source(stage: &Stage, context: &str, rule: &str) {
    let gate = stage.gate(&format!(
        "package docker\n\ndefault allow := true\n\nallow := false if {rule}\n\n\
         deny_msg contains \"nothing from there\" if not allow\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    ));
    gate.build_of(&Project::of(&[]), context).finish().fails_with("Policy: nothing from there");
    let other = "package docker\n\ndefault allow := false\n\nallow if input.image\n\nallow if input.git.commit\n\n\
                 allow if input.http.checksum\n\ndecision := {\"allow\": allow}\n";
    stage.gate(other).build_of(&Project::of(&[]), context).finish().passes();
}

#[test]
fn a_repository() {
    let Some(stage) = stage() else { return };
    let url = stage.world.serve_repository(&unique("remote"), content(stage).path());
    builds_by_its_own_policy(stage, &format!("{url}#main"));
    is_a_source(stage, &format!("{url}#main"), "startswith(input.git.remote, \"http://HTTP/\")");
}

#[test]
fn an_archive() {
    let Some(stage) = stage() else { return };
    let url = stage.world.serve_archive(&unique("remote"), content(stage).path());
    is_a_source(stage, &url, "startswith(input.http.path, \"/made/\")");
    builds_by_its_own_policy(stage, &url);
}

#[test]
fn a_dockerfile_from_standard_input() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(&stage.fill(POLICY));
    let here = Project::of(&[("note", "local")]);
    let build = |image: &str| {
        let dockerfile = stage.fill(&format!("FROM REGISTRY/real/{image}:1\nCOPY note /\n"));
        gate.build(&here).args(["--file=-"]).stdin(dockerfile).finish()
    };
    build("shell").passes();
    build("multi").fails_with("Policy: the remote repository says no");
}
