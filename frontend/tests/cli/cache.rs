//! What is kept from one run to the next, as its users see it.

use insta::assert_snapshot;

use crate::harness::Place;
use crate::world::World;

#[test]
fn an_empty_cache() {
    let place = Place::new();
    assert_snapshot!(place.run(["cache", "info"]).replace(place.path().to_str().expect("UTF-8"), "HOME").shown(), @r"
    exit: 0
    -- stdout --
    folder   HOME/.cache/policy-check
    entries  0
    size     0 B of 512.0 MiB
    -- stderr --
    ");
    assert_snapshot!(place.run(["cache", "prune", "--cache-dir", "d", "--cache-size", "1MiB"]).shown(), @r"
    exit: 0
    -- stdout --
    removed 0 entries, 0 B, from d
    -- stderr --
    ");
    assert_snapshot!(place.run(["cache", "clear"]).env("POLICY_CHECK_CACHE_DIR", "e").shown(), @r"
    exit: 0
    -- stdout --
    removed 0 entries, 0 B, from e
    -- stderr --
    ");
    assert_snapshot!(place.run(["cache", "prune", "--cache-size", "much"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: invalid value 'much' for '--cache-size <SIZE>': `much` is no size: write a whole number and a unit, such as 512MiB

    For more information, try '--help'.
    ");
    assert!(!place.path().join(".cache").exists());
}

const PROVENANCE: &str = "package docker\n\nallow if {\n\tinput.image.provenance\n\tinput.image.labels\n}\n\n\
                          default allow := false\n\ndecision := {\"allow\": allow}\n";
const SOURCE: &str = "docker-image://localhost:5000/library/base:1.0";

#[test]
fn a_full_cache() {
    let Some(world) = World::running() else { return };
    let place = Place::with_policy(PROVENANCE);
    let first = world.eval(&place, &[SOURCE]).shown();
    assert!(first.starts_with("exit: 0\n"), "{first}");
    let info = place.run(["cache", "info"]).finish().stdout;
    assert!(info.contains("entries  4\n"), "{info}");
    assert_eq!(world.eval(&place, &[SOURCE]).shown(), first);
    assert_eq!(place.run(["cache", "info"]).finish().stdout, info);

    let pruned = place.run(["cache", "prune", "--cache-size", "0"]).finish().stdout;
    assert!(pruned.starts_with("removed 4 entries, "), "{pruned}");
    assert_eq!(world.eval(&place, &["--no-cache", SOURCE]).shown(), first);
    assert!(place.run(["cache", "info"]).finish().stdout.contains("entries  0\n"));
}

/// Runs that write one and the same cache at the same time.
#[test]
fn concurrent_runs() {
    let Some(world) = World::running() else { return };
    let place = Place::with_policy(PROVENANCE);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    world.eval(&place, &["--cache-dir", "shared", "--cache-size", "8KiB", SOURCE]).shown()
                })
            })
            .collect();
        for run in runs {
            let shown = run.join().expect("a run");
            assert!(shown.starts_with("exit: 0\n") && shown.ends_with("-- stderr --\n"), "{shown}");
        }
    });
    let left = std::fs::read_dir(place.path().join("shared/v1/tmp")).expect("a folder").count();
    assert_eq!(left, 0);
}

#[test]
fn a_cache_that_cannot_be_written() {
    let Some(world) = World::running() else { return };
    let place = Place::with_policy(PROVENANCE);
    place.write("file", "");
    assert_snapshot!(world.eval(&place, &["--cache-dir", "file", SOURCE]).shown(), @r"
    exit: 0
    -- stdout --
    allowed docker-image://localhost:5000/library/base:1.0 (linux/amd64)
      decided at Dockerfile.rego:3:1
    -- stderr --
    warning: cannot read the cache `file`: Not a directory (os error 20); `--no-cache` does without
    ");
}
