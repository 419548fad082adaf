//! The options that builds have in the end.

use std::collections::BTreeMap;
use std::fs;

use super::print::environment;
use crate::bake::{Bake, BakeError, load};
use crate::policy_spec::PolicySpec;

fn bake(files: &[(&str, &str)], targets: &[&str], overrides: &[&str]) -> Result<Bake, BakeError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    load(&[], folder.path(), &environment(&BTreeMap::new()), &owned(targets), &owned(overrides))
}

#[test]
fn targets_that_are_contexts_come_first() {
    let text = r#"
group "default" { targets = ["a", "z"] }
target "a" { contexts = { m = "target:m", img = "docker-image://alpine" } }
target "m" { contexts = { z = "target:z" } }
target "z" {}
"#;
    let bake = bake(&[("docker-bake.hcl", text)], &[], &[]).unwrap();
    let names: Vec<_> = bake.targets.iter().map(|target| (target.name.as_str(), target.linked)).collect();
    assert_eq!(names, [("z", false), ("m", true), ("a", false)]);
    let contexts = &bake.targets.last().unwrap().options.build_contexts;
    assert_eq!(contexts.get("m").map(String::as_str), Some("target:m"));
}

#[test]
fn options_of_a_build() {
    let text = r#"
target "default" {
  context = "./app/"
  dockerfile = "docker/../Dockerfile.prod"
  dockerfile-inline = "FROM scratch"
  target = "release"
  platforms = ["linux/amd64", "linux/arm/v7", "local"]
  args = { A = "1", B = null }
  labels = { L = "x" }
  contexts = { here = "cwd://x/../y", there = "https://example.org/a.git" }
  attest = ["type=provenance,version=v1,mode=max", { type = "sbom", generator = "a,b" }, "type=other,disabled=true"]
  policy = ["filename=a.rego,filename=b.rego,strict=1", { reset = true }]
}
"#;
    let bake = bake(&[("docker-bake.hcl", text)], &[], &["default.args.C=3"]).unwrap();
    let [target] = bake.targets.as_slice() else { panic!("{:?}", bake.targets) };
    let options = &target.options;
    assert_eq!(options.context, "app");
    assert_eq!(options.dockerfile.as_deref(), Some("app/Dockerfile.prod"));
    assert_eq!(options.dockerfile_inline.as_deref(), Some("FROM scratch"));
    assert_eq!(options.target, "release");
    let platforms: Vec<String> = options.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm/v7", "linux/amd64"]);
    let args: Vec<_> =
        options.build_args.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(args, [("A", Some("1")), ("C", Some("3"))]);
    assert_eq!(options.build_contexts.get("here").map(String::as_str), Some("y"));
    let attests: Vec<_> =
        options.attests.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let wanted =
        [("other", None), ("provenance", Some("mode=max,version=v1")), ("sbom", Some("\"generator=a,b\""))];
    assert_eq!(attests, wanted);
    let policies = [
        PolicySpec {
            files: vec!["a.rego".into(), "b.rego".into()],
            strict: Some(true),
            ..PolicySpec::default()
        },
        PolicySpec { reset: true, ..PolicySpec::default() },
    ];
    assert_eq!(target.policy, policies);
}

#[test]
fn places_of_dockerfiles() {
    for (context, dockerfile, wanted) in [
        (".", "Dockerfile", "Dockerfile"),
        ("app", "/abs/Dockerfile", "/abs/Dockerfile"),
        ("app", "cwd://other/Dockerfile", "other/Dockerfile"),
        ("https://example.org/r.git#main", "sub/Dockerfile", "sub/Dockerfile"),
        ("../up", "Dockerfile", "../up/Dockerfile"),
    ] {
        let text = format!(
            "target \"default\" {{\n  context = \"{context}\"\n  dockerfile = \"{dockerfile}\"\n}}\n"
        );
        let bake = bake(&[("docker-bake.hcl", &text)], &[], &[]).unwrap();
        let found = bake.targets.first().and_then(|target| target.options.dockerfile.as_deref());
        assert_eq!(found, Some(wanted), "{context}, {dockerfile}");
    }
}

#[test]
fn warnings_of_what_is_ignored() {
    let text = "widget \"x\" {}\ntarget \"default\" {\n  contxt = \"a\"\n}\n";
    let warned = bake(&[("docker-bake.hcl", text)], &[], &[]).unwrap().warnings;
    let wanted = [
        "docker-bake.hcl:1:1: bake knows no block `widget`: it is ignored",
        "docker-bake.hcl:3:3: bake knows no attribute `contxt` of a target: it is ignored",
    ];
    assert_eq!(warned, wanted);
    let text = "services:\n  web:\n    build: ${NOT_SET}\n";
    let warned = bake(&[("compose.yaml", text)], &[], &[]).unwrap().warnings;
    assert_eq!(warned, ["compose.yaml: variable `NOT_SET` is not set: it is taken for an empty one"]);
}

#[test]
fn remote_definitions_are_not_read() {
    let error = bake(&[], &["https://user:secret@example.org/repo.git"], &[]).unwrap_err();
    assert!(!error.is_usage());
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(bake(&[], &[], &[]).unwrap_err().is_usage());
}

#[test]
fn time_and_randomness_are_given() {
    let text =
        "target \"default\" { args = { T = timestamp(), U = uuidv4(), V = uuidv4(), H = homedir() } }\n";
    let read = || bake(&[("docker-bake.hcl", text)], &[], &[]).unwrap().targets.remove(0).options.build_args;
    let args = read();
    assert_eq!(args, read());
    let value = |name: &str| args.get(name).cloned().flatten().unwrap();
    assert_eq!(value("T"), "2023-11-14T22:13:20Z");
    assert_eq!(value("H"), "/home/user");
    assert_ne!(value("U"), value("V"));
    assert_eq!(value("U").as_bytes().get(14), Some(&b'4'));
}
