//! Several builds: bake and Compose files.

use policy_testbed::Project;

use super::PICKY;
use super::compared::{Outcome, Trial};
use crate::stage::{Stage, stage_with_hook};

const BAKE: &str = r#"
variable "TAG" { default = "1" }
group "default" { targets = ["app", "tool"] }
target "base" {
  dockerfile-inline = "FROM REGISTRY/real/multi:${TAG}\nADD http://HTTP/files/artifact.txt /\n"
}
target "app" {
  contexts = { base = "target:base", folder = "./shared", image = "docker-image://REGISTRY/real/shell:1" }
  dockerfile-inline = "FROM base\nCOPY --from=folder note /note\nCOPY --from=image /bin/sh /sh\n"
}
target "last" {
  contexts = { app = "target:app", other = "target:tool-multi" }
  dockerfile-inline = "FROM app\nCOPY --from=other /note /other\n"
}
target "afar" {
  context = "http://HTTP/git/repo.git#main"
  dockerfile-inline = "FROM REGISTRY/real/single:1\nCOPY . /repo/\n"
}
target "tool" {
  name = "tool-${name}"
  matrix = { name = ["multi", "single"] }
  contexts = { folder = "./shared" }
  dockerfile = "tool.Dockerfile"
  args = { IMAGE = name }
}
"#;

fn project(stage: &Stage) -> Project {
    stage.project(&[
        ("docker-bake.hcl", BAKE),
        ("tool.Dockerfile", "ARG IMAGE\nFROM REGISTRY/real/${IMAGE}:1\nCOPY --from=folder note /\n"),
        ("shared/note", "ours"),
        ("given.rego", PICKY),
    ])
}

#[test]
fn bake_files() {
    let Some(stage) = stage_with_hook() else { return };
    for (name, args) in [
        ("the default", vec![]),
        ("a matrix", vec!["tool"]),
        (
            "one of a matrix for two platforms",
            vec!["tool-multi", "--set=tool-multi.platform=linux/amd64,linux/arm64"],
        ),
        ("one that is made of another", vec!["app"]),
        ("one that is made of another, and that one", vec!["base", "app"]),
        ("one that is made of many", vec!["last"]),
        (
            "one that is made of another for two platforms",
            vec![
                "app",
                "--set=*.platform=linux/amd64,linux/arm64",
                "--set=app.contexts.image=docker-image://REGISTRY/real/single:1",
            ],
        ),
        ("another context and another value of a variable", vec!["afar", "--set=afar.args.X=y"]),
    ] {
        let args: Vec<_> = args.iter().map(|arg| stage.fill(arg)).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let project = project(stage);
        let bake = |args: &[&str], outcome| {
            Trial { stage, name, project: &project, ends: &[outcome] }.bake("docker-bake.hcl", args);
        };
        bake(&args, Outcome::Passed);
        let given = ["--set=*.policy=reset=true,filename=cwd://given.rego"];
        bake(&[&args[..], &given].concat(), Outcome::Denied);
    }
}

#[test]
fn compose_files() {
    let Some(stage) = stage_with_hook() else { return };
    let project = stage.project(&[
        (
            "compose.yaml",
            "services:\n  web:\n    build:\n      context: web\n      args: {IMAGE: single}\n      \
             additional_contexts: {folder: ./shared}\n  db:\n    image: REGISTRY/real/none:1\n",
        ),
        ("web/Dockerfile", "ARG IMAGE\nFROM REGISTRY/real/${IMAGE}:1\nCOPY --from=folder note /\n"),
        ("shared/note", "ours"),
        ("given.rego", PICKY),
    ]);
    let bake = |args: &[&str], outcome| {
        Trial { stage, name: "compose", project: &project, ends: &[outcome] }.bake("compose.yaml", args);
    };
    bake(&[], Outcome::Passed);
    bake(&["web", "--set=web.policy=reset=true,filename=cwd://given.rego"], Outcome::Denied);
}
