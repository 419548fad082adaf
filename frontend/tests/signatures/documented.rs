//! The examples in the documentation are policies that load, and decide as they say.

use crate::harness::{Finished, Place};
use crate::setup::{Setup, failed_steps};

const PAGE: &str = include_str!("../../../docs/signatures.md");
const PAGES: [&str; 2] = [PAGE, include_str!("../../../docs/signatures-git.md")];

/// The examples in Rego of a page.
fn examples(page: &str) -> Vec<&str> {
    page.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("rego\n")).collect()
}

/// The one example that has this text.
fn example(text: &str) -> &'static str {
    let found: Vec<_> = examples(PAGE).into_iter().filter(|example| example.contains(text)).collect();
    let [example] = found[..] else { panic!("{} examples have {text:?}", found.len()) };
    example
}

/// A whole policy from an example that may be a part of one.
fn policy(example: &str) -> String {
    if example.contains("package docker") {
        return example.to_owned();
    }
    let decision = if example.contains("deny_msg") {
        r#"{"allow": allow, "deny_msg": deny_msg}"#
    } else {
        r#"{"allow": allow}"#
    };
    format!("package docker\n\ndefault allow := false\n\n{example}\ndecision := {decision}\n")
}

#[test]
fn examples_load() {
    let place = Place::new();
    for page in PAGES {
        assert!(!examples(page).is_empty());
        for example in examples(page) {
            let policy = policy(example);
            place.write("Dockerfile.rego", &policy);
            let Finished { code, stdout, stderr } = place.run(["eval", "--strict", "."]).finish();
            let allowed = example.contains("allow if input.local");
            assert_eq!((code, stderr.as_str()), (i32::from(!allowed), ""), "{policy}\n{stdout}");
        }
    }
}

/// What the README shows is what one gets, but for names and digests.
#[test]
fn the_readme_shows_what_happens() {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("Who signed it?").expect("the section");
    let (_, shown) = section.split_once("```console\n").expect("an example");
    let (shown, _) = shown.split_once("```").expect("its end");
    let setup = Setup::of(&["cosign-bundle-attestation", "bad-unknown-log"]);
    setup.place.write("Dockerfile.rego", examples(section)[0].replace("acme/app", "world/app"));
    let images = [
        ("registry.acme.example/app:1", "cosign-bundle-attestation"),
        ("registry.acme.example/app:2", "bad-unknown-log"),
    ];
    let mut printed = String::new();
    for command in shown.lines().filter_map(|line| line.strip_prefix("$ policy-check ")) {
        let real = |text: String, (shown, name): &(&str, &str)| text.replace(shown, &setup.reference(name));
        let args = images.iter().fold(command.to_owned(), real);
        let mut run = setup.place.run(args.split(' ').chain(["--platform", "linux/amd64"]));
        for (shown, name) in images {
            run = run.replace(&setup.reference(name), shown);
        }
        let stdout = run.replace("world/app", "acme/app").finish().stdout;
        printed.extend(["$ policy-check ", command, "\n", &without_digests(&stdout)]);
    }
    assert_eq!(printed, shown);
}

/// With `sha256:…` in the place of every digest.
fn without_digests(text: &str) -> String {
    let mut parts = text.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "sha256:…" + part.get(64..).unwrap_or_default())
}

/// Decides about an image of the world by an example, with `world` in the place of its names.
fn decide(setup: &Setup, name: &str, example: &str) -> Finished {
    let policy = policy(example).replace("\"sigstore\"", "\"world\"").replace("our-org", "world");
    setup.place.write("Dockerfile.rego", policy);
    let image = format!("docker-image://{}", setup.reference(name));
    let root = ["--trust-root", "world=trusted_root.json"];
    setup.place.run(["eval", "--platform", "linux/amd64", &image].into_iter().chain(root)).finish()
}

#[test]
fn examples_decide_as_they_say() {
    let setup =
        Setup::of(&["cosign-bundle-index", "key-bundle-index", "key-bundle-attestation", "bad-no-sct"]);
    let by_workflow = example("it is not signed by a workflow of ours");
    assert_eq!(decide(&setup, "cosign-bundle-index", by_workflow).code, 0);
    let denied = decide(&setup, "bad-no-sct", by_workflow);
    assert_eq!(denied.code, 1);
    assert!(denied.stdout.contains("  - it is not signed by a workflow of ours\n"), "{}", denied.stdout);
    assert!(
        denied.stdout.contains("not verified: bundle-v0.3 on the attestation (sha256:"),
        "{}",
        denied.stdout
    );
    assert!(denied.stdout.contains(") under the trust root world: sct: "), "{}", denied.stdout);

    let by_key = example("Signed by our key");
    let key = std::fs::read(setup.place.path().join("cosign.pub")).expect("a key");
    setup.place.write("keys/release.pub", key);
    assert_eq!(decide(&setup, "key-bundle-index", by_key).code, 0);
    assert_eq!(decide(&setup, "key-bundle-attestation", by_key).code, 1);
    assert_eq!(decide(&setup, "cosign-bundle-index", by_key).code, 1);

    let told = decide(&setup, "bad-no-sct", example("a signature doesn't count: "));
    assert!(told.stdout.contains("  - a signature doesn't count: sct: "), "{}", told.stdout);
    assert_eq!(failed_steps(&setup.print("bad-no-sct")), ["sct"]);
}
