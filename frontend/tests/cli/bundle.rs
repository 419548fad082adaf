//! Policies and libraries from elsewhere: pushed, pulled, pinned, imported. With a real `docker-registry` where that is
//! installed, and the git server of `fixtures/world` where that runs.

use policy_signing::Repository;
use policy_testbed::DockerRegistry;
use serde_json::json;

mod sent;
mod signed;

use crate::harness::Place;

const LIBRARY: &str = "package acme.images\n\ntrusted if startswith(input.image.repo, \"acme/\")\n";
const TEST: &str = "package acme.images_test\nimport data.acme.images\ntest_trusted if images.trusted with input as {\"image\": {\"repo\": \"acme/x\"}}\n";
const POLICY: &str = "package docker\n\nimport data.acme.images\n\ndefault allow := false\n\nallow if input.local\n\nallow if images.trusted\n\ndecision := {\"allow\": allow}\n";
const ALLOW: &str = "package docker\n\ndecision := {\"allow\": true}\n";

/// A folder with a library to push in `lib`, and a policy that imports it.
fn place() -> Place {
    let place = Place::with_policy(POLICY);
    place.write("lib/images.rego", LIBRARY);
    place.write("lib/data/hosts.json", "[\"ghcr.io\"]");
    place.write("lib/.hidden.rego", "no policy");
    place.write("lib/README.md", "no policy");
    place
}

fn code(place: &Place, args: &[&str]) -> i32 {
    place.run(args.iter().copied()).finish().code
}

/// What a run that must succeed prints.
fn prints(place: &Place, args: &[&str]) -> String {
    let run = place.run(args.iter().copied()).finish();
    assert_eq!(run.code, 0, "{args:?}: {}{}", run.stdout, run.stderr);
    run.stdout
}

/// What a run that must fail with `code` says.
fn says(place: &Place, args: &[&str], code: i32) -> String {
    let run = place.run(args.iter().copied()).finish();
    assert_eq!(run.code, code, "{args:?}: {}{}", run.stdout, run.stderr);
    run.stdout + &run.stderr
}

fn names_library(place: &Place, from: &str) {
    let libraries = json!({"version": 1, "libraries": {"acme": {"from": from}}});
    place.write("policy-libraries.json", libraries.to_string());
}

fn locked(place: &Place) -> serde_json::Value {
    let text = std::fs::read(place.path().join("policy-libraries.json")).expect("a file");
    serde_json::from_slice::<serde_json::Value>(&text).expect("JSON")["libraries"]["acme"].clone()
}

#[test]
fn pushed_locked_and_imported() {
    let Some(registry) = DockerRegistry::start() else { return };
    for layout in ["opa", "conftest"] {
        let place = place();
        let reference = format!("oci://{}/acme/{layout}:v1", registry.address);
        let pushed = prints(&place, &["bundle", "push", "lib", &reference, "--layout", layout]);
        let again = prints(&place, &["bundle", "push", "lib", &reference, "--layout", layout]);
        assert_eq!(pushed, again, "same files, same digest");
        assert!(pushed.starts_with(&format!("{reference}@sha256:")), "{pushed}");
        names_library(&place, &reference);
        // A tag alone is nothing to build on.
        let unpinned = says(&place, &["eval", "."], 2);
        assert!(unpinned.contains("is not pinned") && unpinned.contains("bundle lock"), "{unpinned}");
        let lock = prints(&place, &["bundle", "lock"]);
        let digest = pushed.trim().rsplit_once('@').expect("a digest").1;
        assert_eq!(lock, format!("acme: pinned, {digest}\n"));
        assert_eq!(locked(&place)["pin"], digest);
        assert_eq!(code(&place, &["eval", "."]), 0);
        assert_eq!(code(&place, &["dry-run", "--offline", "none.json", "."]), 2);
        // The tag moves: what is locked stays.
        place.write("lib/images.rego", LIBRARY.replace("acme/", "other/"));
        prints(&place, &["bundle", "push", "lib", &reference, "--layout", layout]);
        assert_eq!(prints(&place, &["bundle", "lock"]), "acme: pinned already\n");
        prints(&place, &["bundle", "verify", "."]);
        assert_eq!(locked(&place)["pin"], digest);
        assert!(prints(&place, &["bundle", "lock", "--update"]).starts_with("acme: updated, sha256:"));
        assert_ne!(locked(&place)["pin"], digest);
        // Both layouts bring the same files.
        prints(&place, &["bundle", "pull", pushed.trim(), "-o", "pulled"]);
        assert_eq!(std::fs::read_to_string(place.path().join("pulled/images.rego")).unwrap(), LIBRARY);
        assert!(place.path().join("pulled/data/hosts.json").exists());
        assert!(!place.path().join("pulled/README.md").exists());
        assert!(says(&place, &["bundle", "pull", pushed.trim(), "-o", "pulled"], 2).contains("not empty"));
    }
}

#[test]
fn whole_policies_by_digest_only() {
    let Some(registry) = DockerRegistry::start() else { return };
    let place = Place::new();
    place.write("src/deep/docker.rego", ALLOW);
    place.write("src/deep/docker_test.rego", "package docker\ntest_allows if decision.allow\n");
    let reference = format!("oci://{}/acme/policy:v1", registry.address);
    let pinned = prints(&place, &["bundle", "push", "src", &reference]);
    let pinned = pinned.trim();
    assert_eq!(code(&place, &["eval", "--policy", pinned, "."]), 0);
    place.write("app/Dockerfile", "FROM scratch\n");
    assert_eq!(code(&place, &["dry-run", "--policy", pinned, "app"]), 0);
    assert!(says(&place, &["eval", "--policy", &reference, "."], 2).contains("is not pinned"));
    // A lock in the policy's root says what the tag is.
    names_library(&place, &reference);
    prints(&place, &["bundle", "lock"]);
    assert_eq!(code(&place, &["eval", "--policy", &reference, "."]), 0);
    let both = format!("filename={pinned},filename=other.rego");
    assert!(says(&place, &["eval", "--policy", &both, "."], 2).contains("whole policy"));
    let verified = prints(&place, &["bundle", "verify", pinned]);
    assert!(verified.contains("test_allows: PASS") && verified.contains("2 files"), "{verified}");
    // From the cache, with nobody there.
    let snapshot = place.path().join("snapshot.json");
    let snapshot = snapshot.to_str().expect("UTF-8");
    assert_eq!(code(&place, &["eval", "--snapshot", snapshot, "--policy", pinned, "."]), 0);
    drop(registry.stop());
    assert_eq!(code(&place, &["eval", "--policy", pinned, "."]), 0);
    assert_eq!(code(&place, &["eval", "--offline", snapshot, "--policy", pinned, "."]), 0);
    assert_eq!(code(&place, &["eval", "--offline", snapshot, "--policy", &reference, "."]), 0);
    // From the snapshot, with no cache either, and nothing that is not in there.
    assert_eq!(code(&place, &["eval", "--no-cache", "--offline", snapshot, "--policy", pinned, "."]), 0);
    let other = format!("{}@sha256:{}", reference, "0".repeat(64));
    let offline = says(&place, &["eval", "--no-cache", "--offline", snapshot, "--policy", &other, "."], 2);
    assert!(offline.contains("not in the cache"), "{offline}");
}

#[test]
fn registries_that_want_a_login() {
    let Some(registry) = DockerRegistry::private() else { return };
    let place = place();
    let reference = format!("oci://{}/acme/lib:v1", registry.address);
    let refused = says(&place, &["bundle", "push", "lib", &reference], 3);
    assert!(refused.contains("docker login"), "{refused}");
    // `user:s3cret`
    let auths = json!({"auths": {&registry.address: {"auth": "dXNlcjpzM2NyZXQ="}}});
    place.write(".docker/config.json", auths.to_string());
    let pushed = prints(&place, &["bundle", "push", "lib", &reference]);
    assert_eq!(prints(&place, &["bundle", "pull", &reference, "-o", "pulled"]), pushed);
}

#[test]
fn tampering_is_noticed() {
    let Some(registry) = DockerRegistry::start() else { return };
    let place = place();
    let reference = format!("oci://{}/acme/lib:v1", registry.address);
    let pinned = prints(&place, &["bundle", "push", "lib", &reference, "--layout", "conftest"]);
    names_library(&place, &reference);
    prints(&place, &["bundle", "lock", "--no-cache"]);
    let good = std::fs::read(place.path().join("policy-libraries.json")).expect("a file");
    // The lock says other files.
    let mut bad: serde_json::Value = serde_json::from_slice(&good).expect("JSON");
    bad["libraries"]["acme"]["files"] = format!("sha256:{}", "0".repeat(64)).into();
    place.write("policy-libraries.json", bad.to_string());
    assert!(says(&place, &["eval", "--no-cache", "."], 2).contains("has changed"));
    // The registry delivers another blob, as long as the one that was pushed.
    place.write("policy-libraries.json", &good);
    assert_eq!(code(&place, &["eval", "--no-cache", "."]), 0);
    let digest = sha256(LIBRARY.as_bytes());
    let blob = registry.blob(&digest);
    std::fs::write(&blob, LIBRARY.replace("acme/", "evil/")).expect("a blob");
    let refused = says(&place, &["eval", "--no-cache", "."], 2);
    assert!(refused.contains(&digest), "{refused}");
    std::fs::write(&blob, LIBRARY).expect("a blob");
    // Another manifest.
    let manifest = pinned.trim().rsplit_once('@').expect("a digest").1;
    let blob = registry.blob(manifest);
    let text = std::fs::read_to_string(&blob).expect("a manifest");
    std::fs::write(&blob, text.replace("images.rego", "Images.rego")).expect("a blob");
    assert!(says(&place, &["eval", "--no-cache", "."], 2).contains(manifest));
}

/// As their tools make them: `oras push REF bundle.tar.gz` after `opa build`, whose names begin with a slash; and
/// `conftest push`, whose titles are the paths that it was given.
#[test]
fn artifacts_of_other_tools() {
    let Some(registry) = DockerRegistry::start() else { return };
    let place = Place::with_policy(POLICY);
    let repository = Repository::new(&registry.address, "others/lib");
    let push = |tag: &str, config: &str, layers: &[(&str, Option<&str>, Vec<u8>)]| {
        repository.push_blob(b"{}").expect("a config");
        let layers: Vec<_> = layers
            .iter()
            .map(|(media_type, title, content)| {
                repository.push_blob(content).expect("a layer");
                let annotations = title.map(|title| json!({"org.opencontainers.image.title": title}));
                json!({"mediaType": media_type, "digest": sha256(content), "size": content.len(), "annotations": annotations.unwrap_or(json!({}))})
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": config, "digest": sha256(b"{}"), "size": 2},
            "layers": layers,
        });
        repository.push_manifest(manifest.to_string().as_bytes(), Some(tag)).expect("a manifest");
        format!("oci://{}:{tag}", repository.reference())
    };
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    let rego = "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego";
    let data = "application/vnd.cncf.openpolicyagent.data.layer.v1+json";
    let bundle = |roots: &str| {
        let manifest = format!("{{\"revision\":\"abc\",\"roots\":[\"{roots}\"]}}");
        tar_gz(&[
            ("/data.json", b"{}"),
            ("/acme/images.rego", LIBRARY.as_bytes()),
            ("/.manifest", manifest.as_bytes()),
            ("/.signatures.json", b"{}"),
            ("/policy.wasm", b"\0asm"),
        ])
    };
    let opa = "application/vnd.oci.image.config.v1+json";
    for from in [
        push("opa", opa, &[(gzip, Some("bundle.tar.gz"), bundle(""))]),
        push(
            "conftest",
            "application/vnd.cncf.openpolicyagent.config.v1+json",
            &[
                (rego, Some("acme/images.rego"), LIBRARY.into()),
                (data, Some("acme/hosts.json"), b"[]".to_vec()),
            ],
        ),
    ] {
        names_library(&place, &from);
        prints(&place, &["bundle", "lock"]);
        prints(&place, &["eval", "."]);
    }
    for (from, reason) in [
        (push("roots", opa, &[(gzip, None, bundle("other"))]), "outside of the roots"),
        (push("twice", opa, &[(gzip, None, bundle("")), (gzip, None, tar_gz(&[]))]), "several layers"),
        (push("up", opa, &[(gzip, None, tar_gz(&[("../a.rego", b"package a")]))]), "no path"),
        (push("wasm", opa, &[("application/wasm", None, b"\0asm".to_vec())]), "neither an OPA bundle"),
        (push("untitled", opa, &[(rego, None, LIBRARY.into())]), "no title"),
        (push("outside", opa, &[(rego, Some("../../a.rego"), LIBRARY.into())]), "no path"),
        (
            push(
                "code",
                opa,
                &[(rego, Some("a.rego"), LIBRARY.into()), (data, Some("run.sh"), b"#!".to_vec())],
            ),
            "no place",
        ),
    ] {
        names_library(&place, &from);
        let refused = says(&place, &["bundle", "lock"], 2);
        assert!(refused.contains(reason), "{from}: {refused}");
    }
}

#[test]
fn folders_below_the_policy() {
    let place = place();
    names_library(&place, "lib");
    // The policy's own folder may change while it is written.
    prints(&place, &["eval", "."]);
    prints(&place, &["bundle", "lock"]);
    prints(&place, &["eval", "."]);
    place.write("lib/images.rego", LIBRARY.replace("acme/", "other/"));
    assert!(says(&place, &["eval", "."], 2).contains("has changed"));
    names_library(&place, "../elsewhere");
    assert!(says(&place, &["eval", "."], 2).contains("lies outside"));
    // Tests of policies find libraries as well.
    names_library(&place, "lib");
    place.write("lib/images.rego", LIBRARY);
    place.write("Dockerfile_test.rego", TEST.replace("acme.images_test", "docker"));
    prints(&place, &["test", "Dockerfile_test.rego"]);
}

/// As OPA loads bundles: the path of a file says nothing.
#[test]
fn packages_of_several_files() {
    let both = "allow if {\n\timages.from_a\n\timages.from_b\n}";
    let place = Place::with_policy(&POLICY.replace("allow if images.trusted", both));
    place.write("lib/rules/a.rego", "package acme.images\n\nfrom_a if input.image\n");
    place.write(
        "lib/rules/b.rego",
        "package acme.images\n\nimport data.acme.deep.names\n\nfrom_b if names.all\n",
    );
    place.write("lib/rules/c.rego", "package acme.deep.names\n\nall if input.image\n");
    place.write("lib/rules/a_test.rego", "package acme.images\n\nfrom_b := {\n");
    names_library(&place, "lib");
    let snapshot = json!({"version": 1, "tool": "t", "captured": "2026-01-01T00:00:00.000000000Z"});
    place.write("none.json", snapshot.to_string());
    let eval = ["eval", "--offline", "none.json", "docker-image://docker.io/library/alpine:3"];
    prints(&place, &eval);
    // A file of the package that says otherwise counts as well.
    place.write("lib/z.rego", "package acme.images\n\nfrom_a := false\n");
    let conflict = place.run(eval).finish();
    assert_ne!(conflict.code, 0, "{}{}", conflict.stdout, conflict.stderr);
}

#[test]
fn verify_runs_tests() {
    let place = Place::new();
    place.write("src/a.rego", ALLOW);
    assert!(prints(&place, &["bundle", "verify", "src"]).contains("src: 1 files, sha256:"));
    place.write("src/a_test.rego", "package docker\ntest_denies if not decision.allow\n");
    assert_eq!(code(&place, &["bundle", "verify", "src"]), 1);
    place.write("src/a.rego", "package docker\ndecision := {");
    assert_eq!(code(&place, &["bundle", "verify", "src"]), 2);
}

#[test]
fn commits() {
    if crate::world::World::running().is_none() {
        return;
    }
    let world = policy_testbed::World::from_env().expect("it runs");
    let place = place();
    let url = world.serve_repository("policy-library", place.path());
    let ca = world.ca.to_str().expect("UTF-8");
    names_library(&place, &format!("git::{url}#main:lib"));
    assert!(says(&place, &["eval", "--ca-cert", ca, "."], 2).contains("is not pinned"));
    let lock = prints(&place, &["bundle", "lock", "--ca-cert", ca]);
    let commit = locked(&place)["pin"].as_str().expect("a commit").to_owned();
    assert_eq!((lock, commit.len()), (format!("acme: pinned, {commit}\n"), 40));
    prints(&place, &["eval", "--ca-cert", ca, "."]);
    prints(&place, &["eval", "--no-cache", "--ca-cert", ca, "."]);
    // By its files' digest it is in the cache: nobody is asked, so no certificate is needed.
    prints(&place, &["eval", "."]);
    let here = Place::new();
    let whole = format!("git::{url}#{commit}");
    // What it imports is in there, by the package that it declares; it has no libraries.
    prints(&here, &["eval", "--ca-cert", ca, "--policy", &whole, "."]);
    place.write("lib/images.rego", LIBRARY.replace("acme.images", "other.images"));
    let url = world.serve_repository("policy-library-alone", place.path());
    let alone =
        says(&here, &["bundle", "pull", "--ca-cert", ca, &format!("git::{url}#main"), "-o", "out"], 0);
    let pinned = alone.lines().find(|line| line.starts_with("git://")).expect("a commit");
    let commit = pinned.split_once('#').expect("a commit").1;
    let alone = says(&here, &["eval", "--ca-cert", ca, "--policy", &format!("git::{url}#{commit}"), "."], 2);
    assert!(alone.contains("acme/images.rego"), "{alone}");
}

fn sha256(content: &[u8]) -> String {
    policy_signing::digest_of(content)
}

fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        let name = header.as_gnu_mut().expect("a GNU header");
        name.name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, *content).expect("an entry");
    }
    builder.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive")
}
