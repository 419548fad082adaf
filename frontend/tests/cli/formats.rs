//! Reports for other programs, of one and the same build.

use insta::assert_snapshot;

use crate::harness::Place;

const POLICY: &str = "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
                      deny_msg contains \"50% of it, or: all\" if not allow\n\n\
                      decision := {\"allow\": allow, \"deny_msg\": deny_msg}\n";

#[test]
fn one_build_in_every_format() {
    let place = Place::new();
    place.write("app/Dockerfile", "FROM scratch\nADD https://example.com/a /\nCOPY . /\n");
    place.write("app/Dockerfile.rego", POLICY);
    let files = ["-o", "r.sarif", "-o", "r.xml", "-o", "github=r.out", "-o", "json=r"];
    let args = ["dry-run", "--format", "github"].into_iter().chain(files).chain(["app"]);
    assert_snapshot!(place.run(args).shown(), @r"
    exit: 1
    -- stdout --
    ::error file=app/Dockerfile,line=2,endLine=2,title=policy denies https%3A//example.com/a::50%25 of it, or: all%0Adecided at app/Dockerfile.rego:7:1
    -- stderr --
    ");
    let text = |name: &str| std::fs::read_to_string(place.path().join(name)).expect("a report");
    assert!(text("r.out").starts_with("::error file=app/Dockerfile,line=2,"), "{}", text("r.out"));
    assert_snapshot!(text("r.xml"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="policy-check" tests="3" failures="1" errors="0">
      <testsuite name="app/Dockerfile" tests="3" failures="1" errors="0">
        <testcase classname="app/Dockerfile" name="local://dockerfile"/>
        <testcase classname="app/Dockerfile" name="local://context"/>
        <testcase classname="app/Dockerfile" name="https://example.com/a">
          <failure type="denied" message="50% of it, or: all">50% of it, or: all
    app/Dockerfile:2: ADD https://example.com/a /
    decided at app/Dockerfile.rego:7:1</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
    let sarif: serde_json::Value = serde_json::from_str(&text("r.sarif")).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert_eq!(results.len(), 1);
    assert_eq!(results[0]["ruleId"], "denied/app/Dockerfile.rego");
    let location = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "app/Dockerfile");
    assert_eq!(location["region"]["startLine"], 2);
    let policy = &results[0]["relatedLocations"][0]["physicalLocation"];
    assert_eq!(policy["artifactLocation"]["uri"], "app/Dockerfile.rego");
    let json: serde_json::Value = serde_json::from_str(&text("r")).expect("JSON");
    assert_eq!(json["summary"]["denied"], 1);
}

#[test]
fn a_build_that_cannot_be_looked_at() {
    let place = Place::new();
    place.write("Dockerfile", "FROM scratch\nNOPE\n");
    let shown = |format: &str| {
        let run = place.run(["dry-run", "--format", format, "."]).finish();
        format!("exit: {}\n{}", run.code, run.stdout)
    };
    assert_snapshot!(shown("github"), @r#"
    exit: 2
    ::error file=Dockerfile,line=2,endLine=2,title=the sources of Dockerfile are unknown::Dockerfile:2: unknown instruction "NOPE"
    "#);
    assert_snapshot!(shown("junit"), @r#"
    exit: 2
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="policy-check" tests="1" failures="0" errors="1">
      <testsuite name="Dockerfile" tests="1" failures="0" errors="1">
        <testcase classname="Dockerfile" name="sources of the build">
          <error type="dockerfile-invalid" message="Dockerfile:2: unknown instruction &quot;NOPE&quot;">Dockerfile:2: unknown instruction &quot;NOPE&quot;</error>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
}

#[test]
fn the_summary_of_a_job() {
    let place = Place::with_policy(POLICY);
    place.write("Dockerfile", "FROM scratch\nADD https://example.com/a /\n");
    let run = |format| {
        place.run(["dry-run", "--format", format, "."]).env("GITHUB_STEP_SUMMARY", "summary.md").finish()
    };
    assert_eq!(run("human").code, 1);
    assert!(!place.path().join("summary.md").exists());
    assert_eq!((run("github").code, run("github").code), (1, 1));
    let summary = std::fs::read_to_string(place.path().join("summary.md")).expect("a summary");
    assert_eq!(summary.matches("### policy-check: denied\n").count(), 2, "{summary}");
}
