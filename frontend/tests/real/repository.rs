//! The repository's own policy, `Dockerfile.rego`: read through the client's session and enforced for every
//! client, beside the platform's and beside what buildx evaluates by itself.

use std::path::Path;

use policy_testbed::{Project, Run};

use crate::stage::{Gate, Stage, stage, stage_with_hook};

/// Denies images of this repository, with a message.
fn denying(repository: &str, message: &str) -> String {
    format!(
        "package docker\n\ndefault allow := true\n\nallow := false if input.image.repo == \"{repository}\"\n\n\
         deny_msg contains \"{message}\" if input.image.repo == \"{repository}\"\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    )
}

fn project_with_policy(stage: &Stage, image: &str) -> Project {
    let policy = denying("REGISTRY/real/multi", "the repository says no");
    stage.project(&[("Dockerfile", &format!("FROM REGISTRY/{image}\n")), ("Dockerfile.rego", &policy)])
}

#[test]
fn the_repository_denies() {
    let Some(stage) = stage() else { return };
    let gate = stage.repository_gate(None, &[]);
    let project = project_with_policy(stage, "real/multi:1");
    gate.build(&project).finish().fails_with("Policy: the repository says no");
    gate.build(&project_with_policy(stage, "real/shell:1")).finish().passes();
}

#[test]
fn the_platform_denies_what_the_repository_allows() {
    let Some(stage) = stage() else { return };
    let platform = denying("REGISTRY/real/shell", "the platform says no");
    let gate = stage.repository_gate(Some(&platform), &[]);
    gate.build(&project_with_policy(stage, "real/shell:1")).finish().fails_with("the platform says no");
    gate.build(&project_with_policy(stage, "real/multi:1")).finish().fails_with("the repository says no");
    gate.build(&project_with_policy(stage, "real/single:1")).finish().passes();
}

/// buildx evaluates `Dockerfile.rego` too: its session is asked beside ours.
#[test]
fn the_client_s_own_policy_still_counts() {
    let Some(stage) = stage() else { return };
    let platform = denying("REGISTRY/real/shell", "the platform says no");
    let gate = stage.gate(&platform);
    let multi = project_with_policy(stage, "real/multi:1");
    gate.build_with_own_policy(&multi).finish().fails_with("Policy: the repository says no");
    let single = project_with_policy(stage, "real/single:1");
    gate.build_with_own_policy(&single).finish().passes();
    if gate.hook.is_some() {
        let shell = project_with_policy(stage, "real/shell:1");
        gate.build_with_own_policy(&shell).finish().fails_with("Policy: the platform says no");
    }
}

/// The client's policy pins, and ours must judge what it was pinned to.
#[test]
fn a_pin_of_the_client_is_judged_by_the_platform() {
    let Some(stage) = stage_with_hook() else { return };
    let digest = &stage.digest("real/multi:1");
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\n");
    project.write(
        "Dockerfile.rego",
        format!(
            "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
             allow if pin_image(input.image, \"{digest}\")\n\ndecision := {{\"allow\": allow}}\n"
        ),
    );
    let platform = |name: &str| {
        format!(
            "package docker\n\ndefault allow := true\n\nallow := false if input.image.checksum == \"{name}\"\n\n\
             deny_msg contains \"not that digest\" if not allow\n\n\
             decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
        )
    };
    let gate = stage.gate(&platform(digest));
    gate.build_with_own_policy(&project).finish().fails_with("Policy: not that digest");
    let other = format!("sha256:{}", "0".repeat(64));
    stage.gate(&platform(&other)).build_with_own_policy(&project).finish().passes();
}

#[test]
fn a_policy_with_imports_and_data_beside_another_dockerfile() {
    let Some(stage) = stage() else { return };
    let policy = r#"package docker

import data.lib.names

default allow := false

allow if input.local

allow if input.image.repo in names.good

deny_msg contains sprintf("only %v", [load_json("names.json").names]) if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;
    let project = stage.project(&[
        ("app.Dockerfile", "ARG IMAGE=multi\nFROM REGISTRY/real/${IMAGE}:1\n"),
        ("app.Dockerfile.rego", policy),
        ("lib/names.rego", "package lib.names\n\ngood := {\"REGISTRY/real/multi\"}\n"),
        ("names.json", "{\"names\": [\"multi\"]}"),
        ("Dockerfile.rego", "package docker\n\ndecision := {\"allow\": false}\n"),
    ]);
    let gate = stage.repository_gate(None, &[]);
    let build = || gate.build(&project).args(["--file=app.Dockerfile"]);
    build().finish().passes();
    build().args(["--build-arg=IMAGE=shell"]).finish().fails_with("Policy: only [\"multi\"]");
}

#[test]
fn arguments_target_and_file_are_the_policy_s_environment() {
    let Some(stage) = stage() else { return };
    let policy = r#"package docker

default allow := false

allow if {
	input.env.args.MODE == "release"
	input.env.target == "final"
	input.env.filename == "Dockerfile"
}

deny_msg contains sprintf("not %s of %s", [input.env.args.MODE, input.env.target]) if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;
    let dockerfile = "FROM REGISTRY/real/multi:1 AS other\nFROM REGISTRY/real/multi:1 AS final\n";
    let project = stage.project(&[("Dockerfile", dockerfile), ("Dockerfile.rego", policy)]);
    let gate = stage.repository_gate(None, &[]);
    let build = |mode: &str, target: &str| {
        gate.build(&project).args([format!("--build-arg=MODE={mode}"), format!("--target={target}")]).finish()
    };
    build("release", "final").passes();
    build("debug", "final").fails_with("Policy: not debug of final");
    build("release", "other").fails_with("Policy: not release of other");
}

/// `buildctl` knows no policies of repositories; the hook does.
#[test]
fn buildctl_obeys_the_repository() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.repository_gate(None, &[]);
    for (image, message) in [("real/multi:1", Some("the repository says no")), ("real/shell:1", None)] {
        let project = project_with_policy(stage, image);
        let Some(run) = gate.buildctl(&project) else { return };
        let run = run.args(["build", "--progress=plain", "--frontend=dockerfile.v0"]);
        let run = run.args(["--local=context=.", "--local=dockerfile=."]).finish();
        match message {
            Some(message) => drop(run.fails_with(&format!("policy deny: {message}"))),
            None => drop(run.passes()),
        }
    }
}

#[test]
fn a_repository_without_policy_where_one_is_required() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.repository_gate(None, &["--require-repo-policy"]);
    gate.build(&stage.dockerfile("FROM REGISTRY/real/multi:1\n")).finish().fails_with("Dockerfile.rego");
    gate.build(&project_with_policy(stage, "real/shell:1")).finish().passes();
}

#[test]
fn a_broken_policy_is_no_policy_that_allows() {
    let Some(stage) = stage() else { return };
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\n");
    project.write("Dockerfile.rego", "package docker\n\ndecision := {\"allow\": true\n");
    stage.repository_gate(None, &[]).build(&project).finish().fails_with("Dockerfile.rego");
}

/// A policy of the server in a registry, and one of the repository that imports a library from there.
#[test]
fn policies_and_libraries_from_a_registry() {
    let Some(stage) = stage_with_hook() else { return };
    let registry = &stage.world.registry;
    let files = stage.project(&[
        ("server/docker.rego", &denying("REGISTRY/real/shell", "the platform's artifact says no")),
        ("lib/names.rego", "package acme.names\n\ngood := {\"REGISTRY/real/multi\"}\n"),
    ]);
    let bundle = |args: &[&str]| {
        let run = Run::of(Path::new(env!("CARGO_BIN_EXE_policy-check")), files.path());
        run.env("HOME", files.path()).args([&["bundle"], args].concat()).finish().passes().stdout
    };
    let [server, lib] = ["server", "lib"].map(|name| format!("oci://{registry}/real-policies/{name}:v1"));
    let server = bundle(&["push", "server", &server]);
    bundle(&["push", "lib", &lib]);
    let policy = r#"package docker

import data.acme.names

default allow := false

allow if input.local

allow if input.image.repo in names.good

decision := {"allow": allow, "deny_msg": {"not one of acme's names" | not allow}}
"#;
    let project = stage.project(&[("Dockerfile", "ARG IMAGE=multi\nFROM REGISTRY/real/${IMAGE}:1\n")]);
    project.write("Dockerfile.rego", policy);
    let libraries = format!(r#"{{"version": 1, "libraries": {{"acme": {{"from": "{lib}"}}}}}}"#);
    files.write("policy-libraries.json", libraries);
    bundle(&["lock"]);
    project.write("policy-libraries.json", files.read("policy-libraries.json"));

    let listed = format!("oci://{registry}/real-policies/");
    let gate = |args: &[&str]| stage.repository_gate(None, &[&["--policy", server.trim()], args].concat());
    let allowing = gate(&["--libraries-from", &listed]);
    let build =
        |gate: &Gate, image: &str| gate.build(&project).args([format!("--build-arg=IMAGE={image}")]).finish();
    build(&allowing, "multi").passes();
    build(&allowing, "shell").fails_with("the platform's artifact says no");
    build(&allowing, "single").fails_with("not one of acme's names");
    build(&gate(&[]), "multi").fails_with("--libraries-from");
}
