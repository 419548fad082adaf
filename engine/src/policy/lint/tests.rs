//! What is found, and what is not.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod followed;
mod mistakes;

use super::{CODES, lint};
use crate::policy::suite::Documents;
use crate::policy::{LoadOptions, PolicyFile};

/// A policy around `rules` that nothing is wrong with.
fn whole(rules: &str) -> String {
    format!(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\n{rules}\n\n\
         deny_msg contains \"no rule allows it\" if not allow\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    )
}

/// `CODE LINE` of each finding.
fn codes(text: &str) -> Vec<String> {
    let files = vec![PolicyFile { name: "p.rego".into(), text: text.into() }];
    let linted = lint(&LoadOptions { files, root: None, strict: true }, &[], &Documents::default());
    let findings = linted.unwrap_or_else(|error| panic!("{text}\n{error}")).findings;
    for finding in &findings {
        assert!(
            !finding.message.ends_with('.') && finding.message.contains('`')
                || finding.code == "any-signature"
                || matches!(finding.code, "deny-without-message" | "local-denied"),
            "{finding:?}"
        );
        assert!(CODES.iter().any(|code| code.code == finding.code), "{finding:?}");
    }
    findings.iter().map(|finding| format!("{} {}", finding.code, finding.position.line)).collect()
}

#[test]
fn codes_are_sorted() {
    assert!(CODES.is_sorted_by_key(|code| code.code));
}

#[test]
fn rules_that_say_something_else() {
    for (bad, code, good) in [
        (
            "allow if input.http.checksum != \"\"",
            "always-true",
            "allow if input.http.checksum != \"sha256:aa\"",
        ),
        ("allow if input.git.subDir != \"\"", "always-true", "allow if input.git.subDir"),
        (
            "allow if input.image.labels.team != input.image.tag",
            "",
            "allow if input.image.labels.team != \"\"",
        ),
        ("allow if input.git.ref == \"v1.0\"", "short-ref", "allow if input.git.ref == \"refs/tags/v1.0\""),
        ("allow if input.git.ref in [\"main\"]", "short-ref", "allow if input.git.tagName in [\"main\"]"),
        (
            "allow if input.http.schema == \"HTTPS\"",
            "unknown-value",
            "allow if input.http.schema == \"https\"",
        ),
        (
            "allow if input.image.arch in {\"amd64\", \"aarch64\"}",
            "unknown-value",
            "allow if input.image.arch in {\"amd64\", \"arm64\"}",
        ),
        (
            "allow if {\n\tsome sig in input.image.signatures\n\tsig.kind == \"docker\"\n}",
            "unknown-value",
            "allow if {\n\tsome sig in input.image.signatures\n\tsig.kind == \"docker-hardened-image\"\n}",
        ),
        (
            "allow if {\n\tsome entry in input.image.verification\n\tentry.step == \"unsignd\"\n}",
            "unknown-value",
            "allow if {\n\tsome entry in input.image.verification\n\tentry.step == \"unsigned\"\n}",
        ),
        (
            "allow if {\n\tinput.image.host == \"ghcr.io\"\n\tinput.image.repo == \"org/app\"\n}",
            "repo-host",
            "allow if {\n\tinput.image.host == \"ghcr.io\"\n\tinput.image.repo == \"ghcr.io/org/app\"\n}",
        ),
        (
            "allow if input.image.tag == \"\"",
            "never-true",
            "allow if {\n\tinput.image\n\tnot input.image.tag\n}",
        ),
        (
            "allow if object.get(input.image, \"labels\", {}) == {}",
            "unresolved-in-buildx",
            "allow if object.get(input.image, \"tag\", \"\") == \"1\"",
        ),
        (
            "allow if json.marshal(input.image) == \"{}\"",
            "unresolved-in-buildx",
            "allow if json.marshal(input.env) == \"{}\"",
        ),
        (
            "allow if {\n\tsome key, _ in input.image\n\tkey == \"labels\"\n}",
            "unresolved-in-buildx",
            "allow if {\n\tsome key, _ in input.image.labels\n\tkey == \"labels\"\n}",
        ),
        (
            "allow if {\n\tsome field in [\"labels\"]\n\tinput.image[field]\n}",
            "unresolved-in-buildx",
            "allow if {\n\tsome field in [\"labels\"]\n\tinput.image.labels[field]\n}",
        ),
        (
            "allow if \"labels\" in object.keys(input.image)",
            "unresolved-in-buildx",
            "allow if input.image.labels",
        ),
        ("allow if input.image.createdTime", "unresolved-in-buildx", "allow if input.image.user"),
        (
            "allow if count(input.image.signatures) > 0",
            "any-signature",
            "allow if count(input.image.signatures) == 0",
        ),
        ("allow if input.image.signatures[_]", "any-signature", "allow if input.image.signatures[_].signer"),
        (
            "allow if {\n\tsome sig in input.image.signatures\n\tsig.timestamps\n}",
            "any-signature",
            "allow if {\n\tsome sig in input.image.signatures\n\tdocker_github_builder_signature(sig, \"a/b\")\n}",
        ),
        (
            "allow if not verify_git_signature(input.git.commit, \"k.asc\")",
            "negated-verification",
            "allow if verify_git_signature(input.git.commit, \"k.asc\")",
        ),
        (
            "allow if not verify_http_pgp_signature(input.http, \"a\", \"k\")",
            "negated-verification",
            "deny_msg contains \"unsigned\" if not verify_http_pgp_signature(input.http, \"a\", \"k\")",
        ),
        ("unused if input.image", "unused-rule", "allow if used\n\nused if input.image"),
        ("helper(x) := x", "unused-rule", "allow if helper(input.image.tag) == \"a\"\n\nhelper(x) := x"),
        ("sum := 1\n\nallow if sum == 2", "shadowed-builtin", "total := 1\n\nallow if total == 2"),
        ("f(lower) := lower\n\nallow if f(1) == 2", "shadowed-builtin", "f(x) := x\n\nallow if f(1) == 2"),
        (
            "allow if not ok\n\nok if not input.image.hasProvenanc",
            "unknown-property",
            "allow if input.image.hasProvenance",
        ),
    ] {
        let found = codes(&whole(bad));
        if code.is_empty() {
            assert_eq!(found, Vec::<String>::new(), "{bad}");
        } else {
            assert_eq!(found.len(), 1, "{bad}: {found:?}");
            assert!(found[0].starts_with(&format!("{code} ")), "{bad}: {found:?}");
        }
        assert_eq!(codes(&whole(good)), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn decisions_that_tell_too_little() {
    for (text, found) in [
        ("package docker\n\nallow if input.local\n", &["no-decision 1"][..]),
        (
            "package docker\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n",
            &["missing-default 3", "deny-without-message 5"],
        ),
        (
            "package docker\n\ndefault allow := false\n\ndeny_msg contains \"no\"\n\ndecision := {\"allow\": allow}\n",
            &["local-denied 3", "lost-message 5"],
        ),
        (
            "package docker\n\ndefault allow := false\n\nallow if input.image\n\n\
             decision := {\"allow\": allow, \"deny_msg\": \"images alone\"}\n",
            &["local-denied 3"],
        ),
        (
            "package docker\n\ndecision := {\"allow\": input.image.user == \"x\", \"deny_msg\": \"a\"}\n",
            &["property-in-decision 3"],
        ),
        ("package docker\n\nallow := true\n\ndecision := {\"allow\": allow}\n", &[]),
        ("package lib.a\n\nyes if input.image\n", &[]),
    ] {
        assert_eq!(codes(text), found, "{text}");
    }
}

#[test]
fn imports_that_nothing_uses() {
    let policy =
        |import: &str, rule: &str| format!("package docker\n\nimport {import}\n{}", &whole(rule)[14..]);
    assert_eq!(codes(&policy("input.image", "")), ["unused-import 3"]);
    assert_eq!(codes(&policy("input.image", "allow if image.user == \"a\"")), Vec::<String>::new());
    assert_eq!(codes(&policy("rego.v1", "")), Vec::<String>::new());
}

#[test]
fn what_a_comment_silences() {
    let silenced = |comment: &str| codes(&whole(&format!("{comment}\nallow if input.git.ref == \"v1\"")));
    assert_eq!(silenced("# lint:ignore short-ref"), Vec::<String>::new());
    assert_eq!(silenced("# lint:ignore never-true, short-ref it is meant"), Vec::<String>::new());
    assert_eq!(silenced("# lint:ignore never-true"), ["short-ref 8"]);
    assert_eq!(silenced("# lint:ignore"), ["short-ref 8"]);
    assert_eq!(
        codes(&whole("allow if input.git.ref == \"v1\" # lint:ignore short-ref")),
        Vec::<String>::new()
    );
}

#[test]
fn tests_use_what_they_test() {
    let files = vec![PolicyFile { name: "p.rego".into(), text: whole("helper(x) := x") }];
    let test = "package docker\n\ntest_helper if helper(1) == 1\n".to_owned();
    let tests = [PolicyFile { name: "p_test.rego".into(), text: test }];
    let options = LoadOptions { files, root: None, strict: false };
    let linted = lint(&options, &tests, &Documents::default()).unwrap();
    assert_eq!(linted.findings, []);
    assert_eq!(linted.files().collect::<Vec<_>>(), ["p.rego", "p_test.rego"]);
}
