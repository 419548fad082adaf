#![allow(clippy::unwrap_used, reason = "test code")]

use insta::assert_snapshot;

use super::*;
use Conclusion::{Allowed, Denied, Undecided};

const DOCKERFILE: &str = "FROM alpine:3\n\nFROM busybox:1 AS tools\nADD --checksum=sha256:00 \\\n    https://u:s3cret@example.com/f /\n";

fn place(line: u32, end_line: u32, instruction: &str) -> Place {
    Place { file: "Dockerfile".into(), line, end_line, instruction: instruction.into() }
}

fn source(name: &str, verdict: Conclusion) -> CheckedSource {
    CheckedSource {
        source: name.into(),
        platform: name.starts_with("docker-image").then(|| "linux/amd64".into()),
        digest: None,
        places: Vec::new(),
        verdict,
        messages: Vec::new(),
        pin: None,
        position: None,
        error: None,
        prints: Vec::new(),
        verification: Vec::new(),
        rounds: Vec::new(),
    }
}

fn build(name: Option<&str>) -> Build {
    let position = PolicyPosition {
        file: "Dockerfile.rego".into(),
        line: 5,
        column: 3,
        text: Some("  deny_msg contains \"no\"".into()),
    };
    let pin = Pin { identifier: "docker-image://alpine:3@sha256:00".into(), attrs: BTreeMap::new() };
    Build {
        name: name.map(str::to_owned),
        dockerfile: Some(Dockerfile::new("Dockerfile", Some("Dockerfile".into()), DOCKERFILE)),
        platforms: vec!["linux/amd64".into()],
        policies: vec![PolicyInForce { name: "Dockerfile.rego".into(), digest: "sha256:00".into() }],
        sources: vec![
            source("local://context", Conclusion::Allowed),
            CheckedSource {
                places: vec![place(1, 1, "FROM alpine:3")],
                pin: Some(pin),
                ..source("docker-image://alpine:3", Conclusion::Allowed)
            },
            CheckedSource {
                places: vec![place(3, 3, "FROM busybox:1 AS tools")],
                messages: vec!["use alpine".into(), "two\nlines".into()],
                position: Some(position),
                ..source("docker-image://busybox:1", Conclusion::Denied)
            },
            CheckedSource {
                places: vec![place(4, 5, "ADD --checksum=sha256:00 https://***@example.com/f /")],
                error: Some(Problem {
                    code: "unresolvable-source".into(),
                    message: "the server is gone".into(),
                    help: Some("wait".into()),
                    place: None,
                }),
                ..source("https://***@example.com/f", Conclusion::Undecided)
            },
        ],
        ..Build::default()
    }
}

fn plain(report: &BuildReport, detail: Detail) -> String {
    anstream::adapter::strip_str(&human::render(report, detail)).to_string()
}

#[test]
fn for_people() {
    let report = BuildReport::new(vec![build(None)]);
    assert_snapshot!(plain(&report, Detail { symbols: true, ..Detail::default() }), @r#"
    ✓ allowed local://context
    ✓ allowed docker-image://alpine:3 (linux/amd64) Dockerfile:1
      pinned to docker-image://alpine:3@sha256:00
    ✗ denied docker-image://busybox:1 (linux/amd64) Dockerfile:3
    ? undecided https://***@example.com/f Dockerfile:4

    denied: docker-image://busybox:1 (linux/amd64)
      - use alpine
      - two
        lines
       --> Dockerfile:3
        |
      3 | FROM busybox:1 AS tools
        | ^^^^^^^^^^^^^^^^^^^^^^^
       --> Dockerfile.rego:5:3
        |
      5 |   deny_msg contains "no"
        |   ^^^^^^^^^^^^^^^^^^^^^^

    undecided[unresolvable-source]: https://***@example.com/f
      the server is gone
       --> Dockerfile:4
        |
      4 | ADD --checksum=sha256:00 \
      5 |     https://***@example.com/f /
      help: wait

    4 sources: 2 allowed, 1 denied, 1 undecided
    "#);
    let quiet = plain(&report, Detail { quiet: true, ..Detail::default() });
    assert!(quiet.starts_with("denied: docker-image://busybox:1"), "{quiet}");
    assert!(!quiet.contains("4 sources"), "{quiet}");
}

#[test]
fn several_builds() {
    let failed = Build {
        name: Some("web".into()),
        error: Some(Problem {
            code: "no-context".into(),
            message: "there is no context".into(),
            help: None,
            place: None,
        }),
        ..Build::default()
    };
    let unjudged = Build {
        name: Some("api".into()),
        sources: vec![source("local://context", Conclusion::Allowed)],
        ..Build::default()
    };
    let report = BuildReport::new(vec![build(Some("app")), failed, unjudged]);
    assert_snapshot!(plain(&report, Detail::default()), @r#"
    app Dockerfile
    allowed local://context
    allowed docker-image://alpine:3 (linux/amd64) Dockerfile:1
      pinned to docker-image://alpine:3@sha256:00
    denied docker-image://busybox:1 (linux/amd64) Dockerfile:3
    undecided https://***@example.com/f Dockerfile:4
    web not examined there is no context
    api
    allowed local://context

    denied: app: docker-image://busybox:1 (linux/amd64)
      - use alpine
      - two
        lines
       --> Dockerfile:3
        |
      3 | FROM busybox:1 AS tools
        | ^^^^^^^^^^^^^^^^^^^^^^^
       --> Dockerfile.rego:5:3
        |
      5 |   deny_msg contains "no"
        |   ^^^^^^^^^^^^^^^^^^^^^^

    undecided[unresolvable-source]: app: https://***@example.com/f
      the server is gone
       --> Dockerfile:4
        |
      4 | ADD --checksum=sha256:00 \
      5 |     https://***@example.com/f /
      help: wait

    5 sources of 3 builds: 3 allowed, 1 denied, 1 undecided (no policy applies to 1)
    "#);
}

#[test]
fn verdicts_add_up() {
    let of = |verdicts: &[Conclusion]| {
        let sources = verdicts.iter().map(|verdict| source("local://context", *verdict)).collect();
        BuildReport::new(vec![Build { sources, ..Build::default() }]).verdict
    };
    assert_eq!(of(&[]), Allowed);
    assert_eq!(of(&[Allowed, Allowed]), Allowed);
    assert_eq!(of(&[Allowed, Undecided]), Undecided);
    assert_eq!(of(&[Undecided, Denied]), Denied);
    let error = Problem { code: "x".into(), message: String::new(), help: None, place: None };
    let failed = Build { error: Some(error), ..Build::default() };
    assert_eq!(BuildReport::new(vec![failed]).verdict, Undecided);
}

#[test]
fn no_credentials_get_into_it() {
    let report = BuildReport::new(vec![build(None)]);
    let shown = plain(&report, Detail::default()) + &json::render(&report).unwrap();
    assert!(!shown.contains("s3cret"), "{shown}");
}

/// Every field that is written stands in the schema, with a description.
#[test]
fn the_schema_describes_the_report() {
    let schema = json::schema();
    let report = serde_json::to_value(BuildReport::new(vec![build(Some("app"))])).unwrap();
    let definition = |name: &str| schema["$defs"][name]["properties"].clone();
    for (value, properties) in [
        (&report, schema["properties"].clone()),
        (&report["builds"][0], definition("Build")),
        (&report["builds"][0]["dockerfile"], definition("Dockerfile")),
        (&report["builds"][0]["sources"][2], definition("CheckedSource")),
        (&report["builds"][0]["sources"][2]["places"][0], definition("Place")),
        (&report["builds"][0]["sources"][2]["position"], definition("PolicyPosition")),
        (&report["builds"][0]["sources"][3]["error"], definition("Problem")),
    ] {
        for name in value.as_object().unwrap().keys() {
            assert!(properties[name]["description"].is_string(), "{name}: {properties}");
        }
    }
}
