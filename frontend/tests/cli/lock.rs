//! `lock` writes what sources are, `--check` tells when they are something else, and the policy denies it.

use insta::assert_snapshot;
use policy_testbed::World;

use crate::harness::{Finished, Place};

const POLICY: &str = include_str!("../../../policies/lock/lock.rego");
const LIBRARY: &str = include_str!("../../../policies/lib/locks/lockfile.rego");

/// The running world, or none, aloud.
fn world() -> Option<World> {
    crate::world::World::running()?;
    Some(World::from_env().expect("it runs"))
}

fn run(world: &World, place: &Place, args: &[&str]) -> Finished {
    let ca = world.ca.to_str().expect("UTF-8");
    let (command, args) = args.split_first().expect("a command");
    let common = [*command, "--ca-cert", ca, "--platform", "linux/amd64"];
    let run = place.run(common.into_iter().chain(args.iter().copied()));
    run.replace(&world.registry, "REGISTRY").replace(&world.http, "FILES").finish()
}

/// A build with a source of each kind, of which the archive can change.
fn build(world: &World, name: &str) -> Place {
    let place = Place::with_policy(POLICY);
    place.write("lib/locks/lockfile.rego", LIBRARY);
    place.write("content/a", "1");
    let archive = world.serve_archive(name, &place.path().join("content"));
    let (image, git) = (world.image("library/base:1.0"), format!("http://{}/git/repo.git#main", world.http));
    place.write("Dockerfile", format!("FROM {image}\nADD {archive} /a\nADD {git} /g\n"));
    place
}

#[test]
fn the_whole_cycle() {
    let Some(world) = world() else { return };
    let place = build(&world, "lock-cycle");
    // Nothing is locked yet.
    assert_eq!(run(&world, &place, &["lock", "--check", "."]).code, 1);
    assert!(!place.path().join("Dockerfile.lock.json").exists());

    let written = run(&world, &place, &["lock", "."]);
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
    assert!(
        written.stdout.starts_with("Dockerfile.lock.json: written, 3 sources\n+ REGISTRY/"),
        "{}",
        written.stdout
    );
    let lock = std::fs::read_to_string(place.path().join("Dockerfile.lock.json")).expect("a lock");
    assert_eq!(run(&world, &place, &["lock", "."]).stdout, "Dockerfile.lock.json: up to date, 3 sources\n");
    assert_eq!(std::fs::read_to_string(place.path().join("Dockerfile.lock.json")).expect("a lock"), lock);
    let allowed = run(&world, &place, &["dry-run", "."]);
    assert_eq!(allowed.code, 0, "{}{}", allowed.stdout, allowed.stderr);

    place.write("content/a", "2");
    world.serve_archive("lock-cycle", &place.path().join("content"));
    let denied = run(&world, &place, &["dry-run", "."]);
    assert_eq!(denied.code, 1, "{}{}", denied.stdout, denied.stderr);
    let message = "http://FILES/made/lock-cycle.tar.gz was locked as sha256:";
    assert!(denied.stdout.contains(message) && denied.stdout.contains("1 denied"), "{}", denied.stdout);
    let stale = run(&world, &place, &["lock", "--check", "."]);
    assert_eq!(stale.code, 1);
    let lines: Vec<_> =
        stale.stdout.lines().map(|line| line.split("sha256").next().expect("a line")).collect();
    let url = "http://FILES/made/lock-cycle.tar.gz ";
    assert_eq!(lines, ["Dockerfile.lock.json: stale, 3 sources", &format!("- {url}"), &format!("+ {url}")]);
    assert_eq!(std::fs::read_to_string(place.path().join("Dockerfile.lock.json")).expect("a lock"), lock);

    assert_eq!(run(&world, &place, &["lock", "."]).code, 0);
    assert_eq!(run(&world, &place, &["lock", "--check", "."]).code, 0);
    assert_eq!(run(&world, &place, &["dry-run", "."]).code, 0);
}

/// A tag that has moved since: the lock has another digest.
#[test]
fn moved_tags_and_new_sources_are_denied() {
    let Some(world) = world() else { return };
    let place = build(&world, "lock-moved");
    assert_eq!(run(&world, &place, &["lock", "."]).code, 0);
    let path = place.path().join("Dockerfile.lock.json");
    let mut lock: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("a lock")).expect("JSON");
    let images = lock["images"].as_object_mut().expect("images");
    images.values_mut().for_each(|digest| *digest = format!("sha256:{}", "0".repeat(64)).into());
    place.write("Dockerfile.lock.json", lock.to_string());
    let moved = run(&world, &place, &["dry-run", "."]);
    assert_eq!(moved.code, 1, "{}", moved.stdout);
    assert!(
        moved.stdout.contains("REGISTRY/library/base:1.0 was locked as sha256:000000"),
        "{}",
        moved.stdout
    );

    let text = std::fs::read_to_string(place.path().join("Dockerfile")).expect("a Dockerfile");
    place.write("Dockerfile", format!("{text}ADD http://{}/files/artifact.txt /t\n", world.http));
    let new = run(&world, &place, &["dry-run", "."]);
    assert!(new.stdout.contains("http://FILES/files/artifact.txt is not locked"), "{}", new.stdout);
}

#[test]
fn what_cannot_be_locked() {
    let Some(world) = world() else { return };
    let place = Place::new();
    let locked = |dockerfile: String, args: &[&str]| {
        place.write("Dockerfile", dockerfile);
        let Finished { code, stdout, stderr } = run(&world, &place, args);
        format!("exit: {code}\n{stdout}{stderr}")
    };
    let nope = format!("FROM {}\n", world.image("library/nope:1"));
    assert_snapshot!(locked(nope, &["lock", "."]), @r"
    exit: 3
    error: nothing was locked: cannot resolve `docker-image://REGISTRY/library/nope:1`: REGISTRY/library/nope:1: image not found; check the name, the tag and the digest
    ");
    let secret = format!("FROM scratch\nADD http://user:s3cret@{}/files/artifact.txt /a\n", world.http);
    assert_snapshot!(locked(secret, &["lock", "."]), @r"
    exit: 2
    error: cannot lock `http://***@FILES/files/artifact.txt`: its URL has credentials, which don't belong into a file
    help: give the build the credentials as a secret instead
    ");
    assert!(!place.path().join("Dockerfile.lock.json").exists());
}

#[test]
fn without_a_network() {
    let place = Place::new();
    assert_snapshot!(place.run(["lock"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is nothing to look at: name a build context
    help: `policy-check dry-run .` looks at the Dockerfile of this folder
    ");
    assert_snapshot!(place.run(["lock", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read the Dockerfile `Dockerfile`: there is no such file
    help: name the Dockerfile with `--file`
    ");
    assert_snapshot!(place.run(["lock", "-"]).stdin("FROM scratch\n").shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: the Dockerfile `-` is no file of this machine, so nothing says where its lock belongs
    help: name a file with `--output FILE`
    ");
    place.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    assert_snapshot!(place.run(["lock", "."]).shown(), @r"
    exit: 0
    -- stdout --
    Dockerfile.lock.json: written, 0 sources
    -- stderr --
    ");
    place.write("Dockerfile.lock.json", "{");
    assert_snapshot!(place.run(["lock", "--check", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read the lock `Dockerfile.lock.json`: EOF while parsing an object at line 1 column 1
    help: remove the file, and write it again with `policy-check lock`
    ");
    assert_snapshot!(place.run(["lock", "-", "-o", "other.json"]).stdin("FROM scratch\n").shown(), @r"
    exit: 0
    -- stdout --
    other.json: written, 0 sources
    -- stderr --
    ");
}
