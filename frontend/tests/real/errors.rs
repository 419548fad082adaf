//! Errors of the daemon look through the hook as they look without it.

use std::fmt::Write;

use policy_testbed::{Finished, Project};

use crate::stage::{Stage, stage};

/// What buildx prints after the progress, without what differs from run to run: times, process ids, references.
fn error_of(run: &Finished) -> String {
    let (_, error) =
        run.stderr.split_once("------\n").unwrap_or_else(|| panic!("no error in {}", run.shown()));
    // buildx prints this while it prints the rest: before or after.
    let lines: Vec<_> = error.lines().filter(|line| !line.starts_with("WARNING: No output")).collect();
    let error = lines.join("\n");
    let mut shown = String::new();
    for word in error.split_inclusive(|char: char| !char.is_ascii_alphanumeric()) {
        let end = word.trim_start_matches(|char: char| char.is_ascii_alphanumeric());
        let run = &word[..word.len() - end.len()];
        let differs = run.len() == 25 || run.starts_with(|char: char| char.is_ascii_digit());
        shown.push_str(if differs { "#" } else { run });
        shown.push_str(end);
    }
    shown
}

fn fails_alike(stage: &Stage, project: &Project, args: &[&str]) -> String {
    let through = stage.open_gate();
    let direct = stage.past_the_hook();
    let [through, direct] = [through.client, direct].map(|client| {
        let build =
            client.buildx(project.path()).args(["--debug", "build", "--progress=plain", "--no-cache", "."]);
        let run = build.args(args).finish();
        assert_eq!(run.status.code(), Some(1), "{}", run.shown());
        // Stack traces name the folder of this client's settings.
        error_of(&run)
    });
    assert_eq!(through, direct);
    through
}

/// The details of this error are as long as a header list of HTTP/2 may be by default.
#[test]
fn a_command_that_fails_in_a_long_dockerfile() {
    let Some(stage) = stage() else { return };
    let mut dockerfile = "FROM REGISTRY/real/shell:1\n".to_owned();
    for line in 0..240 {
        writeln!(dockerfile, "# line {line}: {}", "x".repeat(60)).expect("a string");
    }
    dockerfile.push_str("RUN echo about to fail; exit 7\n");
    assert!(dockerfile.len() > 17_000);
    let error = fails_alike(stage, &stage.dockerfile(&dockerfile), &[]);
    assert!(error.contains("Dockerfile:#"), "{error}");
    assert!(error.contains("exit code: #"), "{error}");
}

#[test]
fn a_dockerfile_that_does_not_parse() {
    let Some(stage) = stage() else { return };
    let (gate, direct) = (stage.open_gate(), stage.past_the_hook());
    let project = stage.dockerfile("FROM scratch\nCOPPY a b\n");
    for client in [&gate.client, &direct] {
        let run = client.buildx(project.path()).args(["build", "--progress=plain", "."]).finish();
        run.fails_with("Dockerfile:2").prints("COPPY");
    }
}

#[test]
fn an_image_that_is_not_there() {
    let Some(stage) = stage() else { return };
    let error = fails_alike(stage, &stage.dockerfile("FROM REGISTRY/real/nowhere:1\n"), &[]);
    assert!(error.contains("not found"), "{error}");
}

#[test]
fn a_file_that_is_not_there() {
    let Some(stage) = stage() else { return };
    let error = fails_alike(stage, &stage.dockerfile("FROM scratch\nCOPY nowhere /\n"), &[]);
    assert!(error.contains("not found"), "{error}");
}
