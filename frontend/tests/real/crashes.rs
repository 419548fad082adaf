//! Daemon, hook or client die in the middle of a build.

use std::time::Duration;

use policy_testbed::{Daemon, Hook, Project, Running};

use crate::stage::{Gate, Stage, stage, stage_with_hook};

const ALLOW: &str = "package docker\n\ndecision := {\"allow\": true}\n";

/// A build that does not end by itself in time, at its command.
fn long_build(gate: &Gate, project: &Project) -> Running {
    let mut build = gate.build(project).args(["--no-cache"]).start();
    build.wait_for("it has begun\n");
    build
}

fn long_project(stage: &Stage) -> Project {
    stage.dockerfile(
        "FROM REGISTRY/real/shell:1\nRUN echo it has begun; busybox sleep 120; echo over=$((40+2))\n",
    )
}

fn gate_to(stage: &Stage, daemon: &Daemon) -> Gate {
    Gate::to(stage, &daemon.address(), Some(ALLOW), &["--no-repo-policy"])
}

#[test]
fn the_daemon_dies_and_comes_back() {
    let Some(stage) = stage() else { return };
    let mut daemon = stage.own_daemon();
    let gate = gate_to(stage, &daemon);
    let (long, short) = (long_project(stage), stage.dockerfile("FROM REGISTRY/real/multi:1\n"));
    let build = long_build(&gate, &long);
    daemon.kill();
    let run = build.finish();
    assert!(!run.status.success(), "{}", run.shown());
    let run = gate.build(&short).finish();
    assert!(!run.status.success(), "{}", run.shown());
    daemon.start_again();
    gate.build(&short).finish().passes();
}

/// Without the hook there is nobody to ask: the build must end, and not well.
#[test]
fn the_hook_dies() {
    let Some(stage) = stage_with_hook() else { return };
    let daemon = stage.own_daemon();
    let mut gate = gate_to(stage, &daemon);
    let project = long_project(stage);
    let build = long_build(&gate, &project);
    gate.hook.as_mut().expect("a hook").kill();
    let run = build.finish();
    assert!(!run.status.success(), "{}", run.shown());
    run.prints_no("over=42");
    // The daemon itself is well, and takes the next hook.
    let gate = gate_to(stage, &daemon);
    gate.build(&stage.dockerfile("FROM REGISTRY/real/multi:1\n")).finish().passes();
    nothing_runs(&gate, &project);
}

#[test]
fn the_client_dies() {
    let Some(stage) = stage() else { return };
    let daemon = stage.own_daemon();
    let gate = gate_to(stage, &daemon);
    let project = long_project(stage);
    long_build(&gate, &project).kill();
    nothing_runs(&gate, &project);
    gate.build(&stage.dockerfile("FROM REGISTRY/real/multi:1\n")).finish().passes();
}

#[test]
fn a_stopped_hook_finishes_its_builds() {
    let Some(stage) = stage_with_hook() else { return };
    let mut gate = stage.gate(ALLOW);
    let project = stage.dockerfile(
        "FROM REGISTRY/real/shell:1\nRUN echo it has begun; busybox sleep 3; echo over=$((40+2))\n",
    );
    let build = long_build(&gate, &project);
    gate.hook.as_mut().expect("a hook").ask_to_stop();
    build.finish().passes().prints("over=42");
    let hook: &mut Hook = gate.hook.as_mut().expect("a hook");
    let status = hook.wait();
    assert!(status.success(), "{status}: {}", hook.log());
}

/// Waits until the daemon has noticed that nobody waits for its builds.
fn nothing_runs(gate: &Gate, project: &Project) {
    for _ in 0..300 {
        let records = gate.buildx(project, &["history", "ls", "--format=json"]).finish().passes();
        if !records.stdout.contains("\"Running\"") {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the daemon still builds for nobody");
}
