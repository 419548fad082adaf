//! Properties are followed to where they are read, and not beyond what is known.

use super::{codes, whole};
use crate::policy::lint::lint;
use crate::policy::suite::Documents;
use crate::policy::{FileError, LoadOptions, PolicyFile, PolicyRoot};

/// Rules with a mistake that is found at the line of the second column.
#[test]
fn what_is_followed() {
    for (rules, expected) in [
        // Functions of the policy, from one to the next.
        ("allow if f(input.image)\n\nf(image) if image.lables.team", "unknown-property 9"),
        (
            "allow if f(input.image)\n\nf(image) if g(image.signatures)\n\ng(sigs) if sigs[_].signer.isuer",
            "unknown-property 11",
        ),
        ("allow if f(input.image)\n\nf(image) if image.arch == \"x86_64\"", "unknown-value 9"),
        ("allow if f(input.image)\n\nf(image) if image.repo == \"library/alpine\"", "never-true 9"),
        ("allow if f(input.git)\n\nf(git) if git.ref == \"v1\"", "short-ref 9"),
        (
            "allow if f(input.image)\n\nf(image) if object.get(image, \"labels\", {}) == {}",
            "unresolved-in-buildx 9",
        ),
        ("allow if f(input.image)\n\nf(image) if count(image.signatures) > 0", "any-signature 9"),
        // `else`.
        (
            "allow if ok\n\nok if input.image.isCanonical\nelse := true if input.image.hasProvenanc",
            "unknown-property 10",
        ),
        (
            "allow if ok\n\nok if input.image.isCanonical\nelse if input.image.arch == \"x64\"",
            "unknown-value 10",
        ),
        // Variables.
        ("allow if {\n\timage := input.image\n\timage.repp == \"a\"\n}", "unknown-property 9"),
        ("allow if {\n\timage = input.image\n\timage.os == \"Linux\"\n}", "unknown-value 9"),
        (
            "allow if {\n\timage := input.image\n\tinput.image.tag\n\tsome s in image.signatures\n\ts.signer.issuer == \"https://x\"\n\ts.kid == \"x\"\n}",
            "unknown-property 12",
        ),
        // Rules that stand for a part.
        ("image := input.image\n\nallow if image.repp == \"a\"", "unknown-property 9"),
        ("image := input.image\n\nallow if image.tag == \"\"", "never-true 9"),
        // Materials.
        (
            "allow if {\n\tsome m in input.image.provenance.materials\n\tm.image.labels.a == \"1\"\n\tm.image.lables.b\n}",
            "unknown-property 10",
        ),
        (
            "allow if {\n\tsome m in input.image.provenance.materials\n\tm.git.ref == \"main\"\n}",
            "short-ref 9",
        ),
        (
            "allow if {\n\tsome m in input.image.provenance.materials\n\tm.image.repo == \"library/x\"\n}",
            "never-true 9",
        ),
        (
            "allow if every m in input.image.provenance.materials { m.image.arch == \"x64\" }",
            "unknown-value 7",
        ),
        // Comprehensions.
        ("allow if count([s | some s in input.image.signatures; s.knd == \"x\"]) == 2", "unknown-property 7"),
        (
            "allow if count({m | some m in input.image.provenance.materials; m.image.os == \"Linux\"}) == 2",
            "unknown-value 7",
        ),
        // Sets of texts.
        ("allow if input.image.repo in {\"alpine\", \"library/x\"}", "never-true 7"),
    ] {
        assert_eq!(codes(&whole(rules)), [expected], "{rules}");
    }
}

#[test]
fn what_is_not_known_is_passed_over() {
    for rules in [
        // Called with several things, or with something else.
        "allow if f(input.image)\n\nallow if f(input.ociLayout)\n\nf(x) if x.host == \"a\"",
        "allow if f({\"team\": 1})\n\nallow if f(input.image)\n\nf(x) if x.team == 1",
        "allow if f(input.image.labels)\n\nf(labels) if labels.team == \"1\"",
        // The same name for different things.
        "allow if {\n\tx := input.image\n\tx.tag\n}\n\nallow if {\n\tx := {\"team\": 1}\n\tx.team == 1\n}",
        "allow if {\n\tcount([x | x := input.image.tag]) == 1\n\tcount([x.team | some x in [{\"team\": 1}]]) == 1\n}",
        "image := input.image if input.image.tag\n\nimage := {\"team\": 1} if input.local\n\nallow if image.team == 1",
        "image(x) := x\n\nallow if image({\"team\": 1}).team == 1",
        "allow if {\n\t[x, y] := [input.image, {\"team\": 1}]\n\ty.team == x.tag\n}",
        // Keys that anybody may choose.
        "allow if {\n\tsome key in [\"a\"]\n\tinput.image.labels[key] == \"b\"\n}",
        "allow if {\n\targs := input.env.args\n\targs.anything == \"b\"\n}",
        // Another document in the place of the input.
        "allow if ok with input as {\"image\": {\"labels\": {}}}\n\nok if f(input.image)\n\nf(image) if image.team == 1",
        "by_name := {\"a\": {\"team\": 1}}\n\nallow if by_name[input.image.tag].team == 1",
    ] {
        assert_eq!(codes(&whole(rules)), Vec::<String>::new(), "{rules}");
    }
}

#[derive(Debug)]
struct Library;

impl PolicyRoot for Library {
    fn read(&self, path: &str, _limit: u64) -> Result<Vec<u8>, FileError> {
        match path {
            "lib/images.rego" => {
                Ok(b"package lib.images\n\nours(image) if image.fulRepo == \"ghcr.io/a/b\"\n".to_vec())
            }
            _ => Err(FileError::NotFound),
        }
    }
}

#[test]
fn functions_of_a_library_are_followed() {
    let policy = |call: &str| {
        let text = whole(&format!("allow if {call}"));
        text.replacen("package docker\n", "package docker\n\nimport data.lib.images\n", 1)
    };
    let found = |text: String| {
        let files = vec![PolicyFile { name: "p.rego".into(), text }];
        let options = LoadOptions { files, root: Some(std::sync::Arc::new(Library)), strict: false };
        let findings = lint(&options, &[], &Documents::default()).unwrap().findings;
        findings.iter().map(|finding| format!("{} {}", finding.code, finding.position)).collect::<Vec<_>>()
    };
    assert_eq!(found(policy("images.ours(input.image)")), ["unknown-property lib/images.rego:3:16"]);
    assert_eq!(found(policy("images.ours({\"fulRepo\": input.image.tag})")), Vec::<String>::new());
}
