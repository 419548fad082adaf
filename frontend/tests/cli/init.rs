//! `init` writes a policy with tests that pass, and never over somebody's work.

use insta::assert_snapshot;

use crate::harness::Place;

#[test]
fn a_policy_and_its_tests() {
    let place = Place::new();
    place.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    assert_snapshot!(place.run(["init"]).shown(), @r"
    exit: 0
    -- stdout --
    Dockerfile.rego: written
    Dockerfile_test.rego: written
    -- stderr --
    note: edit the policy, run its tests with `policy-check test .`, try it with `policy-check dry-run .`
    ");
    // What was written is what `dry-run` and `test` take.
    let dry_run = place.run(["dry-run", "--require-policy", "--strict", "."]).finish();
    assert_eq!((dry_run.code, dry_run.stderr.as_str()), (0, ""), "{}", dry_run.stdout);
    let again = place.run(["init", "-q", "."]).finish();
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    assert_eq!(again.stdout, "Dockerfile.rego: up to date\nDockerfile_test.rego: up to date\n");
}

#[test]
fn every_starter_passes_its_tests() {
    for starter in ["baseline", "strict", "library"] {
        let place = Place::new();
        let init = place.run(["init", "--starter", starter]).finish();
        assert_eq!(init.code, 0, "{starter}: {}", init.stderr);
        let test = place.run(["test", "--strict", "."]).finish();
        assert_eq!(test.code, 0, "{starter}: {}{}", test.stdout, test.stderr);
        assert!(test.stdout.contains(" passed"), "{starter}: {}", test.stdout);
    }
}

#[test]
fn nothing_is_replaced() {
    let place = Place::new();
    place.write("app.Dockerfile", "FROM scratch\n");
    place.write("app.Dockerfile.rego", "package docker\n");
    assert_snapshot!(place.run(["init", "app.Dockerfile"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is already `app.Dockerfile.rego`
    help: `--force` replaces it; nothing was written
    ");
    assert!(!place.path().join("app.Dockerfile_test.rego").exists());
    assert_snapshot!(place.run(["init", "--force", "app.Dockerfile"]).shown(), @r"
    exit: 0
    -- stdout --
    app.Dockerfile.rego: written
    app.Dockerfile_test.rego: written
    -- stderr --
    note: edit the policy, run its tests with `policy-check test .`, try it with `policy-check dry-run --file app.Dockerfile .`
    ");
}

#[test]
fn no_folder() {
    assert_snapshot!(Place::new().run(["init", "nope"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is no folder `nope` to write a policy to
    ");
}

#[test]
fn the_library_comes_along_where_it_is_wanted() {
    let place = Place::new();
    let init = place.run(["init", "--library"]).finish();
    assert_eq!(init.code, 0, "{}", init.stderr);
    assert!(init.stdout.contains("lib/images/digests.rego: written\n"), "{}", init.stdout);
    place.write(
        "Dockerfile.rego",
        "package docker\n\nimport data.lib.images.digests\n\ndefault allow := false\n\nallow if input.local\n\n\
         allow if digests.pinned(input.image)\n\ndecision := {\"allow\": allow}\n",
    );
    let eval = place.run(["eval", "--strict", "docker-image://alpine"]).finish();
    assert_eq!((eval.code, eval.stderr.as_str()), (1, ""), "{}", eval.stdout);
}
