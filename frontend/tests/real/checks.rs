//! Requests to the frontend that build nothing: `--call`.

use crate::stage::stage;

const DOCKERFILE: &str = "FROM REGISTRY/real/multi:1 as base\nARG VERSION=1\nCOPY Dockerfile /\n";

#[test]
fn the_dockerfile_is_linted() {
    let Some(stage) = stage() else { return };
    let run = stage.open_gate().build(&stage.dockerfile(DOCKERFILE)).args(["--call=check"]).finish();
    run.fails_with("FromAsCasing").prints("Dockerfile:1");
}

#[test]
fn the_dockerfile_is_outlined() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate("package docker\n\ndecision := {\"allow\": true}\n");
    let run = gate.build(&stage.dockerfile(DOCKERFILE)).args(["--call=outline"]).finish();
    run.passes().prints("VERSION");
    gate.build(&stage.dockerfile(DOCKERFILE)).args(["--call=targets"]).finish().passes().prints("base");
}

#[test]
fn what_the_dockerfile_is_read_from_is_judged() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(
        r#"package docker

deny_msg contains "no Dockerfiles" if input.local.name == "dockerfile"

decision := {"allow": false, "deny_msg": deny_msg}
"#,
    );
    for call in ["--call=check", "--call=outline"] {
        let run = gate.build(&stage.dockerfile(DOCKERFILE)).args([call]).finish();
        run.fails_with("Policy: no Dockerfiles");
    }
}
