//! Recorded conversations, decided again.

use std::sync::Arc;

use insta::assert_snapshot;
use policy_check::policy_files::open_root;
use policy_check::replay::{self, Mode};

use crate::harness::{Place, fixture, run_in};

/// The names of the cases of a fixture that come out differently.
fn differing(recordings: &str) -> (usize, Vec<String>) {
    let root = open_root(&fixture("files")).expect("a root");
    let summary =
        replay::run(&fixture(recordings), &Mode::Compare, Some(&root), &Arc::default()).expect("a summary");
    (summary.cases, summary.differences.into_iter().map(|difference| difference.case).collect())
}

#[test]
fn transcripts_agree() {
    assert_eq!(differing("transcripts.jsonl"), (137, vec![]));
}

#[test]
fn unresolved_is_never_absent() {
    assert_eq!(differing("soundness.jsonl"), (12, vec![]));
}

#[test]
fn the_language_means_what_opa_says() {
    assert_eq!(differing("rego.jsonl"), (167, vec![]));
}

#[test]
fn summary_for_people_and_programs() {
    let place = Place::new();
    let lines = std::fs::read_to_string(fixture("transcripts.jsonl")).unwrap();
    let chosen: Vec<_> = lines
        .lines()
        .filter(|line| {
            line.contains("\"name\": \"deny-all/local\"") || line.contains("\"name\": \"allow-all/local\"")
        })
        .collect();
    assert_eq!(chosen.len(), 2);
    let changed = chosen
        .join("\n")
        .replace("\"final\": \"DENY\"", "\"final\": \"ALLOW\"")
        .replace("{\"action\": \"DENY\"}", "{}");
    place.write("same.jsonl", chosen.join("\n"));
    place.write("changed.jsonl", changed);
    assert_snapshot!(place.run(["replay", "same.jsonl"]).shown(), @r#"
    exit: 0
    -- stdout --
    2 of 2 cases agree, 0 differ
    -- stderr --
    "#);
    assert_snapshot!(place.run(["replay", "changed.jsonl"]).shown(), @r#"
    exit: 1
    -- stdout --
    deny-all/local step 1: ALLOW -> DENY
    1 of 2 cases agree, 1 differ
    -- stderr --
    "#);
    assert_snapshot!(place.run(["replay", "changed.jsonl", "--format", "json"]).shown(), @r#"
    exit: 1
    -- stdout --
    {
      "version": 1,
      "cases": 2,
      "skipped": 0,
      "agree": 1,
      "differences": [
        {
          "case": "deny-all/local",
          "step": 1,
          "recorded": "ALLOW",
          "answered": "DENY"
        }
      ]
    }
    -- stderr --
    "#);
}

#[test]
fn adopting_another_policy() {
    let place = Place::new();
    place.write("new.rego", "package docker\n\ndefault allow := false\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n");
    let policy = place.path().join("new.rego");
    let args = ["replay", "soundness.jsonl", "--policy", policy.to_str().unwrap()];
    assert_snapshot!(run_in(&fixture("."), args).shown(), @r#"
    exit: 1
    -- stdout --
    no-default: ALLOW -> DENY
    decision-inline: ALLOW -> DENY
    alias: ALLOW -> DENY
    with-input: ALLOW -> DENY
    8 of 12 cases agree, 4 differ
    -- stderr --
    "#);
}

#[test]
fn a_policy_to_adopt_that_does_not_load() {
    let place = Place::new();
    place.write("broken.rego", "package docker\n\nallow if {\n");
    let policy = place.path().join("broken.rego");
    let run =
        run_in(&fixture("."), ["replay", "soundness.jsonl", "--policy", policy.to_str().unwrap()]).finish();
    assert_eq!(run.code, 2, "{}", run.stderr);
}

/// A decision log: a denial with its case, and lines without one.
const LOG: &str = r#"{"time": "2026-01-01T00:00:00Z", "decision": "ask", "source": {"identifier": "docker-image://a"}}
{"time": "2026-01-01T00:00:00Z", "decision": "deny", "replay": {"case": {"name": "local://context", "policies": [{"name": "Dockerfile.rego", "digest": "sha256:00"}], "env": {"filename": "Dockerfile", "args": {"A": "1"}}, "identifier": "local://context", "attrs": {}, "arch": null}, "steps": [{"check": {"Source": {"Source": {"identifier": "local://context"}}}, "decision": {"action": "DENY", "denyMessages": [{"message": "no"}]}}], "final": "DENY"}}
{"time": "2026-01-01T00:00:00Z", "decision": "error", "replay": null}
"#;

#[test]
fn decision_logs_are_decided_by_a_new_policy() {
    let place = Place::new();
    place.write("log.jsonl", LOG);
    place.write(
        "new.rego",
        "package docker\n\nallow := input.env.args.A == \"1\"\n\ndecision := {\"allow\": allow}\n",
    );
    assert_snapshot!(place.run(["replay", "log.jsonl", "--policy", "new.rego"]).shown(), @r#"
    exit: 1
    -- stdout --
    local://context: DENY -> ALLOW
    0 of 1 cases agree, 1 differ; 2 lines without a case skipped
    -- stderr --
    "#);
    assert_snapshot!(place.run(["replay", "log.jsonl"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: log.jsonl:2: the recording holds no policy files
    help: a decision log names its policies only by digest: decide by others with --policy FILE
    "#);
    place.write("empty.jsonl", "{}\n");
    assert_snapshot!(place.run(["replay", "empty.jsonl", "--policy", "new.rego"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: no recordings in `empty.jsonl`; 1 line without a case skipped
    "#);
}

/// What a new policy imports and reads lies beside it, as for `serve`.
#[test]
fn a_new_policy_reads_files_beside_it() {
    let place = Place::new();
    place.write("log.jsonl", LOG);
    place.write(
        "policies/new.rego",
        "package docker\n\nallow := input.env.args.A == load_json(\"data.json\").a\n\ndecision := {\"allow\": allow}\n",
    );
    place.write("policies/data.json", r#"{"a": "1"}"#);
    let run = place.run(["replay", "log.jsonl", "--policy", "policies/new.rego"]).finish();
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    assert!(run.stdout.starts_with("local://context: DENY -> ALLOW\n"), "{}", run.stdout);
    place.write("other/data.json", r#"{"a": "2"}"#);
    let args = ["replay", "log.jsonl", "--policy", "policies/new.rego", "--root", "other"];
    assert_eq!(place.run(args).finish().code, 0);
}

#[test]
fn several_builds_must_all_be_allowed() {
    let place = Place::new();
    let envs = r#""envs": [{"args": {"A": "1"}}, {"args": {"A": "2"}}]"#;
    let log = LOG.replace(r#""env": {"filename": "Dockerfile", "args": {"A": "1"}}"#, envs);
    assert!(log.contains("envs"));
    place.write("log.jsonl", log);
    place.write("new.rego", "package docker\n\ndefault allow := false\n\nallow if input.env.args.A == \"1\"\n\ndecision := {\"allow\": allow}\n");
    assert_eq!(place.run(["replay", "log.jsonl", "--policy", "new.rego"]).finish().code, 0);
}
