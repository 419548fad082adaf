//! `policy-check test`: what it finds, runs and prints.

use insta::assert_snapshot;

use crate::harness::{Place, fixture, run_in};
use crate::world::World;

const POLICY: &str = r#"package docker

default allow := false

allow if input.local

allow if {
	input.image.repo == "alpine"
	input.image.labels.team == "infra"
}

deny_msg contains "not allowed" if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

/// The policy, and these rules as its tests.
fn place(tests: &str) -> Place {
    let place = Place::with_policy(POLICY);
    place.write("Dockerfile_test.rego", format!("package docker\n\n{tests}\n"));
    place
}

const FAILING: &str = r#"test_allowed if {
	allow with input as {"local": {"name": "context"}}
	allow with input as {"image": {"repo": "alpine"}}
}

test_constant := false

test_denied if not allow with input as {"image": {"repo": "busybox"}}

test_error if load_json("missing.json")

todo_test_later if false"#;

#[test]
fn each_test_with_what_is_wrong() {
    assert_snapshot!(place(FAILING).run(["test"]).shown(), @r#"
    exit: 1
    -- stdout --
    test_allowed: FAIL (allow=false, deny_msg=not allowed)
       --> Dockerfile_test.rego:5:2
        |
      5 |     allow with input as {"image": {"repo": "alpine"}}
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    input:
    {
      "image": {
        "repo": "alpine"
      }
    }
    decision:
    {
      "allow": false,
      "deny_msg": [
        "not allowed"
      ]
    }
    missing_input: input.image.labels, input.local
    metadata_resolve: image
    test_constant: FAIL (allow=false, deny_msg=not allowed)
    input: <nil>
    decision:
    {
      "allow": false,
      "deny_msg": [
        "not allowed"
      ]
    }
    missing_input: input.image.labels, input.image.repo, input.local
    test_denied: PASS (allow=false, deny_msg=not allowed)
    test_error: ERROR (allow=false, deny_msg=not allowed)
    error: load_json: cannot load `missing.json`: no such file in the policy's root
        --> Dockerfile_test.rego:12:15
         |
      12 | test_error if load_json("missing.json")
         |               ^^^^^^^^^^^^^^^^^^^^^^^^^
    input: <nil>
    decision:
    {
      "allow": false,
      "deny_msg": [
        "not allowed"
      ]
    }
    missing_input: input.image.labels, input.image.repo, input.local

    4 tests: 1 passed, 2 failed, 1 error, 1 skipped
    -- stderr --
    "#);
}

#[test]
fn quiet_leaves_what_failed() {
    let tests = "test_good if allow with input as {\"local\": {}}\ntest_bad if allow";
    assert_snapshot!(place(tests).run(["test", "--quiet"]).shown(), @r#"
    exit: 1
    -- stdout --
    test_bad: FAIL (allow=false, deny_msg=not allowed)
       --> Dockerfile_test.rego:4:13
        |
      4 | test_bad if allow
        |             ^^^^^
    input: <nil>
    decision:
    {
      "allow": false,
      "deny_msg": [
        "not allowed"
      ]
    }
    missing_input: input.image.labels, input.image.repo, input.local

    2 tests: 1 passed, 1 failed
    -- stderr --
    "#);
    assert_snapshot!(place("test_good if true").run(["test", "-q"]).shown(), @r"
    exit: 0
    -- stdout --
    1 test: 1 passed
    -- stderr --
    ");
}

#[test]
fn colours_and_symbols_where_they_are_wanted() {
    let run = place("test_good if true\ntest_bad if false").run(["test", "--color", "always", "-q"]).finish();
    assert!(run.stdout.contains("✗ \u{1b}[0mtest_bad: "), "{}", run.stdout);
}

#[test]
fn programs_read_json() {
    assert_snapshot!(place(FAILING).run(["test", "--format", "json"]).shown(), @r#"
    exit: 1
    -- stdout --
    {
      "version": 1,
      "summary": {
        "tests": 4,
        "passed": 1,
        "failed": 2,
        "errors": 1,
        "skipped": 1,
        "notLoaded": 0
      },
      "suites": [
        {
          "name": "Dockerfile.rego",
          "policy": "Dockerfile.rego",
          "files": [
            "Dockerfile_test.rego"
          ],
          "tests": [
            {
              "name": "test_allowed",
              "package": "data.docker",
              "verdict": "failed",
              "position": {
                "file": "Dockerfile_test.rego",
                "line": 3,
                "column": 1,
                "text": "test_allowed if {"
              },
              "failedAt": [
                {
                  "file": "Dockerfile_test.rego",
                  "line": 5,
                  "column": 2,
                  "text": "\tallow with input as {\"image\": {\"repo\": \"alpine\"}}"
                }
              ],
              "decision": {
                "allow": false,
                "deny_msg": [
                  "not allowed"
                ]
              },
              "input": {
                "image": {
                  "repo": "alpine"
                }
              },
              "missingInput": [
                "image.labels",
                "local"
              ],
              "metadataResolve": [
                "image"
              ]
            },
            {
              "name": "test_constant",
              "package": "data.docker",
              "verdict": "failed",
              "position": {
                "file": "Dockerfile_test.rego",
                "line": 8,
                "column": 1,
                "text": "test_constant := false"
              },
              "decision": {
                "allow": false,
                "deny_msg": [
                  "not allowed"
                ]
              },
              "missingInput": [
                "image.labels",
                "image.repo",
                "local"
              ]
            },
            {
              "name": "test_denied",
              "package": "data.docker",
              "verdict": "passed",
              "position": {
                "file": "Dockerfile_test.rego",
                "line": 10,
                "column": 1,
                "text": "test_denied if not allow with input as {\"image\": {\"repo\": \"busybox\"}}"
              },
              "decision": {
                "allow": false,
                "deny_msg": [
                  "not allowed"
                ]
              },
              "input": {
                "image": {
                  "repo": "busybox"
                }
              },
              "missingInput": [
                "image.labels",
                "local"
              ],
              "metadataResolve": [
                "image"
              ]
            },
            {
              "name": "test_error",
              "package": "data.docker",
              "verdict": "error",
              "position": {
                "file": "Dockerfile_test.rego",
                "line": 12,
                "column": 1,
                "text": "test_error if load_json(\"missing.json\")"
              },
              "message": "load_json: cannot load `missing.json`: no such file in the policy's root",
              "code": "builtin-error",
              "failedAt": [
                {
                  "file": "Dockerfile_test.rego",
                  "line": 12,
                  "column": 15,
                  "text": "test_error if load_json(\"missing.json\")"
                }
              ],
              "decision": {
                "allow": false,
                "deny_msg": [
                  "not allowed"
                ]
              },
              "missingInput": [
                "image.labels",
                "image.repo",
                "local"
              ]
            }
          ],
          "skipped": [
            "todo_test_later"
          ]
        }
      ]
    }
    -- stderr --
    "#);
}

#[test]
fn servers_read_junit() {
    assert_snapshot!(place(FAILING).run(["test", "--format", "junit"]).shown(), @r#"
    exit: 1
    -- stdout --
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="policy-check test" tests="5" failures="2" errors="1" skipped="1">
      <testsuite name="Dockerfile.rego" tests="5" failures="2" errors="1" skipped="1">
        <testcase classname="Dockerfile.rego" name="test_allowed">
          <failure type="failed" message="the test is not true">Dockerfile_test.rego:5:2: allow with input as {&quot;image&quot;: {&quot;repo&quot;: &quot;alpine&quot;}}
    input: {&quot;image&quot;:{&quot;repo&quot;:&quot;alpine&quot;}}
    decision: {&quot;allow&quot;:false,&quot;deny_msg&quot;:[&quot;not allowed&quot;]}</failure>
        </testcase>
        <testcase classname="Dockerfile.rego" name="test_constant">
          <failure type="failed" message="the test is not true">decision: {&quot;allow&quot;:false,&quot;deny_msg&quot;:[&quot;not allowed&quot;]}</failure>
        </testcase>
        <testcase classname="Dockerfile.rego" name="test_denied"/>
        <testcase classname="Dockerfile.rego" name="test_error">
          <error type="builtin-error" message="load_json: cannot load `missing.json`: no such file in the policy&apos;s root">Dockerfile_test.rego:12:15: test_error if load_json(&quot;missing.json&quot;)
    decision: {&quot;allow&quot;:false,&quot;deny_msg&quot;:[&quot;not allowed&quot;]}</error>
        </testcase>
        <testcase classname="Dockerfile.rego" name="todo_test_later">
          <skipped/>
        </testcase>
      </testsuite>
    </testsuites>
    -- stderr --
    "#);
}

/// As buildx answers in the same folder, line by line; the summary is ours.
#[test]
fn lines_are_those_of_buildx() {
    let place = Place::with_policy(&POLICY.replace("\"alpine\"", "\"localhost:5000/library/base\""));
    place.write(
        "d/x_test.rego",
        "package docker\ntest_local if decision.allow with input as {\"local\": {\"name\": \"context\"}}\n\
         test_nothing if true\ntest_false := false\ntest_noinput if not decision.allow\n\
         todo_x if true\nhelper_not_a_test if true\n",
    );
    assert_snapshot!(place.run(["test", "d"]).shown(), @r#"
    exit: 1
    -- stdout --
    test_false: FAIL (allow=false, deny_msg=not allowed)
    input: <nil>
    decision:
    {
      "allow": false,
      "deny_msg": [
        "not allowed"
      ]
    }
    missing_input: input.image.labels, input.image.repo, input.local
    test_local: PASS (allow=true)
    test_noinput: PASS (allow=false, deny_msg=not allowed)
    test_nothing: PASS (allow=false, deny_msg=not allowed)

    4 tests: 3 passed, 1 failed
    -- stderr --
    "#);
}

#[test]
fn nothing_to_test_is_an_error() {
    let place = Place::with_policy(POLICY);
    place.write("notes.rego", "package notes\n");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: no policy tests found
    help: put rules `test_…` into a file `NAME_test.rego` beside the policy
    ");
    assert_snapshot!(place.run(["test", "notes.rego"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: test file must have _test.rego suffix: notes.rego
    help: name a test file, or the folder to search
    ");
    assert_snapshot!(place.run(["test", "nowhere"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read `nowhere`: No such file or directory (os error 2)
    ");
    place.write("x_test.rego", "package docker\n\ntest_x if true\n");
    assert_snapshot!(place.run(["test", "--run", "other"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: no tests found
    help: tests are rules whose names begin with `test_`; see `--run`
    ");
    assert_snapshot!(place.run(["test", "--filename", "nope"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is no policy `nope.rego`
    help: create `nope.rego`, or name another policy with `--filename`
    ");
    assert_snapshot!(place.run(["test", "--run", "x"]).shown(), @r"
    exit: 0
    -- stdout --
    test_x: PASS (allow=false, deny_msg=not allowed)

    1 test: 1 passed
    -- stderr --
    ");
}

#[test]
fn each_test_file_has_its_policy() {
    let place = Place::with_policy("package docker\n\nwho := \"root\"\n");
    let tests = |who: &str| format!("package docker\n\ntest_who if who == \"{who}\"\n");
    place.write("Dockerfile_test.rego", tests("root"));
    // No policy of its own name, nor one in its folder.
    place.write("policies/deep/any_test.rego", tests("root"));
    // A policy of its own name.
    place.write("app.Dockerfile.rego", "package docker\n\nwho := \"app\"\n");
    place.write("app.Dockerfile_test.rego", tests("app"));
    // A policy in its folder.
    place.write("service/Dockerfile.rego", "package docker\n\nwho := load_json(\"who.json\")\n");
    place.write("service/who.json", "\"service\"");
    place.write("service/first_test.rego", tests("service"));
    place.write("service/second_test.rego", "package docker\n\ntest_other if who == \"service\"\n");
    // A library with a package of its own, which others import.
    place.write("lib/names.rego", "package lib.names\n\ngood := {\"a\"}\n");
    place.write(
        "lib/names_test.rego",
        "package lib.names_test\n\nimport data.lib.names\n\ntest_good if \"a\" in names.good\n",
    );
    // Nothing of its own name is of its package.
    place.write("lib/other.rego", "package lib.other\n");
    place.write(
        "lib/other_test.rego",
        "package docker\n\nimport data.lib.names\n\ntest_both if { who == \"root\"; count(names.good) == 1 }\n",
    );
    // Hidden and installed files are not ours.
    place.write(".cache/x_test.rego", "no policy");
    place.write("node_modules/x/x_test.rego", "no policy");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 0
    -- stdout --
    Dockerfile.rego
    test_who: PASS (allow=n/a)

    app.Dockerfile.rego
    test_who: PASS (allow=n/a)

    Dockerfile.rego (lib)
    test_both: PASS (allow=n/a)

    lib/names.rego
    test_good: PASS (allow=n/a)

    Dockerfile.rego (policies/deep)
    test_who: PASS (allow=n/a)

    service/Dockerfile.rego
    test_other: PASS (allow=n/a)
    test_who: PASS (allow=n/a)

    7 tests: 7 passed
    -- stderr --
    ");
    // All for one, as in buildx.
    let run = place.run(["test", "-f", "Dockerfile", "service"]).finish();
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("2 tests: 2 failed"), "{}", run.stdout);
}

#[test]
fn one_policy_that_does_not_load_leaves_the_others() {
    let place = place("test_good if true");
    place.write("broken/Dockerfile.rego", "package docker\n\nallow if {\n");
    place.write("broken/Dockerfile_test.rego", "package docker\n\ntest_x if true\n");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 2
    -- stdout --
    Dockerfile.rego
    test_good: PASS (allow=false, deny_msg=not allowed)

    1 test: 1 passed, 1 policy not loaded
    -- stderr --
    error[syntax-error]: broken/Dockerfile.rego:4:1: the file ends: expected a value
    help: close what is open: a bracket, or a body's `}`
    ");
}

#[test]
fn warnings_refuse_a_policy_with_strict() {
    let place = Place::with_policy("package docker\n\nallow if input.image.rpo == \"x\"\n");
    place.write(
        "Dockerfile_test.rego",
        "package docker\n\ntest_x if not allow with input as {\"imgae\": {}}\n",
    );
    assert_snapshot!(place.run(["test"]).shown(), @r#"
    exit: 0
    -- stdout --
    test_x: PASS (allow=n/a)

    1 test: 1 passed
    -- stderr --
    warning[unknown-property]: Dockerfile.rego:3:10: `input.image.rpo` does not exist: `input.image` has no `rpo`
        |
      3 | allow if input.image.rpo == "x"
        |          ^^^^^^^^^^^^^^^^^^^^^^
    help: did you mean `input.image.repo`?
    warning: Dockerfile_test.rego:3: test_x: the mock has `imgae`, which no input has: did you mean `image`?
    "#);
    assert_snapshot!(place.run(["test", "--strict"]).shown(), @r#"
    exit: 2
    -- stdout --
    0 tests: 1 policy not loaded
    -- stderr --
    error[unknown-property]: Dockerfile.rego:3:10: `input.image.rpo` does not exist: `input.image` has no `rpo`
        |
      3 | allow if input.image.rpo == "x"
        |          ^^^^^^^^^^^^^^^^^^^^^^
    help: did you mean `input.image.repo`?
    "#);
}

#[test]
fn cases_data_files_and_snapshots() {
    let place = Place::with_policy(
        "package docker\n\nallow if input.ociLayout.labels\n\ndefault allow := false\n\ndecision := {\"allow\": allow}\n",
    );
    let demo = fixture("demo/layout");
    let layout = format!("oci-layout://{}:1.0", demo.display());
    let snapshot = ["eval", "--platform", "linux/amd64", "--snapshot", "demo.snapshot.json", &layout];
    assert_eq!(place.run(snapshot).finish().code, 0);
    place.write("data.yaml", "cases:\n  local:\n    input: {local: {name: context}}\n    allow: false\n");
    place.write("data.json", "{\"cases\": {\"none\": {\"input\": {}, \"allow\": true}}}");
    place.write(
        "Dockerfile_test.rego",
        "package docker\n\n\
         test_cases[name] if {\n\tsome name, case in data.cases\n\tallow == case.allow with input as case.input\n}\n\n\
         test_demo[source] if {\n\tsome source, doc in data.snapshots.demo\n\tallow with input as doc\n}\n\n\
         test_not_captured if {\n\tsome doc in data.snapshots.demo\n\tnot input.ociLayout.hasProvenance with input as doc\n}\n",
    );
    let demo = demo.display().to_string();
    assert_snapshot!(place.run(["test"]).replace(&demo, "DEMO").shown(), @r#"
    exit: 1
    -- stdout --
    test_cases[local]: PASS (allow=false)
    test_cases[none]: FAIL (allow=false)
       --> Dockerfile_test.rego:5:2
        |
      5 |     allow == case.allow with input as case.input
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    input:
    {}
    decision:
    {
      "allow": false
    }
    missing_input: input.ociLayout.labels
    test_demo[oci-layout://DEMO:1.0]: PASS (allow=true)
    test_not_captured: ERROR (allow=true)
    error: the test depends on what the snapshot does not have: `input.ociLayout.hasProvenance` of `oci-layout://DEMO:1.0` in `demo.snapshot.json`
        --> Dockerfile_test.rego:13:1
         |
      13 | test_not_captured if {
         | ^^^^^^^^^^^^^^^^^^^^^^
    help: capture the snapshot again with a policy that reads it
    input:
    {
      "ociLayout": {
        "ref": "DEMO:1.0",
        "name": "DEMO",
        "tag": "1.0",
        "platform": "linux/amd64",
        "os": "linux",
        "arch": "amd64",
        "checksum": "sha256:c9008722b401a7201ea795b84acd4a59c0c41a8c7b95531cb917790e67fe2e50",
        "createdTime": "2026-01-01T00:00:00Z",
        "env": [
          "PATH=/bin"
        ],
        "labels": {
          "org.opencontainers.image.title": "demo",
          "team": "infra"
        },
        "user": "1000:1000",
        "workingDir": "/work"
      }
    }
    decision:
    {
      "allow": true
    }

    4 tests: 2 passed, 1 failed, 1 error
    -- stderr --
    "#);
}

#[test]
fn data_that_cannot_be_used() {
    let place = place("test_good if true");
    place.write("data.json", "[1]");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 2
    -- stdout --
    0 tests: 1 policy not loaded
    -- stderr --
    error[unusable-data]: data.json:1:1: a document directly below `data` must be an object
    ");
    place.write("data.json", "{\"docker\": {\"allow\": true}}");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 2
    -- stdout --
    0 tests: 1 policy not loaded
    -- stderr --
    error[conflicting-data]: Dockerfile.rego:3:1: a data file has `data.docker.allow`, which is a rule
        |
      3 | default allow := false
        | ^^^^^^^^^^^^^^^^^^^^^^
    help: rename one of them: a test would see both in one place
    ");
    place.write("data.json", "{}");
    place.write("x.snapshot.json", "{\"version\": 9}");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 2
    -- stdout --
    0 tests: 1 policy not loaded
    -- stderr --
    error[unusable-data]: x.snapshot.json:1:1: the snapshot has version 9, and this program reads version 1
    help: capture it again with `--snapshot FILE`
    ");
}

const COVERED: &str = "test_local if allow with input as {\"local\": {}}\n\
                       test_other if not allow with input as {\"image\": {\"repo\": \"x\"}}";

#[test]
fn coverage_for_people_and_programs() {
    let place = place(COVERED);
    let args = ["test", "--coverage", "--coverage=lcov:c.info", "--coverage=json:c.json", "--run", "_"];
    assert_snapshot!(place.run(args).shown(), @r"
    exit: 0
    -- stdout --
    test_local: PASS (allow=true)
    test_other: PASS (allow=false, deny_msg=not allowed)

    2 tests: 2 passed

    coverage: 40.0 % of rules (2/5), 42.8 % of lines (3/7)
      Dockerfile.rego: 40.0 % of rules (2/5), 42.8 % of lines (3/7)
        never held data.docker.allow at Dockerfile.rego:7:1
        never held data.docker.deny_msg at Dockerfile.rego:12:1
        never held data.docker.decision at Dockerfile.rego:14:1
        not reached 7, 9-14
    -- stderr --
    ");
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).expect("a report");
    assert_snapshot!(read("c.info"), @r"
    TN:
    SF:Dockerfile.rego
    FN:3,data.docker.allow:3:1
    FN:5,data.docker.allow:5:1
    FN:7,data.docker.allow:7:1
    FN:12,data.docker.deny_msg:12:1
    FN:14,data.docker.decision:14:1
    FNDA:1,data.docker.allow:3:1
    FNDA:1,data.docker.allow:5:1
    FNDA:0,data.docker.allow:7:1
    FNDA:0,data.docker.deny_msg:12:1
    FNDA:0,data.docker.decision:14:1
    FNF:5
    FNH:2
    DA:3,1
    DA:5,2
    DA:7,0
    DA:8,1
    DA:9,0
    DA:12,0
    DA:14,0
    LF:7
    LH:3
    end_of_record
    ");
    let report: serde_json::Value = serde_json::from_str(&read("c.json")).expect("JSON");
    assert_eq!(report["version"], 1);
    assert_eq!(report["rules"], serde_json::json!({"covered": 2, "total": 5}));
    assert_eq!(report["files"][0]["definitions"][1]["held"], 1);
    let embedded = place.run(["test", "--format", "json", "--coverage"]).finish().stdout;
    let embedded: serde_json::Value = serde_json::from_str(&embedded).expect("JSON");
    assert_eq!(embedded["coverage"], report);
}

#[test]
fn coverage_counts_what_no_test_loads() {
    let place = place(COVERED);
    place.write("lib/unused.rego", "package lib.unused\n\nx if true\n");
    place.write("lib/broken.rego", "package lib.broken\n\nx if\n");
    assert_snapshot!(place.run(["test", "-q", "--coverage"]).shown(), @r"
    exit: 0
    -- stdout --
    2 tests: 2 passed

    coverage: 33.3 % of rules (2/6), 37.5 % of lines (3/8)
      Dockerfile.rego: 40.0 % of rules (2/5), 42.8 % of lines (3/7)
        never held data.docker.allow at Dockerfile.rego:7:1
        never held data.docker.deny_msg at Dockerfile.rego:12:1
        never held data.docker.decision at Dockerfile.rego:14:1
        not reached 7, 9-14
      lib/unused.rego: 0.0 % of rules (0/1), 0.0 % of lines (0/1)
        never held data.lib.unused.x at lib/unused.rego:3:1
        not reached 3
    -- stderr --
    ");
    let told = place.run(["test", "--coverage"]).finish().stderr;
    assert_eq!(told, "warning: lib/broken.rego: no test loads it, nor does it load alone\n");
    let here = place.run(["test", "--coverage", "Dockerfile_test.rego"]).finish().stdout;
    assert!(!here.contains("lib"), "{here}");
}

#[test]
fn coverage_can_be_demanded() {
    let place = place(COVERED);
    assert_eq!(place.run(["test", "--min-coverage", "40"]).finish().code, 0);
    assert_snapshot!(place.run(["test", "-q", "--min-coverage", "41"]).shown(), @r"
    exit: 1
    -- stdout --
    2 tests: 2 passed
    -- stderr --
    error: 40.0 % of rules (2/5) held in some test, less than 41 %
    help: `--coverage` shows which rules never held
    ");
    assert_snapshot!(place.run(["test", "--coverage=lcov"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: invalid value 'lcov' for '--coverage[=<FORMAT[:FILE]>]': the file is missing: write `lcov:FILE`

    For more information, try '--help'.
    ");
    assert_eq!(place.run(["test", "--coverage=xml:x"]).finish().code, 2);
    assert_eq!(place.run(["test", "--coverage=json:no/folder/c.json"]).finish().code, 2);
}

#[test]
fn what_happened_is_told() {
    let tests = "test_cases[repo] if {\n\tsome repo in [\"alpine\", \"busybox\"]\n\tprint(\"trying\", repo)\n\t\
                 allow with input as {\"image\": {\"repo\": repo, \"labels\": {\"team\": \"infra\"}}}\n}";
    assert_snapshot!(place(tests).run(["test", "--explain"]).shown(), @r#"
    exit: 1
    -- stdout --
    test_cases[alpine]: PASS (allow=true)
        failed    data.docker.allow at Dockerfile.rego:5:1, because of Dockerfile.rego:5:10
                  input.local
                    input.local is absent
        held      data.docker.allow at Dockerfile.rego:7:1
    print: Dockerfile_test.rego:5:2: trying alpine
    test_cases[busybox]: FAIL (allow=false, deny_msg=not allowed)
       --> Dockerfile_test.rego:6:2
        |
      6 |     allow with input as {"image": {"repo": repo, "labels": {"team": "infra"}}}
        |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    input:
    {
      "image": {
        "repo": "busybox",
        "labels": {
          "team": "infra"
        }
      }
    }
    decision:
    {
      "allow": false,
      "deny_msg": [
        "not allowed"
      ]
    }
    missing_input: input.local
        failed    data.docker.allow at Dockerfile.rego:5:1, because of Dockerfile.rego:5:10
                  input.local
                    input.local is absent
        failed    data.docker.allow at Dockerfile.rego:7:1, because of Dockerfile.rego:8:2
                  input.image.repo == "alpine"
                    input.image.repo is "busybox"
        held      data.docker.allow at Dockerfile.rego:3:1
    print: Dockerfile_test.rego:5:2: trying busybox

    2 tests: 1 passed, 1 failed
    -- stderr --
    "#);
}

#[test]
fn functions_can_be_mocked() {
    let policy = "package docker\n\ndefault allow := false\n\nallow if verify_git_signature(input.git.commit, \"k.asc\")\n\n\
                  decision := {\"allow\": allow}\n";
    let place = Place::with_policy(policy);
    place.write(
        "Dockerfile_test.rego",
        "package docker\n\n\
         test_mocked if allow with input as {\"git\": {\"commit\": {}}} with verify_git_signature as true\n\
         test_plain if allow with input as {\"git\": {\"commit\": {}}}\n",
    );
    assert_snapshot!(place.run(["test"]).shown(), @r#"
    exit: 1
    -- stdout --
    test_mocked: PASS (allow=true)
    test_plain: FAIL (allow=false)
       --> Dockerfile_test.rego:4:15
        |
      4 | test_plain if allow with input as {"git": {"commit": {}}}
        |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    help: `verify_git_signature` verifies nothing in a mocked input: mock it with `with verify_git_signature as …`
    input:
    {
      "git": {
        "commit": {}
      }
    }
    decision:
    {
      "allow": false
    }

    2 tests: 1 passed, 1 failed
    -- stderr --
    "#);
}

/// What `docs/testing.md` shows is what one gets.
#[test]
fn documentation_shows_what_happens() {
    let documentation = include_str!("../../../docs/testing.md");
    let blocks: Vec<&str> = documentation.split("```").skip(1).step_by(2).collect();
    let text = |block: &str, kind: &str| block.strip_prefix(kind).expect("this kind").to_owned();
    let place = Place::with_policy(&text(blocks[0], "rego\n"));
    place.write("Dockerfile_test.rego", text(blocks[1], "rego\n"));
    assert_eq!(place.run(["test"]).finish().stdout, text(blocks[2], "console\n$ policy-check test\n"));
}

/// The policies of this repository.
#[test]
fn our_own_policies_pass() {
    let run = |args: &[&'static str]| {
        let args = ["test", "--quiet", "--strict"].into_iter().chain(args.iter().copied());
        let run = run_in(&fixture("../policies"), args).finish();
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    };
    run(&[]);
    run(&["--min-coverage", "95", "lock"]);
}

#[test]
fn mocks_are_completed_only_with_resolve() {
    let Some(world) = World::running() else { return };
    let place =
        Place::with_policy(&POLICY.replace("input.image.repo == \"alpine\"", "not input.image.labels.x"));
    let image = world.here("localhost:5000/library/base:1.0");
    place.write(
        "Dockerfile_test.rego",
        format!(
            "package docker\n\n\
             test_image if allow with input as {{\"image\": {{\"ref\": \"{image}\"}}}}\n\
             test_mock_holds if not allow with input as {{\"image\": {{\"ref\": \"{image}\", \"labels\": {{}}}}}}\n\
             test_unreachable if allow with input as {{\"image\": {{\"ref\": \"localhost:1/x\"}}}}\n"
        ),
    );
    assert_eq!(place.run(["test", "--quiet", "--run", "image"]).finish().code, 1);
    let run = place.run(["test", "--resolve"]).finish();
    assert_eq!(run.code, 1, "{}", run.stdout);
    let told =
        ["test_image: PASS (allow=true)", "test_mock_holds: PASS (allow=false", "test_unreachable: ERROR"];
    for line in told {
        assert!(run.stdout.contains(line), "{}", run.stdout);
    }
}
