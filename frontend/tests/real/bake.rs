//! Several builds at once with one `bake`: shared folders travel in a session of their own.

use policy_testbed::{Project, Run};

use crate::stage::{Gate, Stage, direct, stage};

const BAKE: &str = r#"
group "default" { targets = ["app", "tool"] }
target "base" {
  dockerfile-inline = "FROM REGISTRY/real/multi:1\nCOPY own /own\n"
}
target "app" {
  contexts = { base = "target:base", shared = "./shared", image = "docker-image://REGISTRY/real/shell:1" }
  dockerfile = "app.Dockerfile"
  output = ["out/app"]
}
target "tool" {
  contexts = { shared = "./shared" }
  dockerfile = "tool.Dockerfile"
  args = { WHO = "tool" }
  output = ["out/tool"]
}
"#;

fn project(stage: &Stage) -> Project {
    stage.project(&[
        ("docker-bake.hcl", BAKE),
        ("app.Dockerfile", "FROM base\nCOPY --from=shared note /note\nCOPY --from=image /bin/sh /sh\n"),
        ("tool.Dockerfile", "FROM scratch\nARG WHO\nCOPY --from=shared note /note-of-${WHO}\n"),
        ("own", "mine"),
        ("shared/note", "ours"),
    ])
}

fn bake(gate: &Gate, project: &Project) -> Run {
    let run = gate.buildx(project, &["bake", "--progress=plain"]);
    if !direct() {
        return run;
    }
    gate.hand_over_policy(project);
    run.args(["--set", "*.policy=reset=true,filename=cwd://platform.rego"])
}

#[test]
fn two_targets_with_shared_contexts() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(
        r#"package docker

default allow := false

allow if input.local.name in {"context", "dockerfile", "shared"}

allow if input.image.repo in {"REGISTRY/real/multi", "REGISTRY/real/shell"}

decision := {"allow": allow}
"#,
    );
    let project = project(stage);
    bake(&gate, &project).finish().passes();
    assert_eq!(project.read("out/app/note"), "ours");
    assert_eq!(project.read("out/app/own"), "mine");
    assert_eq!(project.read("out/app/text"), "hello");
    assert_eq!(project.read("out/tool/note-of-tool"), "ours");
}

#[test]
fn a_source_of_one_target_is_denied() {
    let Some(stage) = stage() else { return };
    for rule in
        [r#"input.image.repo == "REGISTRY/real/shell""#, r#"input.image.repo == "REGISTRY/real/multi""#]
    {
        let gate = stage.gate(&format!(
            "package docker\n\ndefault allow := true\n\nallow := false if {rule}\n\n\
             deny_msg contains \"not for baking\" if {rule}\n\n\
             decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
        ));
        bake(&gate, &project(stage)).finish().fails_with("Policy: not for baking");
    }
}

#[test]
fn a_build_argument_of_one_target() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(
        r#"package docker

default allow := true

allow := false if input.env.args.WHO == "tool"

deny_msg contains "not for tools" if input.env.args.WHO == "tool"

decision := {"allow": allow, "deny_msg": deny_msg}
"#,
    );
    let project = project(stage);
    bake(&gate, &project).args(["tool"]).finish().fails_with("Policy: not for tools");
    bake(&gate, &project).args(["app"]).finish().passes();
}
