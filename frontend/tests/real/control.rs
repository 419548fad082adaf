//! Everything else that clients do on the control socket.

use crate::stage::{stage, stage_with_hook};

#[test]
fn buildctl_builds() {
    let Some(stage) = stage() else { return };
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\nCOPY note /note\n");
    project.write("note", "by buildctl");
    let gate = stage.open_gate();
    let Some(run) = gate.buildctl(&project) else { return };
    let build = ["build", "--progress=plain", "--frontend=dockerfile.v0", "--local=context=."];
    run.args(build).args(["--local=dockerfile=.", "--output=type=local,dest=out"]).finish().passes();
    assert_eq!(project.read("out/note"), "by buildctl");
}

#[test]
fn buildctl_looks_around() {
    let Some(stage) = stage() else { return };
    let (gate, project) = (stage.open_gate(), stage.dockerfile("FROM REGISTRY/real/multi:1\n"));
    gate.build(&project).finish().passes();
    for (args, printed) in [
        (&["debug", "workers"][..], "PLATFORMS"),
        (&["debug", "info"], "BuildKit"),
        (&["debug", "histories"], "COMPLETE"),
        (&["du"], "Total:"),
        (&["prune", "--keep-duration=24h"], "Total:"),
    ] {
        let Some(run) = gate.buildctl(&project) else { return };
        run.args(args).finish().passes().prints(printed);
    }
}

#[test]
fn buildx_looks_around() {
    let Some(stage) = stage() else { return };
    let (gate, project) = (stage.open_gate(), stage.dockerfile("FROM REGISTRY/real/multi:1\n"));
    gate.build(&project).finish().passes();
    for (args, printed) in [
        (&["ls"][..], "running"),
        (&["inspect"], "Platforms:"),
        (&["du"], "Total:"),
        (&["prune", "--force", "--filter=until=24h"], "Total:"),
        (&["history", "ls"], "Completed"),
    ] {
        gate.buildx(&project, args).finish().passes().prints(printed);
    }
}

/// The daemon's records of builds, and the blobs in its content store.
#[test]
fn history_of_a_build() {
    let Some(stage) = stage() else { return };
    let gate = stage.open_gate();
    let project = stage.dockerfile("FROM REGISTRY/real/shell:1\nRUN echo remember me\n");
    gate.build(&project).args(["--no-cache", "--metadata-file=made.json"]).finish().passes();
    let made = project.read("made.json");
    let (_, reference) = made.split_once("\"buildx.build.ref\": \"").expect("the build's ref");
    let id = reference.split('"').next().and_then(|path| path.rsplit('/').next()).expect("the build's id");
    gate.buildx(&project, &["history", "logs", "--progress=plain", id])
        .finish()
        .passes()
        .prints("remember me");
    gate.buildx(&project, &["history", "inspect", id]).finish().passes().prints("Build Steps:");
    let export = ["history", "export", "--output=build.dockerbuild", id];
    gate.buildx(&project, &export).finish().passes();
    assert!(std::fs::metadata(project.path().join("build.dockerbuild")).expect("the export").len() > 1000);
    gate.buildx(&project, &["history", "rm", id]).finish().passes();
    assert!(!gate.buildx(&project, &["history", "inspect", id]).finish().status.success());
}

#[test]
fn secrets_and_other_ends_of_the_session() {
    let Some(stage) = stage() else { return };
    let gate = stage.open_gate();
    let project = stage.dockerfile(
        "FROM REGISTRY/real/shell:1\nRUN --mount=type=secret,id=word busybox sha256sum /run/secrets/word >/sum\n",
    );
    project.write("word", "hush");
    let build = gate.build(&project).args(["--secret=id=word,src=word", "--no-cache"]);
    build.args(["--output=type=tar,dest=out.tar", "--cache-to=type=local,dest=cache"]).finish().passes();
    assert!(std::fs::metadata(project.path().join("out.tar")).expect("the archive").len() > 1_000_000);
    assert!(project.path().join("cache/index.json").exists());
    let image = stage.world.image(&format!("real/pushed:{}", std::process::id()));
    gate.build(&project).args(["--secret=id=word,src=word", "--push", "--tag", &image]).finish().passes();
    gate.buildx(&project, &["imagetools", "inspect", &image]).finish().passes().prints("sha256:");
}

#[test]
fn cache_imports_are_denied_unless_allowed() {
    let Some(stage) = stage_with_hook() else { return };
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\nCOPY Dockerfile /\n");
    let image = stage.world.image("real/cache:1");
    let export = format!("--cache-to=type=registry,mode=max,ref={image}");
    let import = format!("--cache-from=type=registry,ref={image}");
    let open = stage.open_gate();
    open.build(&project).args([&export]).finish().passes();
    open.build(&project).args([&import]).finish().fails_with("real/cache");
    let allowing = stage.repository_gate(None, &["--no-repo-policy", "--cache-imports", "allow"]);
    allowing.build(&project).args([&import]).finish().passes();
    let judging = |rule: &str| {
        let policy = format!(
            "package docker\n\ndefault allow := true\n\nallow := false if {rule}\n\n\
             decision := {{\"allow\": allow}}\n"
        );
        let args = ["--no-repo-policy", "--cache-imports", "policy"];
        stage.repository_gate(Some(&policy), &args).build(&project).args([&import]).finish()
    };
    judging(r#"input.image.repo == "REGISTRY/real/cache""#).fails_with("real/cache");
    judging(r#"input.image.repo == "REGISTRY/real/other""#).passes();
}
