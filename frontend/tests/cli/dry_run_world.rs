//! Whole builds whose contexts and sources lie on servers: those of `fixtures/world`.

use policy_testbed::World;

use crate::harness::{Place, Run};

/// The running world, or none, aloud.
fn world() -> Option<World> {
    crate::world::World::running()?;
    Some(World::from_env().expect("it runs"))
}

fn dry_run(world: &World, place: &Place, args: &[&str]) -> Run {
    let ca = world.ca.to_str().expect("UTF-8");
    let args =
        ["dry-run", "--ca-cert", ca, "--platform", "linux/amd64"].into_iter().chain(args.iter().copied());
    place.run(args).replace(&world.registry, "REGISTRY").replace(&world.http, "FILES")
}

/// A context with a policy that reads a file of it, and of which one source is denied.
fn context(world: &World) -> Place {
    let place = Place::new();
    place.write("app/Dockerfile", format!("FROM {}\nCOPY . /\n", world.image("library/base:1.0")));
    place.write("app/Other", format!("FROM {}\n", world.image("library/multi:1.0")));
    let rego = "package docker\n\nimport data.lib.hosts\n\ndefault allow := false\n\nallow if not input.image\n\n\
                allow if input.image.repo in hosts.allowed\n\ndecision := {\"allow\": allow}\n";
    place.write("app/Dockerfile.rego", rego);
    place.write("app/Other.rego", rego);
    place.write("app/lib/hosts.rego", "package hosts\n\nallowed := load_json(\"pins.json\")\n");
    place.write("app/pins.json", format!("[\"{}\"]", world.image("library/base")));
    place
}

#[test]
fn a_git_context_brings_its_policy() {
    let Some(world) = world() else { return };
    let place = context(&world);
    let url = world.serve_repository("dry-run-git", place.path());
    let allowed = dry_run(&world, &place, &[&format!("{url}#main:app")]).finish();
    assert_eq!(allowed.code, 0, "{}{}", allowed.stdout, allowed.stderr);
    assert!(
        allowed.stdout.contains("allowed git://FILES/git/dry-run-git.git#main:app"),
        "{}",
        allowed.stdout
    );
    assert!(allowed.stdout.contains("2 sources: 2 allowed\n"), "{}", allowed.stdout);
    let denied = dry_run(&world, &place, &["-f", "Other", &format!("{url}#:app")]).finish();
    assert_eq!(denied.code, 1, "{}{}", denied.stdout, denied.stderr);
    assert!(denied.stdout.contains("Other.rego:5:1"), "{}", denied.stdout);

    let nowhere = dry_run(&world, &place, &[&format!("{url}#main:nope")]).finish();
    assert_eq!(nowhere.code, 3, "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("has no folder \"nope\""), "{}", nowhere.stderr);
    // The repository's root has neither Dockerfile nor policy.
    assert_eq!(dry_run(&world, &place, &[&url]).finish().code, 2);
}

#[test]
fn an_archive_and_a_dockerfile_behind_a_url() {
    let Some(world) = world() else { return };
    let place = context(&world);
    let url = world.serve_archive("dry-run-archive", &place.path().join("app"));
    let run = dry_run(&world, &place, &[&url]).finish();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("allowed http://FILES/made/dry-run-archive.tar.gz"), "{}", run.stdout);

    // What is no archive is a Dockerfile: of the world's files none is one.
    let text = dry_run(&world, &place, &[&format!("http://{}/files/artifact.txt", world.http)]).finish();
    assert_eq!(text.code, 2, "{}{}", text.stdout, text.stderr);
    assert!(
        text.stderr.contains("http://FILES/files/artifact.txt:1: unknown instruction"),
        "{}",
        text.stderr
    );
}

#[test]
fn a_pin_is_loaded_in_place_of_the_tag() {
    let Some(world) = world() else { return };
    let place = Place::new();
    place.write("Dockerfile", format!("FROM {}\n", world.image("library/base:1.0")));
    let noattest = dry_run(&world, &place, &["--format", "json", "--build-arg", "X=1", "."]).finish();
    let report: serde_json::Value = serde_json::from_str(&noattest.stdout).unwrap();
    let digest = report["builds"][0]["sources"][2]["digest"].as_str().expect("it was looked up").to_owned();

    let rego = format!(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\nallow if input.image.isCanonical\n\n\
         allow if pin_image(input.image, \"{digest}\")\n\ndecision := {{\"allow\": allow}}\n"
    );
    place.write("Dockerfile.rego", rego);
    let run = dry_run(&world, &place, &["."]).replace(&digest, "DIGEST").finish();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let pinned = "  pinned to docker-image://REGISTRY/library/base:1.0@DIGEST\n";
    assert!(run.stdout.contains(pinned), "{}", run.stdout);

    // A pin to what isn't there can't be loaded.
    place.write(
        "Dockerfile.rego",
        std::fs::read_to_string(place.path().join("Dockerfile.rego"))
            .unwrap()
            .replace(&digest, &format!("sha256:{}", "0".repeat(64))),
    );
    let run = dry_run(&world, &place, &["."]).finish();
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("undecided[unresolvable-source]"), "{}", run.stdout);
}

#[test]
fn each_platform_is_decided() {
    let Some(world) = world() else { return };
    let place = Place::with_policy(
        "package docker\n\ndefault allow := false\n\nallow if input.local\nallow if input.image.arch == \"arm64\"\n\n\
         decision := {\"allow\": allow}\n",
    );
    place.write("Dockerfile", format!("FROM {}\n", world.image("library/multi:1.0")));
    let run = dry_run(&world, &place, &["--platform", "linux/arm64", "."]).finish();
    assert_eq!(run.code, 1, "{}", run.stdout);
    let lines: Vec<_> = run
        .stdout
        .lines()
        .filter(|line| line.contains("library/multi") && line.contains("Dockerfile"))
        .collect();
    assert_eq!(
        lines,
        [
            "denied docker-image://REGISTRY/library/multi:1.0 (linux/amd64) Dockerfile:1",
            "allowed docker-image://REGISTRY/library/multi:1.0 (linux/arm64) Dockerfile:1",
        ]
    );
}

#[test]
fn redirects_are_judged_for_each_source() {
    let Some(world) = world() else { return };
    let place = Place::with_policy(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
         allow if {\n  startswith(input.http.path, \"/redirect\")\n  input.http.checksum\n}\n\ndecision := {\"allow\": allow}\n",
    );
    let http = &world.http;
    place.write(
        "Dockerfile",
        format!("FROM scratch\nADD http://{http}/redirect/artifact.txt /\nADD http://{http}/files/artifact.txt /\n"),
    );
    let run = dry_run(&world, &place, &["."]).finish();
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("- redirect to http://FILES/files/artifact.txt is denied"), "{}", run.stdout);
}
