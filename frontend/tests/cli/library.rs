//! The library in `policies/`: its tests pass, all of it is tested, and its documentation is what its comments say.

mod docs;

use std::path::PathBuf;

use crate::harness::run_in;

fn policies() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

#[test]
fn the_tests_of_the_library_pass() {
    let run = run_in(&policies(), ["test", "--strict", "--coverage", "--min-coverage", "95", "."]).finish();
    let failed: Vec<&str> = run.stdout.lines().filter(|line| !line.contains(": PASS")).collect();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", failed.join("\n"));
}

/// Imports are found in a folder above the tests, so nobody has to say which.
#[test]
fn the_tests_of_the_library_pass_from_the_repository_above() {
    let run = run_in(&policies().join(".."), ["test", "--strict", "-q", "policies"]).finish();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let run = run_in(&policies().join(".."), ["lint", "policies"]).finish();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
}

#[test]
fn the_documented_tests_pass() {
    let folder = policies().join("../fixtures/examples/testing");
    let run = run_in(&folder, ["test", "."]).finish();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("11 tests: 11 passed"), "{}", run.stdout);
}

#[test]
fn every_file_has_tests_beside_it() {
    for file in docs::rego_files(&policies()) {
        let name = file.to_str().expect("UTF-8");
        if name.ends_with("_test.rego") || name.ends_with("builtin/helpers.rego") {
            continue;
        }
        let tests = PathBuf::from(name.replace(".rego", "_test.rego"));
        assert!(tests.is_file(), "{name} has no tests beside it");
    }
}

/// `POLICY_CHECK_WRITE_DOCS=1 cargo test -p policy-check --test cli library` writes it anew.
#[test]
fn the_documentation_is_what_the_library_says() {
    let path = policies().join("README.md");
    let wanted = docs::readme(&policies());
    if std::env::var_os("POLICY_CHECK_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("policies/README.md can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted.lines().zip(found.lines()).position(|(wanted, found)| wanted != found);
    assert!(
        wanted == found,
        "policies/README.md is not what the comments in policies/ say (line {}): write it with \
         `POLICY_CHECK_WRITE_DOCS=1 cargo test -p policy-check --test cli library`",
        differs.map_or_else(|| wanted.lines().count().min(found.lines().count()) + 1, |line| line + 1),
    );
}
