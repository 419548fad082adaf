//! What the formats for other programs look like.
#![allow(clippy::unwrap_used, reason = "test code")]

use insta::assert_snapshot;
use serde_json::Value;

use policy_engine::verify::{Step, Subject};

use super::*;

/// Two builds: one with all that can go wrong with a source, one whose sources are unknown; and one without policy.
fn report() -> BuildReport {
    let lines =
        ["# syntax=x", "FROM alpine:3.21 AS base", "", "RUN --mount=from=tools,target=/t \\", "    true"];
    let dockerfile = Dockerfile {
        name: "app.Dockerfile".into(),
        path: Some("my app/app.Dockerfile".into()),
        lines: lines.map(str::to_owned).into(),
    };
    let place = |line, end_line| Place {
        file: "app.Dockerfile".into(),
        line,
        end_line,
        instruction: "FROM <x> & \"y\"".into(),
    };
    let position = PolicyPosition {
        file: "app.Dockerfile.rego".into(),
        line: 7,
        column: 3,
        text: Some("\tdeny_msg contains \"no\" if true".into()),
    };
    let problem = Problem {
        place: None,
        code: "unresolvable-source".into(),
        message: "cannot resolve `docker-image://x/tools`: 100% gone,\nit says: \u{1}".into(),
        help: Some("check its name".into()),
    };
    let unverified = Failure {
        format: "bundle-v0.3".into(),
        digest: "sha256:01".into(),
        subject: Some(Subject::Image),
        ..Failure::new(Step::CertificateChain, "no <trusted> authority")
    };
    let source = |source: &str, verdict, places| CheckedSource {
        source: source.into(),
        platform: None,
        digest: None,
        places,
        verdict,
        messages: Vec::new(),
        pin: None,
        position: None,
        error: None,
        prints: Vec::new(),
        verification: Vec::new(),
        rounds: Vec::new(),
    };
    let sources = vec![
        source("local://context", Conclusion::Denied, Vec::new()),
        CheckedSource {
            platform: Some("linux/amd64".into()),
            messages: vec!["no <tags>".into(), "50% of all, at most: \"x\"".into()],
            position: Some(position),
            verification: vec![unverified],
            ..source(
                "docker-image://docker.io/library/alpine:3.21",
                Conclusion::Denied,
                vec![place(2, 2), place(4, 5)],
            )
        },
        CheckedSource {
            error: Some(problem.clone()),
            ..source("docker-image://x/tools", Conclusion::Undecided, vec![place(4, 5)])
        },
        source("https://h/a", Conclusion::Allowed, vec![place(4, 5)]),
    ];
    let policies = vec![PolicyInForce { name: "app.Dockerfile.rego".into(), digest: "sha256:00".into() }];
    let name = |name: &str| Some(name.to_owned());
    BuildReport::new(vec![
        Build {
            name: name("app"),
            dockerfile: Some(dockerfile.clone()),
            policies,
            sources,
            ..Build::default()
        },
        Build {
            name: name("broken"),
            error: Some(Problem { code: "dockerfile".into(), place: Some(place(9, 9)), ..problem }),
            ..Build::default()
        },
        Build { name: name("free"), dockerfile: Some(dockerfile), ..Build::default() },
    ])
}

#[test]
fn github() {
    assert_snapshot!(github::render(&report()), @r#"
    ::warning file=my app/app.Dockerfile,title=no policy::no policy applies to free, so all its sources are allowed
    ::error file=my app/app.Dockerfile,title=policy denies local%3A//context::denied without a message
    ::error file=my app/app.Dockerfile,line=2,endLine=2,title=policy denies docker-image%3A//docker.io/library/alpine%3A3.21 (linux/amd64)::no <tags>%0A50%25 of all, at most: "x"%0Anot verified: bundle-v0.3 on the image (sha256:01): certificate-chain: no <trusted> authority%0Aalso at app.Dockerfile:4%0Adecided at app.Dockerfile.rego:7:3
    ::error file=my app/app.Dockerfile,line=4,endLine=5,title=no decision about docker-image%3A//x/tools::cannot resolve `docker-image://x/tools`: 100%25 gone,%0Ait says: %0Ahelp: check its name
    ::error file=app.Dockerfile,line=9,endLine=9,title=the sources of broken are unknown::cannot resolve `docker-image://x/tools`: 100%25 gone,%0Ait says: %0Ahelp: check its name
    "#);
}

#[test]
fn github_summary() {
    assert_snapshot!(github::summary(&report()), @r"
    ### policy-check: denied

    4 sources: 1 allowed, 2 denied, 1 undecided

    | | where | why |
    |---|---|---|
    | policy denies local://context | app |  |
    | policy denies docker-image://docker.io/library/alpine:3.21 &#40;linux/amd64&#41; | app.Dockerfile:2 | no &#60;tags&#62;<br>50&#37; of all, at most: &#34;x&#34;<br>not verified: bundle-v0.3 on the image &#40;sha256:01&#41;: certificate-chain: no &#60;trusted&#62; authority |
    | no decision about docker-image://x/tools | app.Dockerfile:4 | cannot resolve &#96;docker-image://x/tools&#96;: 100&#37; gone,<br>it says: <br>help: check its name |
    | the sources of broken are unknown | app.Dockerfile:9 | cannot resolve &#96;docker-image://x/tools&#96;: 100&#37; gone,<br>it says: <br>help: check its name |
    ");
    let mut many = report();
    let source = many.builds[0].sources[2].clone();
    many.builds[0].sources = vec![source; 300];
    let summary = github::summary(&BuildReport::new(many.builds));
    assert!(summary.ends_with("\n… and 101 more\n"), "{summary}");
}

#[test]
fn junit() {
    assert_snapshot!(junit::render(&report()).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="policy-check" tests="5" failures="2" errors="2">
      <testsuite name="app" tests="4" failures="2" errors="1">
        <testcase classname="app" name="local://context">
          <failure type="denied" message="denied by policy"></failure>
        </testcase>
        <testcase classname="app" name="docker-image://docker.io/library/alpine:3.21 (linux/amd64)">
          <failure type="denied" message="no &lt;tags&gt;; 50% of all, at most: &quot;x&quot;">no &lt;tags&gt;
    50% of all, at most: &quot;x&quot;
    not verified: bundle-v0.3 on the image (sha256:01): certificate-chain: no &lt;trusted&gt; authority
    app.Dockerfile:2: FROM &lt;x&gt; &amp; &quot;y&quot;
    app.Dockerfile:4: FROM &lt;x&gt; &amp; &quot;y&quot;
    decided at app.Dockerfile.rego:7:3</failure>
        </testcase>
        <testcase classname="app" name="docker-image://x/tools">
          <error type="unresolvable-source" message="cannot resolve `docker-image://x/tools`: 100% gone, it says: �">cannot resolve `docker-image://x/tools`: 100% gone,
    it says: �
    help: check its name
    app.Dockerfile:4: FROM &lt;x&gt; &amp; &quot;y&quot;</error>
        </testcase>
        <testcase classname="app" name="https://h/a"/>
      </testsuite>
      <testsuite name="broken" tests="1" failures="0" errors="1">
        <testcase classname="broken" name="sources of the build">
          <error type="dockerfile" message="cannot resolve `docker-image://x/tools`: 100% gone, it says: �">cannot resolve `docker-image://x/tools`: 100% gone,
    it says: �
    help: check its name</error>
        </testcase>
      </testsuite>
      <testsuite name="free" tests="0" failures="0" errors="0"/>
    </testsuites>
    "#);
    assert_snapshot!(junit::render(&BuildReport::new(Vec::new())).unwrap(), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="policy-check" tests="0" failures="0" errors="0"/>
    "#);
}

#[test]
fn sarif() {
    assert_snapshot!(sarif::render(&report()).unwrap(), @r#"
    {
      "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        {
          "tool": {
            "driver": {
              "name": "policy-check",
              "semanticVersion": "0.1.0",
              "rules": [
                {
                  "id": "denied",
                  "shortDescription": {
                    "text": "Policies must allow every source"
                  },
                  "defaultConfiguration": {
                    "level": "error"
                  }
                },
                {
                  "id": "denied/app.Dockerfile.rego",
                  "shortDescription": {
                    "text": "A policy that starts in app.Dockerfile.rego must allow every source"
                  },
                  "defaultConfiguration": {
                    "level": "error"
                  }
                },
                {
                  "id": "undecided/unresolvable-source",
                  "shortDescription": {
                    "text": "Every source must be decided, and this one could not be: unresolvable-source"
                  },
                  "defaultConfiguration": {
                    "level": "error"
                  }
                },
                {
                  "id": "undecided/dockerfile",
                  "shortDescription": {
                    "text": "Every source must be decided, and this one could not be: dockerfile"
                  },
                  "defaultConfiguration": {
                    "level": "error"
                  }
                }
              ]
            }
          },
          "invocations": [
            {
              "executionSuccessful": false
            }
          ],
          "originalUriBaseIds": {
            "%SRCROOT%": {
              "description": {
                "text": "The working directory of policy-check"
              }
            }
          },
          "columnKind": "unicodeCodePoints",
          "artifacts": [
            {
              "location": {
                "uri": "my%20app/app.Dockerfile",
                "uriBaseId": "%SRCROOT%"
              }
            },
            {
              "location": {
                "uri": "app.Dockerfile.rego",
                "uriBaseId": "%SRCROOT%"
              }
            },
            {
              "location": {
                "uri": "app.Dockerfile",
                "uriBaseId": "%SRCROOT%"
              }
            }
          ],
          "results": [
            {
              "ruleId": "denied",
              "ruleIndex": 0,
              "level": "error",
              "message": {
                "text": "policy denies local://context"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "my%20app/app.Dockerfile",
                      "uriBaseId": "%SRCROOT%",
                      "index": 0
                    }
                  }
                }
              ],
              "partialFingerprints": {
                "policyCheckSource/v1": "8fb3caa6a0f6568d2c445b522de2adc328828b6cbfd2e73add65ce80f8bf374a"
              }
            },
            {
              "ruleId": "denied/app.Dockerfile.rego",
              "ruleIndex": 1,
              "level": "error",
              "message": {
                "text": "policy denies docker-image://docker.io/library/alpine:3.21 (linux/amd64)\nno <tags>\n50% of all, at most: \"x\"\nnot verified: bundle-v0.3 on the image (sha256:01): certificate-chain: no <trusted> authority"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "my%20app/app.Dockerfile",
                      "uriBaseId": "%SRCROOT%",
                      "index": 0
                    },
                    "region": {
                      "startLine": 2,
                      "endLine": 2,
                      "snippet": {
                        "text": "FROM alpine:3.21 AS base"
                      }
                    }
                  }
                },
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "my%20app/app.Dockerfile",
                      "uriBaseId": "%SRCROOT%",
                      "index": 0
                    },
                    "region": {
                      "startLine": 4,
                      "endLine": 5,
                      "snippet": {
                        "text": "RUN --mount=from=tools,target=/t \\\n    true"
                      }
                    }
                  }
                }
              ],
              "relatedLocations": [
                {
                  "id": 1,
                  "message": {
                    "text": "decided here"
                  },
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "app.Dockerfile.rego",
                      "uriBaseId": "%SRCROOT%",
                      "index": 1
                    },
                    "region": {
                      "startLine": 7,
                      "startColumn": 3,
                      "snippet": {
                        "text": "\tdeny_msg contains \"no\" if true"
                      }
                    }
                  }
                }
              ],
              "partialFingerprints": {
                "policyCheckSource/v1": "2645bb23dfc27a2f3c4c0fba35dd9f7dd70598cf90691e621bb4e21573928861"
              }
            },
            {
              "ruleId": "undecided/unresolvable-source",
              "ruleIndex": 2,
              "level": "error",
              "message": {
                "text": "no decision about docker-image://x/tools\ncannot resolve `docker-image://x/tools`: 100% gone,\nit says: \u0001\nhelp: check its name"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "my%20app/app.Dockerfile",
                      "uriBaseId": "%SRCROOT%",
                      "index": 0
                    },
                    "region": {
                      "startLine": 4,
                      "endLine": 5,
                      "snippet": {
                        "text": "RUN --mount=from=tools,target=/t \\\n    true"
                      }
                    }
                  }
                }
              ],
              "partialFingerprints": {
                "policyCheckSource/v1": "fdceea4a9168a538c252a554262e3e6ff4c530395fc0a0c5478af71e3cd1b801"
              }
            },
            {
              "ruleId": "undecided/dockerfile",
              "ruleIndex": 3,
              "level": "error",
              "message": {
                "text": "the sources of broken are unknown\ncannot resolve `docker-image://x/tools`: 100% gone,\nit says: \u0001\nhelp: check its name"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "app.Dockerfile",
                      "uriBaseId": "%SRCROOT%",
                      "index": 2
                    },
                    "region": {
                      "startLine": 9,
                      "endLine": 9
                    }
                  }
                }
              ],
              "partialFingerprints": {
                "policyCheckSource/v1": "892b649c3610ba667711f59c39cf8225402c8b5d2df780e4bf0f84f186396d86"
              }
            }
          ]
        }
      ]
    }
    "#);
}

/// What GitHub's code scanning insists on, and what the specification says of indexes.
#[test]
fn sarif_hangs_together() {
    let log: Value = serde_json::from_str(&sarif::render(&report()).unwrap()).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let artifacts = run["artifacts"].as_array().unwrap();
    let at = |list: &[Value], index: &Value| list[usize::try_from(index.as_u64().unwrap()).unwrap()].clone();
    let mut fingerprints = std::collections::BTreeSet::new();
    for result in run["results"].as_array().unwrap() {
        assert_eq!(at(rules, &result["ruleIndex"])["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert!(fingerprints.insert(result["partialFingerprints"].to_string()), "{result}");
        let related = result["relatedLocations"].as_array().into_iter().flatten();
        for location in result["locations"].as_array().unwrap().iter().chain(related) {
            let location = &location["physicalLocation"]["artifactLocation"];
            assert_eq!(at(artifacts, &location["index"])["location"]["uri"], location["uri"]);
        }
    }
    assert_eq!(fingerprints.len(), 4);
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

/// Where a source stands makes no other finding of it.
#[test]
fn fingerprints_outlive_edits() {
    let fingerprint = |report: &BuildReport| {
        let log: Value = serde_json::from_str(&sarif::render(report).unwrap()).unwrap();
        log["runs"][0]["results"][1]["partialFingerprints"].to_string()
    };
    let mut edited = report();
    edited.builds[0].sources[1].places[0].line = 3;
    assert_eq!(fingerprint(&report()), fingerprint(&edited));
    edited.builds[0].sources[1].platform = Some("linux/arm64".into());
    assert_ne!(fingerprint(&report()), fingerprint(&edited));
}

#[test]
fn nothing_wrong_is_nothing_to_say() {
    let mut report = report();
    report.builds.truncate(1);
    report.builds[0].sources.retain(|source| source.verdict == Conclusion::Allowed);
    let report = BuildReport::new(report.builds);
    assert_eq!(github::render(&report), "");
    let log: Value = serde_json::from_str(&sarif::render(&report).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
    assert!(junit::render(&report).unwrap().contains(r#"tests="1" failures="0" errors="0""#));
}
