//! `policy-check lint`

use insta::assert_snapshot;

use std::path::Path;

use crate::harness::{Place, run_in};

const POLICY: &str = "\
package docker

default allow := false

allow if input.local

allow if input.git.ref == \"v1.0\"

deny_msg contains \"not on the list\" if not allow

decision := {\"allow\": allow, \"deny_msg\": deny_msg}
";

#[test]
fn for_people() {
    let place = Place::with_policy(POLICY);
    place.write("clean/x.rego", POLICY.replace("v1.0", "refs/tags/v1.0"));
    assert_snapshot!(place.run(["lint"]).shown(), @r#"
    exit: 1
    -- stdout --
    warning[short-ref]: `input.git.ref` is never "v1.0": it is a full ref or a commit id
       --> Dockerfile.rego:7:24
        |
      7 | allow if input.git.ref == "v1.0"
        |                        ^^^^^^^^^
      help: compare `input.git.tagName` or `input.git.branch`, or write "refs/tags/v1.0"

    2 files: 1 finding
    -- stderr --
    "#);
    assert_snapshot!(place.run(["lint", "clean", "--quiet"]).shown(), @r#"
    exit: 0
    -- stdout --
    -- stderr --
    "#);
}

#[test]
fn for_programs() {
    let place = Place::with_policy(POLICY);
    assert_snapshot!(place.run(["lint", "--format", "json", "Dockerfile.rego"]).shown(), @r#"
    exit: 1
    -- stdout --
    {
      "version": 1,
      "summary": {
        "files": 1,
        "findings": 1,
        "not_loaded": 0
      },
      "findings": [
        {
          "code": "short-ref",
          "file": "Dockerfile.rego",
          "line": 7,
          "column": 24,
          "message": "`input.git.ref` is never \"v1.0\": it is a full ref or a commit id",
          "help": "compare `input.git.tagName` or `input.git.branch`, or write \"refs/tags/v1.0\""
        }
      ],
      "errors": []
    }
    -- stderr --
    "#);
    assert_snapshot!(place.run(["lint", "--format", "github", "."]).shown(), @r#"
    exit: 1
    -- stdout --
    ::warning file=Dockerfile.rego,line=7,col=24,title=short-ref::`input.git.ref` is never "v1.0": it is a full ref or a commit id%0Acompare `input.git.tagName` or `input.git.branch`, or write "refs/tags/v1.0"
    -- stderr --
    "#);
    let sarif = place.run(["lint", "--format", "sarif"]).finish();
    let log: serde_json::Value = serde_json::from_str(&sarif.stdout).expect("SARIF is JSON");
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "short-ref");
    assert_eq!(sarif.code, 1);
}

#[test]
fn what_cannot_be_linted() {
    let place = Place::new();
    assert_snapshot!(place.run(["lint"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: there are no policies: no file ends in `.rego`
    help: name a policy, or a folder that has some
    "#);
    place.write("a.rego", "package docker\nallow if {");
    place.write("Dockerfile.rego", POLICY);
    assert_snapshot!(place.run(["lint"]).shown(), @r#"
    exit: 2
    -- stdout --
    warning[short-ref]: `input.git.ref` is never "v1.0": it is a full ref or a commit id
       --> Dockerfile.rego:7:24
        |
      7 | allow if input.git.ref == "v1.0"
        |                        ^^^^^^^^^
      help: compare `input.git.tagName` or `input.git.branch`, or write "refs/tags/v1.0"

    2 files: 1 finding, 1 policy doesn't load
    -- stderr --
    error[syntax-error]: a.rego:2:11: unexpected the end of the file: expected a value
        |
      2 | allow if {
        |           ^
    "#);
}

#[test]
fn tests_use_and_imports_are_not_selected() {
    let place =
        Place::with_policy(&POLICY.replace("allow if input.git.ref", "import data.lib.a\n\nallow if a.ref"));
    place.write("lib/a.rego", "package lib.a\n\nref := input.git.ref if input.git.ref != \"\"\n");
    place.write("Dockerfile_test.rego", "package docker\n\ntest_a if not allow\n");
    assert_eq!(place.run(["lint", "Dockerfile.rego"]).finish().code, 0);
    let all = place.run(["lint"]).finish();
    assert_eq!((all.code, all.stdout.matches("warning[always-true]").count()), (1, 1), "{}", all.stdout);
}

#[test]
fn our_own_policies_are_clean() {
    let linted = run_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../policies"), ["lint"]).finish();
    assert_eq!(linted.code, 0, "{}{}", linted.stdout, linted.stderr);
}
