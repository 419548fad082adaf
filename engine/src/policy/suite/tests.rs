#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::check::Facts;
use crate::input::{self, Env};
use crate::policy::{FileError, PolicyRoot};
use crate::source::{Platform, SourceOp};
use crate::verify::Trust;

const POLICY: &str = r#"package docker

default allow := false

allow if input.local

allow if {
	input.image.repo == "alpine"
	input.image.labels.team == "infra"
}

allow if {
	input.git
	verify_git_signature(input.git.commit, "key.asc")
}

deny_msg contains sprintf("%s is not ours", [input.image.ref]) if {
	input.image
	not allow
}

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

struct Root;

impl PolicyRoot for Root {
    fn read(&self, path: &str, _limit: u64) -> Result<Vec<u8>, FileError> {
        match path {
            "pins.json" => Ok(br#"{"alpine": "3"}"#.to_vec()),
            "lib/x.rego" => Ok(b"package lib\n\ny := 1\n".to_vec()),
            _ => Err(FileError::NotFound),
        }
    }

    fn shown(&self, path: &str) -> String {
        format!("root/{path}")
    }
}

fn suite_with(policy: &str, tests: &str, documents: Documents) -> Result<Suite, LoadError> {
    let file = |name: &str, text: &str| PolicyFile { name: name.into(), text: text.into() };
    let files = vec![file("p.rego", policy)];
    let options = LoadOptions { files, root: Some(Arc::new(Root)), strict: false };
    Suite::load(&options, &[file("p_test.rego", &format!("package docker\n\n{tests}\n"))], documents)
}

fn suite(tests: &str) -> Suite {
    suite_with(POLICY, tests, Documents::default()).unwrap()
}

/// A line for each case: its name, and how it ended.
fn lines(suite: &Suite) -> Vec<String> {
    let options = RunOptions::new(SystemTime::UNIX_EPOCH);
    let run = |test| suite.run(test, &options).cases;
    suite.tests().iter().filter(|test| !test.skipped).flat_map(run).map(|case| line(&case)).collect()
}

fn line(case: &CaseRun) -> String {
    let verdict = match &case.verdict {
        TestVerdict::Passed => "passed".to_owned(),
        TestVerdict::Failed(None) => "failed".to_owned(),
        TestVerdict::Failed(Some(reason)) => format!("failed: {reason}"),
        TestVerdict::Error(error) => format!("error: {error}"),
    };
    let at: String = case.failed_at.iter().map(|at| format!(" at {at}")).collect();
    format!("{} {verdict}{at}", case.name)
}

#[test]
fn tests_are_told_from_what_they_share() {
    let suite = suite(concat!(
        "test_image := {\"repo\": input.x}\ntest_name := \"alpine\"\ntest_true := true\ntest_body if 1 == 1\n",
        "test_f(x) if x\ntodo_test_later if false\nother if true\ntest_computed := allow\n",
        "test_const[\"a b\"] if true\ntest_const.c if true\n"
    ));
    let names: Vec<_> = suite.tests().iter().map(|test| test.name.as_str()).collect();
    let expected =
        ["test_body", "test_computed", "test_const[a b]", "test_const[c]", "test_true", "todo_test_later"];
    assert_eq!(names, expected);
    assert!(suite.tests()[5].skipped && !suite.tests()[0].skipped);
    assert_eq!(suite.tests()[0].package, "data.docker");
    assert_eq!(suite.tests()[0].position.to_string(), "p_test.rego:6:1");
}

#[test]
fn verdicts_and_where_they_come_from() {
    let suite = suite(
        r#"test_a if allow with input as {"local": {"name": "context"}}

test_b if {
	not allow with input as {"image": {"repo": "busybox"}}
	allow with input as {"image": {"repo": "alpine"}}
}

test_c := 7

test_d contains "x" if true

test_e if { load_json("missing.json") }

test_f := false

test_g if load_json("pins.json").alpine == "3""#,
    );
    assert_eq!(
        lines(&suite),
        [
            "test_a passed",
            "test_b failed at p_test.rego:7:2",
            "test_d failed: a set is no verdict: write `test_name[case] if …`",
            "test_e error: p_test.rego:14:13: load_json: cannot load `missing.json`: no such file in the policy's root",
            "test_f failed",
            "test_g passed",
        ]
    );
}

#[test]
fn a_mock_is_complete() {
    // Nothing of it is unknown, so `not` holds on what it lacks.
    let suite = suite(
        r#"test_a if not allow with input as {"image": {"repo": "alpine", "ref": "alpine:3"}}
test_b if { input.image.labels.x with input as {"image": {"host": "h", "repo": "alpine"}} }
test_none if not input"#,
    );
    assert_eq!(lines(&suite), ["test_a passed", "test_b failed at p_test.rego:4:13", "test_none passed"]);
    let run = suite.run(&suite.tests()[1], &RunOptions::new(SystemTime::UNIX_EPOCH));
    let case = &run.cases[0];
    assert_eq!(case.missing_input, ["git", "git.commit", "image.labels", "image.ref", "local"]);
    assert_eq!(case.metadata_resolve, ["image"]);
    assert_eq!(case.input, Some(serde_json::json!({"image": {"host": "h", "repo": "alpine"}})));
    assert_eq!(case.decision.as_ref().unwrap().allow, Some(false));
}

#[test]
fn decisions_see_what_a_test_mocked() {
    let suite = suite(
        r#"test_a if allow with input as {"git": {"commit": {}}} with verify_git_signature as true
test_b if not allow with input as {"git": {"commit": {}}}
test_c if not allow with input as {"image": {"ref": "r"}}"#,
    );
    assert_eq!(lines(&suite), ["test_a passed", "test_b passed", "test_c passed"]);
    let options = RunOptions::new(SystemTime::UNIX_EPOCH);
    let run = |index: usize| suite.run(&suite.tests()[index], &options);
    let decision = |index: usize| run(index).cases[0].decision.clone().unwrap();
    assert_eq!(decision(0).allow, Some(true));
    assert_eq!(decision(1).allow, Some(false));
    assert_eq!(decision(2).deny_msg, ["r is not ours"]);
    assert_eq!(run(0).unverified, [""; 0]);
    assert_eq!(run(1).unverified, ["verify_git_signature"]);
}

#[test]
fn cases_are_told_apart() {
    let suite = suite(
        r#"cases := {
	"alpine": {"image": {"repo": "alpine", "labels": {"team": "infra"}}},
	"busybox": {"image": {"repo": "busybox", "ref": "b"}},
	"local": {"local": {"name": "context"}},
}

test_allowed[name] if {
	some name, doc in cases
	allow with input as doc
}

test_values[x] := x == 1 if some x in [1, 2]

test_pairs[a][b] if {
	some a in ["p", "q"]
	some b in ["r"]
	a == "p"
}

test_none[x] if some x in []

test_computed[upper(x)] if some x in ["a"]"#,
    );
    assert_eq!(
        lines(&suite),
        [
            "test_allowed[alpine] passed",
            "test_allowed[busybox] failed at p_test.rego:11:2",
            "test_allowed[local] passed",
            "test_computed[A] passed",
            "test_none failed: no case began at p_test.rego:22:1",
            "test_pairs[p][r] passed",
            "test_pairs[q][r] failed at p_test.rego:19:2",
            "test_values[1] passed",
            "test_values[2] failed",
        ]
    );
    let run = suite.run(&suite.tests()[0], &RunOptions::new(SystemTime::UNIX_EPOCH));
    let inputs: Vec<_> = run.cases.iter().map(|case| case.input.clone().unwrap().to_string()).collect();
    assert!(inputs[1].contains("busybox") && inputs[2].contains("context"));
    assert_eq!(run.cases[1].decision.as_ref().unwrap().deny_msg, ["b is not ours"]);
    assert!(!run.passed());
}

#[test]
fn data_files_lie_beside_rules() {
    let mut documents = Documents::default();
    documents.add_json(&[], r#"{"images": ["alpine"], "docker": {"names": {"x": 1}}}"#).unwrap();
    documents.add_yaml(&["docker", "names"], "why: 2\n").unwrap();
    let error = documents.add_json(&["images"], "1").unwrap_err();
    assert_eq!(error.to_string(), "`data.images` is defined by another data file already");
    assert!(documents.add_json(&[], "[]").is_err());
    assert!(documents.add_json(&[], "{").is_err());
    documents.add_json(&["images"], r#"["alpine"]"#).unwrap();
    let suite = suite_with(
        POLICY,
        r#"import data.images
import data.lib.x

test_a if images == ["alpine"]
test_b if data.docker.names == {"x": 1, "why": 2}
test_c if data.docker.names.x == 5 with data.docker.names.x as 5
test_d if x.y == 1
test_e[name] if { some name in images; allow with input as {"image": {"repo": name, "labels": {"team": "infra"}}} }"#,
        documents,
    )
    .unwrap();
    let passed =
        ["test_a passed", "test_b passed", "test_c passed", "test_d passed", "test_e[alpine] passed"];
    assert_eq!(lines(&suite), passed);
    assert_eq!(suite.files().collect::<Vec<_>>(), ["p.rego", "p_test.rego", "root/lib/x.rego"]);

    let mut documents = Documents::default();
    documents.add_json(&[], r#"{"docker": {"allow": true}}"#).unwrap();
    let error = suite_with(POLICY, "test_a if true", documents).err().unwrap();
    assert_eq!(error.to_string(), "p.rego:3:1: a data file has `data.docker.allow`, which is a rule");
}

#[test]
fn what_a_snapshot_has_not_is_no_absence() {
    let (facts, env) = (Facts::default(), Env::default());
    let source = SourceOp::new("docker-image://docker.io/library/alpine:3");
    let platform = Platform::new("linux", "amd64", "");
    let built = input::build(&source, Some(&platform), &facts, &env, &Trust::default()).unwrap();
    let mut documents = Documents::default();
    documents.add_source(&["snapshots", "s", "a"], &built, "a in s.snapshot.json").unwrap();
    let suite = suite_with(
        POLICY,
        r#"test_a if data.snapshots.s.a.image.tag == "3"
test_b if not allow with input as data.snapshots.s.a
test_c[name] if { some name, doc in data.snapshots.s; input.image.host == "docker.io" with input as doc }
test_d[label] if { some label in ["host", "labels"]; data.snapshots.s.a.image[label] }
test_e if not test_d.labels"#,
        documents,
    )
    .unwrap();
    assert_eq!(
        lines(&suite),
        [
            "test_a passed",
            "test_b error: p_test.rego:4:1: the test depends on what the snapshot does not have: `input.image.labels` of a in s.snapshot.json",
            "test_c[a] passed",
            "test_d[host] passed",
            "test_d[labels] error: p_test.rego:6:1: the test depends on what the snapshot does not have: `input.image.labels` of a in s.snapshot.json",
            "test_e error: p_test.rego:7:1: the test depends on what the snapshot does not have: `input.image.labels` of a in s.snapshot.json",
        ]
    );
}

#[test]
fn an_error_is_one_of_its_case() {
    let suite = suite(
        r#"test_a[file] if { some file in ["nope.json", "pins.json", "z.json"]; load_json(file) }
test_b["x"] if load_json("nope.json")
test_b["x"] if true
test_b["y"] if true
test_c if not test_b.y
test_d if not test_b.x
test_e[i] if { some i in [1, 2]; count(numbers.range(1, 2000000)) > 0 }"#,
    );
    assert_eq!(
        lines(&suite),
        [
            "test_a[nope.json] error: p_test.rego:3:70: load_json: cannot load `nope.json`: no such file in the policy's root",
            "test_a[pins.json] passed",
            "test_a[z.json] error: p_test.rego:3:70: load_json: cannot load `z.json`: no such file in the policy's root",
            "test_b[x] error: p_test.rego:4:16: load_json: cannot load `nope.json`: no such file in the policy's root",
            "test_b[y] passed",
            "test_c failed at p_test.rego:7:11",
            // Another test's error is an error of what asks it.
            "test_d error: p_test.rego:4:16: load_json: cannot load `nope.json`: no such file in the policy's root",
            // All cases together have one budget.
            "test_e error: p_test.rego:9:40: a collection of 2000000 elements exceeds the limit of 1000000 elements",
        ]
    );
}

#[test]
fn a_mock_costs_what_is_evaluated_under_it() {
    let others: String = (0..3_000).map(|i| format!("test_{i} if true\n")).collect();
    let suite = suite(&format!(
        "test_x if every i in numbers.range(1, 3000) {{ allow with input as {{\"local\": i}} }}\n{others}"
    ));
    assert_eq!(lines(&suite).last().map(String::as_str), Some("test_x passed"));
}

#[test]
fn what_fails_for_want_of_an_input_is_told() {
    let suite = suite(
        r#"test_a if { not allow with input as {"local": false}; deny_msg["x"] }
test_b if { allow with input as {"image": {}}; 1 == 1 }
test_c if { 1 == 2; allow with input as {"local": {}} }
test_d if allow
test_e[x] if { some x in [1]; allow with input as {"local": {}}; input.local }"#,
    );
    let options = RunOptions::new(SystemTime::UNIX_EPOCH);
    let told = |test| suite.run(test, &options).cases.into_iter().map(|case| case.failed_unmocked);
    assert_eq!(
        suite.tests().iter().flat_map(told).collect::<Vec<_>>(),
        [true, false, false, false, true],
        "{:?}",
        lines(&suite)
    );
}

#[test]
fn a_mock_can_be_completed() {
    let suite = suite(
        r#"test_a if allow with input as {"image": {"repo": "alpine"}}
test_b if not allow with input as {"image": {"repo": "alpine", "labels": {}}}"#,
    );
    let mut options = RunOptions::new(SystemTime::UNIX_EPOCH);
    assert!(!suite.run(&suite.tests()[0], &options).passed());
    let resolved = serde_json::json!({"image": {"repo": "other", "labels": {"team": "infra"}}});
    options.complete(&serde_json::json!({"image": {"repo": "alpine"}}), &resolved);
    let run = suite.run(&suite.tests()[0], &options);
    assert!(run.passed());
    let whole = serde_json::json!({"image": {"labels": {"team": "infra"}, "repo": "alpine"}});
    assert_eq!(run.cases[0].input, Some(whole));
    options.complete(&serde_json::json!({"image": {"repo": "alpine", "labels": {}}}), &resolved);
    assert!(suite.run(&suite.tests()[1], &options).passed());
}

#[test]
fn pins_are_checked() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let suite = suite(&format!(
        r#"test_a if pin_image(input.image, "{digest}") with input as {{"image": {{"repo": "a"}}}}
test_b if not pin_image(input.image, "{digest}") with input as {{"local": {{}}}}
test_c if pin_image({{}}, "{digest}") with input as {{"image": {{"repo": "a"}}}}
test_d if pin_image(input.image, "sha256:0") with input as {{"image": {{"repo": "a"}}}}"#
    ));
    let lines = lines(&suite);
    assert_eq!(lines[0], "test_a passed");
    // As for a real source: a call on what is not there has no value.
    assert!(lines[2].contains("the first argument must be `input.image`"), "{}", lines[2]);
    assert!(lines[3].contains("invalid digest"), "{}", lines[3]);
}

#[test]
fn coverage_counts_lines_and_rules() {
    let suite = suite(
        r#"test_a if allow with input as {"local": {}}
test_b if not allow with input as {"image": {"repo": "alpine"}}"#,
    );
    let mut coverage = suite.coverage();
    for test in suite.tests() {
        suite.count(&suite.run(test, &RunOptions::new(SystemTime::UNIX_EPOCH)), &mut coverage);
    }
    assert_eq!(coverage.files.keys().collect::<Vec<_>>(), ["p.rego"]);
    let file = &coverage.files["p.rego"];
    let rules: BTreeMap<u32, u64> = file.rules.iter().map(|((line, _), rule)| (*line, rule.held)).collect();
    assert_eq!(rules, BTreeMap::from([(3, 1), (5, 1), (7, 0), (12, 0), (17, 0), (22, 0)]));
    let lines: Vec<(u32, u64)> = file.lines.iter().map(|(line, hits)| (*line, *hits)).collect();
    let expected = [
        (3, 1),
        (5, 2),
        (7, 0),
        (8, 1),
        (9, 1),
        (12, 0),
        (13, 1),
        (14, 0),
        (17, 0),
        (18, 0),
        (19, 0),
        (22, 0),
    ];
    assert_eq!(lines, expected);

    let mut twice = coverage.clone();
    twice.add(coverage);
    assert_eq!(twice.files["p.rego"].lines[&5], 4);
    assert_eq!(twice.files["p.rego"].rules[&(3, 1)].held, 2);
}
