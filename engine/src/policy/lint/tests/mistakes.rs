//! Mistakes that authors make, each with what is right and looks alike.

use super::{codes, whole};

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn mistakes() {
    for (bad, code, good) in [
        // What is not there.
        (
            "teams := {\"a\"}\n\ndeny_msg contains \"whose?\" if not input.image.labels.team in teams",
            "absent-under-not",
            "teams := {\"a\"}\n\ndeny_msg contains \"whose?\" if {\n\tinput.image.labels.team\n\tnot input.image.labels.team in teams\n}",
        ),
        (
            "deny_msg contains \"a branch\" if not startswith(input.git.branch, \"release/\")",
            "absent-under-not",
            "deny_msg contains \"a branch\" if {\n\tinput.git\n\tnot released\n}\n\nreleased if startswith(input.git.branch, \"release/\")",
        ),
        (
            "deny_msg contains \"root\" if not lower(input.image.user) == \"app\"",
            "absent-under-not",
            "deny_msg contains \"root\" if not input.image.user == \"app\"",
        ),
        (
            "deny_msg contains \"old\" if not is_new(input.image)\n\nis_new(image) if deny_old(image)\n\ndeny_old(image) if not image.labels.age in {\"1\"}",
            "absent-under-not",
            "deny_msg contains \"old\" if not is_new(input.image)\n\nis_new(image) if not image.labels.age in {\"1\"}",
        ),
        (
            "deny_msg contains \"debug\" if not \"A=1\" in input.image.env",
            "absent-under-not",
            "deny_msg contains \"debug\" if not \"A=1\" in input.image.env\n\ndeny_msg contains \"none\" if {\n\tinput.image\n\tnot input.image.env\n}",
        ),
        (
            "deny_msg contains \"host\" if not input.image.tag in {\"1\"}",
            "absent-under-not",
            "deny_msg contains \"host\" if not input.image.host in {\"docker.io\"}",
        ),
        // Types.
        ("allow if input.image.tag == 3", "type-mismatch", "allow if input.image.tag == \"3\""),
        (
            "allow if input.image.isCanonical == \"true\"",
            "type-mismatch",
            "allow if input.image.isCanonical == true",
        ),
        (
            "allow if input.image.labels.root == true",
            "type-mismatch",
            "allow if input.image.labels.root == \"true\"",
        ),
        ("allow if input.image.tag >= 3", "type-mismatch", "allow if to_number(input.image.tag) >= 3"),
        ("allow if input.image.env == \"A=1\"", "type-mismatch", "allow if \"A=1\" in input.image.env"),
        ("allow if input.image == \"alpine\"", "type-mismatch", "allow if input.image.repo == \"alpine\""),
        (
            "allow if \"alpine\" in input.image.repo",
            "type-mismatch",
            "allow if contains(input.image.repo, \"alpine\")",
        ),
        ("allow if input.image.host in {}", "type-mismatch", "allow if input.image.host in set()"),
        (
            "allow if {x | some x in input.image.env} == [\"A=1\"]",
            "syntax",
            "allow if ({x | some x in input.image.env}) == {\"A=1\"}",
        ),
        (
            "allow if input.image.labels.x == input.image.env",
            "type-mismatch",
            "allow if input.image.labels.x == input.image.env[0]",
        ),
        (
            "# lint:ignore unresolved-in-buildx\nallow if input.image.createdTime > time.now_ns() - 86400",
            "type-mismatch",
            "# lint:ignore unresolved-in-buildx\nallow if time.parse_rfc3339_ns(input.image.createdTime) > 1000000000000 * 86400",
        ),
        (
            "allow if input.env.args.DEBUG == true",
            "type-mismatch",
            "allow if input.env.args.DEBUG in {\"true\", null}",
        ),
        ("allow if input.env.args.DEBUG == 1", "type-mismatch", "allow if input.env.args.DEBUG == null"),
        (
            "allow if count(input.image.env) - 1 == {\"b\"}",
            "type-mismatch",
            "allow if {\"a\", input.env.target} - {\"a\"} == {\"b\"}",
        ),
        (
            "allow if time.now_ns() - input.image.provenance.finishedOn > 0",
            "type-mismatch",
            "allow if time.now_ns() - time.parse_rfc3339_ns(input.image.provenance.finishedOn) > 0",
        ),
        (
            "allow if startswith(input.image.env, \"a\")",
            "type-mismatch",
            "allow if startswith(input.image.env[0], \"a\")",
        ),
        (
            "deny_msg contains sprintf(\"%s\", input.image.ref) if input.image",
            "type-mismatch",
            "deny_msg contains sprintf(\"%s\", [input.image.ref]) if input.image",
        ),
        (
            "allow if semver.compare(input.image.tag, \"1.2.3\")",
            "always-true",
            "allow if semver.compare(input.image.tag, \"1.2.3\") >= 0",
        ),
        ("allow if count(input.image.volumes)", "always-true", "allow if count(input.image.volumes) == 1"),
        ("allow if input.git.isCommitRef == 1", "type-mismatch", "allow if input.git.isCommitRef"),
        (
            "allow if input.git.commit.pgpSignature == true",
            "type-mismatch",
            "allow if input.git.commit.pgpSignature != null",
        ),
        // Formats.
        (
            "allow if input.http.host == \"https://example.com\"",
            "unknown-value",
            "allow if input.http.host == \"example.com\"",
        ),
        (
            "allow if input.image.host == \"index.docker.io\"",
            "unknown-value",
            "allow if input.image.host == \"docker.io\"",
        ),
        (
            "allow if input.image.fullRepo == \"alpine\"",
            "unknown-value",
            "allow if input.image.fullRepo == \"docker.io/library/alpine\"",
        ),
        (
            "allow if input.image.fullRepo == \"docker.io/alpine\"",
            "unknown-value",
            "allow if input.image.fullRepo == \"localhost/alpine\"",
        ),
        (
            "allow if input.image.fullRepo == \"ghcr.io/a/b:1\"",
            "unknown-value",
            "allow if input.image.fullRepo == \"localhost:5000/a/b\"",
        ),
        (
            "allow if input.image.repo == \"alpine:3.20\"",
            "unknown-value",
            "allow if input.image.repo == \"registry.test:5000/alpine\"",
        ),
        (
            "allow if input.image.ref == \"alpine:3.20\"",
            "unknown-value",
            "allow if input.image.ref == \"docker.io/library/alpine:3.20\"",
        ),
        (
            "allow if input.image.ref == \"ghcr.io/a/b\"",
            "unknown-value",
            "allow if input.image.ref == \"ghcr.io/a/b:1\"",
        ),
        (
            "allow if input.image.checksum == \"sha256:abc123\"",
            "unknown-value",
            "allow if input.image.checksum == \"sha256:HEX\"",
        ),
        (
            "allow if input.http.checksum == \"HEX\"",
            "unknown-value",
            "allow if input.http.checksum == \"sha256:HEX\"",
        ),
        (
            "allow if input.git.commitChecksum == \"abc1234\"",
            "unknown-value",
            "allow if input.git.commitChecksum == \"HEX\"",
        ),
        (
            "allow if input.git.tagName == \"refs/tags/v1\"",
            "unknown-value",
            "allow if input.git.tagName == \"v1\"",
        ),
        (
            "allow if {\n\tsome s in input.image.signatures\n\ts.signer.sourceRepositoryURI == \"org/app\"\n}",
            "unknown-value",
            "allow if {\n\tsome s in input.image.signatures\n\ts.signer.sourceRepositoryURI == \"https://github.com/org/app\"\n}",
        ),
        (
            "allow if {\n\tsome s in input.image.signatures\n\ts.signer.sourceRepositoryRef == \"main\"\n}",
            "unknown-value",
            "allow if {\n\tsome s in input.image.signatures\n\ts.signer.sourceRepositoryRef == \"refs/heads/main\"\n}",
        ),
        // Calls.
        (
            "allow if regex.match(\"^v[0-9+$\", input.git.tagName)",
            "bad-argument",
            "allow if regex.match(\"^v[0-9]+$\", input.git.tagName)",
        ),
        (
            "allow if regex.match(`^v1(?=x)`, input.git.tagName)",
            "bad-argument",
            "allow if regex.match(`^v1(?:x)`, input.git.tagName)",
        ),
        (
            "allow if semver.compare(input.image.tag, \"1.2\") >= 0",
            "bad-argument",
            "allow if semver.compare(input.image.tag, \"1.2.0-rc.1\") >= 0",
        ),
        (
            "allow if time.parse_rfc3339_ns(\"2026-01-01\") < time.now_ns()",
            "bad-argument",
            "allow if time.parse_rfc3339_ns(\"2026-01-01T00:00:00Z\") < time.now_ns()",
        ),
        (
            "deny_msg contains sprintf(\"%s is %s\", [input.image.ref]) if input.image",
            "bad-argument",
            "deny_msg contains sprintf(\"%s: 100%%\", [input.image.ref]) if input.image",
        ),
        (
            "deny_msg contains sprintf(\"is %s\", [input.image.ref, 1]) if input.image",
            "bad-argument",
            "deny_msg contains sprintf(\"is %v %d\", [input.image.ref, 1]) if input.image",
        ),
        (
            "allow if verify_git_signature(input.git, \"k.asc\")",
            "bad-argument",
            "allow if verify_git_signature(input.git.tag, \"k.asc\")",
        ),
        (
            "allow if verify_git_signature(input.git.commitChecksum, \"k.asc\")",
            "bad-argument",
            "allow if {\n\tcommit := input.git.commit\n\tverify_git_signature(commit, \"k.asc\")\n}",
        ),
        (
            "allow if regex.match(input.image.tag, \"^v1\")",
            "swapped-arguments",
            "allow if regex.match(\"^v1\", input.image.tag)",
        ),
        (
            "allow if startswith(\"ghcr.io/\", input.image.ref)",
            "swapped-arguments",
            "allow if startswith(input.image.ref, \"ghcr.io/\")",
        ),
        (
            "allow if startswith(input.image.repo, \"library/\")",
            "never-true",
            "allow if startswith(input.image.repo, \"org/\")",
        ),
        (
            "allow if startswith(input.git.ref, \"v1.\")",
            "never-true",
            "allow if startswith(input.git.ref, \"refs/tags/v1.\")",
        ),
        (
            "allow if input.image.platform == \"linux\"",
            "unknown-value",
            "allow if input.image.platform == \"linux/arm64\"",
        ),
        ("allow if input.image.labels[0] == \"x\"", "type-mismatch", "allow if input.image.env[0] == \"x\""),
        (
            "hosts := {}\n\nallow if input.image.host in hosts",
            "type-mismatch",
            "hosts := {\"a\": \"b\"}\n\nallow if input.image.host in hosts",
        ),
        (
            "allow if not input.image.tag == \"latest\"",
            "negation-alone",
            "allow if {\n\tinput.image\n\tnot input.image.tag == \"latest\"\n}",
        ),
        (
            "allow if {\n\tnot input.image.labels.old\n\tnot input.image.tag\n}",
            "negation-alone",
            "allow if not input.image\n\nallow if not denied\n\ndenied if input.image.tag",
        ),
        (
            "checked := true\n\nchecked := false if input.image.tag\n\nallow if checked",
            "contradiction",
            "checked := true if input.git\n\nchecked := false if input.image.tag\n\nallow if checked",
        ),
        // Names of others.
        (
            "allow if startswith(input.http.url, \"https://example.com\")",
            "loose-match",
            "allow if startswith(input.http.url, \"https://example.com/\")",
        ),
        (
            "allow if startswith(input.http.url, \"https://github.com/org\")",
            "loose-match",
            "allow if startswith(input.http.url, \"https://github.com/org/app/releases/download/v1\")",
        ),
        (
            "allow if startswith(input.image.fullRepo, \"ghcr.io/org\")",
            "loose-match",
            "allow if startswith(input.image.fullRepo, \"ghcr.io/org/\")",
        ),
        (
            "allow if startswith(input.git.remote, \"https://github.com/org\")",
            "loose-match",
            "deny if startswith(input.git.remote, \"https://github.com/org\")\n\nallow if {\n\tinput.git\n\tnot deny\n}",
        ),
        (
            "allow if endswith(input.http.host, \"example.com\")",
            "loose-match",
            "allow if endswith(input.http.host, \".example.com\")",
        ),
        (
            "allow if regex.match(`ghcr\\.io/org/`, input.image.fullRepo)",
            "loose-match",
            "allow if regex.match(`^ghcr\\.io/org/`, input.image.fullRepo)",
        ),
        (
            "allow if startswith(input.image.repo, \"myorg\")",
            "loose-match",
            "deny_msg contains \"no\" if startswith(input.image.repo, \"myorg\")",
        ),
        (
            "f(image) if startswith(image.ref, \"ghcr.io/a/b\")\n\nallow if f(input.image)",
            "loose-match",
            "allow if startswith(input.image.ref, \"ghcr.io/a/b:3\")",
        ),
        // Bodies.
        (
            "allow if {\n\tinput.image.host == \"docker.io\"\n\tinput.image.host == \"quay.io\"\n}",
            "contradiction",
            "allow if {\n\tinput.image.host in {\"docker.io\", \"quay.io\"}\n\tinput.image.host == \"quay.io\"\n}",
        ),
        (
            "allow if {\n\tinput.image\n\tinput.git\n}",
            "contradiction",
            "allow if {\n\tinput.image\n\tnot input.git\n}",
        ),
        (
            "allow if {\n\tinput.http.host == \"a.test\"\n\tinput.image.tag == \"b\"\n}",
            "contradiction",
            "allow if {\n\tinput.image.host == \"a.test\"\n\tinput.env.target == \"b\"\n}",
        ),
        (
            "allow if {\n\tsome m in input.image.provenance.materials\n\tm.image.host == \"a.test\"\n\tinput.image.host == \"b.test\"\n\tm.git.host == \"x\"\n\tsome n in input.git.commit.parents\n\tn == \"a\"\n}",
            "contradiction",
            "allow if {\n\tsome m in input.image.provenance.materials\n\tm.image.host == \"a.test\"\n\tsome n in input.image.provenance.materials\n\tn.image.host == \"b.test\"\n}",
        ),
        (
            "allow if input.image.tag >= \"3.9\"",
            "text-order",
            "allow if semver.compare(input.image.tag, \"3.9.0\") >= 0",
        ),
        (
            "allow if input.git.tagName > \"v2\"",
            "text-order",
            "allow if input.image.provenance.finishedOn > \"2026-01-01T00:00:00Z\"",
        ),
        ("allow if time.now_ns() > 1767225600", "time-unit", "allow if time.now_ns() > 1767225600000000000"),
        (
            "allow if time.now_ns() - time.parse_rfc3339_ns(input.image.provenance.finishedOn) < 86400",
            "time-unit",
            "allow if time.now_ns() - time.parse_rfc3339_ns(input.image.provenance.finishedOn) < 86400000000000",
        ),
        // Signatures.
        (
            "allow if input.image.signatures[_].kind == \"untrusted\"",
            "any-signature",
            "deny_msg contains \"no\" if input.image.signatures[_].kind == \"untrusted\"",
        ),
        (
            "allow if every s in input.image.signatures { s.kind == \"self-signed\" }",
            "any-signature",
            "allow if {\n\tcount(input.image.signatures) > 0\n\tevery s in input.image.signatures { s.kind == \"self-signed\" }\n}",
        ),
        // Names.
        (
            "allow if {\n\tsome entry in input.image.env\n\tinput.image.user == \"a\"\n}",
            "unused-variable",
            "allow if {\n\tsome entry in input.image.env\n\tentry == \"a\"\n}",
        ),
        (
            "allow if {\n\ttag := input.image.tag\n\tinput.image.user == \"a\"\n}",
            "unused-variable",
            "allow if {\n\tsome _, value in input.image.labels\n\tvalue == \"a\"\n}",
        ),
    ] {
        let (bad, good) = (bad.replace("HEX", HEX), good.replace("HEX", HEX));
        if code != "syntax" {
            let found = codes(&whole(&bad));
            assert_eq!(found.len(), 1, "{bad}: {found:?}");
            assert!(found[0].starts_with(&format!("{code} ")), "{bad}: {found:?}");
        }
        assert_eq!(codes(&whole(&good)), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn decisions_that_are_none() {
    for (decision, found) in [
        ("true", &["invalid-decision 3"][..]),
        ("{\"allow\": \"yes\", \"deny_msg\": \"no\"}", &["invalid-decision 3"]),
        ("{\"allow\": true, \"deny_msg\": {\"a\": 1}}", &["invalid-decision 3"]),
        ("{\"allow\": true, \"deny_msg\": [\"a\"]}", &[]),
    ] {
        assert_eq!(codes(&format!("package docker\n\ndecision := {decision}\n")), found, "{decision}");
    }
    let elsewhere = "package policy\n\ndecision := {\"allow\": true}\n";
    assert_eq!(codes(elsewhere), ["no-decision 3"]);
}
