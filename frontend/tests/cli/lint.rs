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
    error[syntax-error]: a.rego:2:11: the file ends: expected a value
        |
      2 | allow if {
        |           ^
    help: close what is open: a bracket, or a body's `}`
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

#[test]
fn files_that_are_one_policy() {
    let place = Place::with_policy(&POLICY.replace("\"v1.0\"", "\"refs/tags/v1.0\""));
    // A file that `serve` or a build would ask on its own has no decision.
    place.write("messages.rego", "package docker\n\nother contains \"x\" if input.git\n");
    let run = place.run(["lint", "--format", "json"]).finish();
    assert!(
        run.stdout.contains("\"no-decision\"") && run.stdout.contains("--policy filename="),
        "{}",
        run.stdout
    );
    // A rule that is defined in the other file, and one that is only used there.
    place.write("whole/a.rego", POLICY.replace("allow if input.git.ref == \"v1.0\"", "allow if ours"));
    place.write(
        "whole/b.rego",
        "package docker\n\nours if input.git.host == host\n\nhost := \"example.com\"\n",
    );
    place.write(
        "whole/a_test.rego",
        "package docker\n\ntest_ours if ours with input as {\"git\": {\"host\": host}}\n",
    );
    let alone = place.run(["lint", "whole"]).finish();
    assert_eq!(alone.code, 2, "{}", alone.stdout);
    assert_snapshot!(place.run(["lint", "--policy", "filename=whole/a.rego,filename=whole/b.rego"]).shown(), @r#"
    exit: 0
    -- stdout --
    2 files: 0 findings
    -- stderr --
    "#);
    assert_snapshot!(place.run(["lint", "whole", "--policy", "filename=whole/a.rego,filename=whole/b.rego"]).shown(), @r#"
    exit: 0
    -- stdout --
    3 files: 0 findings
    -- stderr --
    "#);
    assert_eq!(place.run(["lint", "--policy", "filename=nothing.rego"]).finish().code, 2);
}

/// A log against the parts of the schema of SARIF 2.1.0 that tools rely on.
#[test]
fn for_code_scanning() {
    let place = Place::with_policy(POLICY);
    place.write("broken/x.rego", "package docker\nallow if {");
    let run = place.run(["lint", "--format", "sarif"]).finish();
    assert_eq!(run.code, 2);
    let log: serde_json::Value = serde_json::from_str(&run.stdout).expect("SARIF is JSON");
    assert_eq!((&log["version"], log["runs"].as_array().map(Vec::len)), (&"2.1.0".into(), Some(1)));
    let run = &log["runs"][0];
    // A policy that doesn't load was not linted.
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let mut ids: Vec<&str> = rules.iter().filter_map(|rule| rule["id"].as_str()).collect();
    assert_eq!(ids.len(), rules.len());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "ids are unique");
    let results = run["results"].as_array().expect("results");
    let found: Vec<_> =
        results.iter().map(|result| (result["ruleId"].as_str(), result["level"].as_str())).collect();
    assert_eq!(found, [(Some("short-ref"), Some("warning")), (Some("syntax-error"), Some("error"))]);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small one");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        assert!(result["partialFingerprints"]["policyCheckLint/v1"].is_string());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        assert!(place["artifactLocation"]["uri"].as_str().is_some_and(|uri| !uri.starts_with(['/', '.'])));
        assert!(
            place["region"]["startLine"].as_u64() > Some(0)
                && place["region"]["startColumn"].as_u64() > Some(0)
        );
    }
    // Lines that move are the same finding.
    let fingerprint = |text: &str| {
        place.write("Dockerfile.rego", text);
        let run = place.run(["lint", "--format", "sarif", "Dockerfile.rego"]).finish();
        let log: serde_json::Value = serde_json::from_str(&run.stdout).expect("SARIF is JSON");
        log["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    let moved = POLICY.replacen("\n\n", "\n\n# A comment.\n", 1);
    assert_eq!(fingerprint(POLICY), fingerprint(&moved));
    assert_ne!(fingerprint(POLICY), fingerprint(&POLICY.replace("v1.0", "v2.0")));
}

/// `FILE: CODE LINE, …` of a folder.
fn findings(folder: &Path) -> Vec<String> {
    let run = run_in(folder, ["lint", "--format", "json"]).finish();
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("the report is JSON");
    assert_eq!(report["errors"], serde_json::json!([]), "{}", run.stdout);
    let mut found: Vec<String> = Vec::new();
    for finding in report["findings"].as_array().expect("findings") {
        let file = format!("{}:", finding["file"].as_str().unwrap_or_default());
        let entry = format!(" {} {}", finding["code"].as_str().unwrap_or_default(), finding["line"]);
        match found.last_mut() {
            Some(last) if last.starts_with(&file) => last.push_str(&entry),
            _ => found.push(file + &entry),
        }
    }
    found
}

/// What is found in the examples of Docker's documentation and of the author's corpus: each is a trap of the example.
/// Most are policies that deny and never say why.
#[test]
fn documented_examples_have_these_traps_and_no_others() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/examples");
    let silent = |found: &[String]| {
        let is_silent = |line: &&String| line.contains(" deny-without-message ");
        found.iter().filter(is_silent).count()
    };
    let others = |found: &[String]| -> Vec<String> {
        let without = |line: &String| {
            let words: Vec<&str> = line.split(' ').collect();
            let kept = words[1..].chunks(2).filter(|finding| finding[0] != "deny-without-message");
            let kept = kept.map(|finding| finding.join(" ")).collect::<Vec<_>>();
            (!kept.is_empty()).then(|| format!("{} {}", words[0], kept.join(" ")))
        };
        found.iter().filter_map(without).collect()
    };
    let docs = findings(&examples.join("docs"));
    assert_eq!(silent(&docs), 15, "{docs:#?}");
    assert_eq!(
        others(&docs),
        [
            "load-json.rego: local-denied 3",
            "multi-registry.rego: always-true 15",
            "print.rego: local-denied 3",
            "signed-releases-by-target.rego: always-true 18",
            "signed-releases.rego: always-true 20",
            "upgrade.rego: local-denied 3",
        ]
    );
    let corpus = findings(&examples.join("corpus"));
    assert_eq!(silent(&corpus), 23, "{corpus:#?}");
    assert_eq!(
        others(&corpus),
        [
            "12-signed-tag.rego: unused-rule 36",
            "18-constant-message.rego: local-denied 3",
            "20-materials.rego: always-true 14",
        ]
    );
    assert_eq!(
        findings(&examples.join("others")),
        [
            "every-signature.rego: deny-without-message 5 any-signature 21",
            "messages-as-keys.rego: local-denied 3",
            "no-decision.rego: no-decision 1",
            "organization.rego: unresolved-in-buildx 46 unresolved-in-buildx 52 unused-rule 82",
            "reasons.rego: deny-without-message 21",
            "team.rego: unresolved-in-buildx 55",
            "users.rego: never-true 10 never-true 19",
        ]
    );
    assert_eq!(
        findings(&examples.join("testing")),
        [
            "Dockerfile.rego: local-denied 3",
            "environments/Dockerfile.rego: local-denied 3 deny-without-message 15",
            "registries/Dockerfile.rego: local-denied 3",
        ]
    );
}
