//! The library in `policies/`: its tests pass, all of it is tested, and its documentation is what its comments say.

mod docs;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Place, run_in};

fn policies() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

#[test]
fn the_tests_of_the_library_pass() {
    let run = run_in(&policies(), ["test", "--strict", "--coverage", "--min-coverage", "99", "."]).finish();
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
        if name.ends_with("_test.rego") {
            continue;
        }
        let tests = PathBuf::from(name.replace(".rego", "_test.rego"));
        assert!(tests.is_file(), "{name} has no tests beside it");
    }
}

/// What the page says to type works, in a repository beside a checkout of this one.
#[test]
fn the_commands_on_the_page_work() {
    let page = std::fs::read_to_string(policies().join("README.md")).expect("policies/README.md");
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() > 5, "{commands:?}");
    let place = Place::new();
    let copied = Command::new("cp").arg("-r").arg(policies()).arg(place.path()).status().expect("cp");
    assert!(copied.success());
    let policies = place.path().join("policies");
    std::fs::create_dir(place.path().join("policy-check")).expect("a folder");
    std::fs::rename(policies, place.path().join("policy-check/policies")).expect("it is moved");
    place.write("repository/Dockerfile", "FROM scratch\nCOPY . /\n");
    let binary = Path::new(env!("CARGO_BIN_EXE_policy-check")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).current_dir(place.path().join("repository"));
        shell.env("PATH", format!("{}:{path}", binary.display())).env("HOME", place.path());
        let run = shell.output().expect("a shell");
        let shown = [run.stdout, run.stderr].concat();
        assert!(run.status.success(), "{command}: {}", String::from_utf8_lossy(&shown));
    }
}

/// Every example in the comments is Rego that loads, with nothing to warn of, where its file is imported.
#[test]
fn the_examples_load() {
    let place = Place::new();
    place.bring_library();
    let examples = docs::examples(&policies());
    assert!(examples.len() > 40, "{} examples are found", examples.len());
    for (import, example) in examples {
        let rules = match example.starts_with("deny_msg contains ") {
            true => format!("allow if input.local\n\n{example}"),
            false => format!("allow if {{\n{example}\n}}"),
        };
        let policy = format!(
            "package docker\n\nimport {import}\n\ndefault allow := false\n\n{rules}\n\n\
             decision := {{\"allow\": allow}}\n"
        );
        place.write("Dockerfile.rego", &policy);
        let run = place.run(["eval", "--strict", "."]).finish();
        assert!(run.code < 2 && run.stderr.is_empty(), "{policy}{}{}", run.stdout, run.stderr);
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
