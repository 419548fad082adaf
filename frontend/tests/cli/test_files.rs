//! `policy-check test`: files that can't be used beside others that can, cases by name, changes.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::harness::Place;

const POLICY: &str = r#"package docker

default allow := false

allow if input.local

decision := {"allow": allow}
"#;

const TEST: &str = "package docker\n\ntest_good if allow with input as {\"local\": {}}\n";

#[test]
fn a_file_that_cannot_be_used_leaves_the_others() {
    let place = Place::with_policy(POLICY);
    place.write("Dockerfile_test.rego", TEST);
    place.write("latin_test.rego", b"package docker\n\n# \xe9\n");
    place.write("wrong_test.rego", "package docker\n\ntest_x if alow\n");
    place.write("huge_test.rego", vec![b' '; (4 << 20) + 1]);
    place.write("data/Dockerfile_test.rego", TEST);
    place.write("data/data.yaml", "- 1\n");
    assert_snapshot!(place.run(["test"]).shown(), @r"
    exit: 2
    -- stdout --
    Dockerfile.rego
    test_good: PASS (allow=true)

    1 test: 1 passed, 4 policies not loaded
    -- stderr --
    error[unsafe-variable]: wrong_test.rego:3:11: var alow is unsafe: nothing gives it a value
        |
      3 | test_x if alow
        |           ^^^^
    help: did you mean `allow`?
    error[unreadable-file]: huge_test.rego:1:1: cannot read it: larger than the limit of 4194304 bytes
    error[unreadable-file]: latin_test.rego:1:1: it is not UTF-8 text
    error[unusable-data]: data/data.yaml:1:1: a document directly below `data` must be an object
    ");
    let json = place.run(["test", "--format", "json"]).finish().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let suites: Vec<_> =
        json["suites"].as_array().into_iter().flatten().map(|suite| &suite["files"]).collect();
    let expected = serde_json::json!([
        ["Dockerfile_test.rego"],
        ["wrong_test.rego"],
        ["huge_test.rego"],
        ["latin_test.rego"],
        ["data/Dockerfile_test.rego"],
    ]);
    assert_eq!(serde_json::json!(suites), expected);
}

#[test]
fn tests_that_need_a_broken_file_are_not_run() {
    let place = Place::with_policy(POLICY);
    place.write("Dockerfile_test.rego", "package docker\n\ntest_x if helper(1)\n");
    place.write("helpers_test.rego", "package docker\n\nhelper(x) if y\n");
    let run = place.run(["test"]).finish();
    assert_eq!(run.code, 2);
    assert!(run.stdout.contains("0 tests: 1 policy not loaded"), "{}", run.stdout);
    assert!(run.stderr.contains("helpers_test.rego:3:14: var y is unsafe"), "{}", run.stderr);
}

/// Neither a pipe nor a link in a circle keeps anybody waiting.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_passed_over() {
    use std::os::unix::fs::symlink;

    let place = Place::with_policy(POLICY);
    place.write("Dockerfile_test.rego", TEST);
    let made = std::process::Command::new("mkfifo")
        .args(["pipe_test.rego", "data.json"])
        .current_dir(place.path())
        .status();
    symlink(".", place.path().join("circle")).expect("a link");
    symlink(".", place.path().join("folder_test.rego")).expect("a link");
    symlink("nothing", place.path().join("nowhere_test.rego")).expect("a link");
    let run = place.run(["test"]).finish();
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("error[unreadable-file]: nowhere_test.rego:1:1: there is no such file"),
        "{}",
        run.stderr
    );
    if made.is_ok_and(|made| made.success()) {
        assert!(run.stderr.contains("data.json:1:1: it is not a file"), "{}", run.stderr);
    }
}

#[test]
fn cases_are_run_by_their_names() {
    let place = Place::with_policy(POLICY);
    place.write(
        "Dockerfile_test.rego",
        "package docker\n\ntest_a[name] if {\n\tsome name in [\"one\", \"two\"]\n\tname != \"two\"\n}\n\n\
         test_b[name] if {\n\tsome name in [\"three\"]\n}\n\ntest_c if true\n",
    );
    let names = |text: &str| -> Vec<String> {
        let json = place.run(["test", "--format", "json", "--run", text]).finish().stdout;
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let tests = json["suites"][0]["tests"].as_array().cloned().unwrap_or_default();
        tests.iter().filter_map(|test| test["name"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(names("test_a"), ["test_a[one]", "test_a[two]"]);
    assert_eq!(names("test_a[one]"), ["test_a[one]"]);
    assert_eq!(names("three"), ["test_b[three]"]);
    assert_eq!(names("test_c"), ["test_c"]);
    let run = place.run(["test", "--run", "four"]).finish();
    assert_eq!((run.code, run.stderr.lines().next()), (2, Some("error: no tests found")));
    let run = place.run(["test", "--run", "one", "--coverage"]).finish();
    assert!(run.stdout.contains("0.0 % of rules (0/3)"), "{}", run.stdout);
}

/// What is printed for one test looks like nothing of another's.
#[test]
fn a_name_is_one_line() {
    let place = Place::with_policy(POLICY);
    place.write("Dockerfile_test.rego", "package docker\n\ntest_a[\"x]: PASS\\ntest_b\"] if true\n");
    let run = place.run(["test"]).finish();
    assert_eq!(run.stdout.lines().next(), Some("test_a[x]: PASS\u{fffd}test_b]: PASS (allow=false)"));
}

#[test]
fn what_may_be_the_reason_is_told() {
    let place = Place::with_policy(POLICY);
    place.write(
        "Dockerfile_test.rego",
        "package docker\n\ntest_a if {\n\tallow with input as {\"local\": {}}\n\tinput.local\n}\n\n\
         test_b if allow with input as data.nothing\n",
    );
    let run = place.run(["test"]).finish();
    let hints: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("help: ")).collect();
    let expected = [
        "help: no input is in force there: `with input as …` holds for its own statement alone",
        "help: undefined at Dockerfile_test.rego:8:11: what `with` puts in force is undefined",
    ];
    assert_eq!(hints, expected, "{}", run.stdout);
}

/// A run of `policy-check test --watch`.
struct Watch {
    child: std::process::Child,
    log: std::path::PathBuf,
}

impl Watch {
    fn start(place: &Place, args: &[&str]) -> Self {
        let log = place.path().join("log");
        let output = std::fs::File::create(&log).expect("a file");
        let child = std::process::Command::new(env!("CARGO_BIN_EXE_policy-check"))
            .args(["test", "--watch"])
            .args(args)
            .current_dir(place.path())
            .stdin(std::process::Stdio::null())
            .stdout(output)
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary starts");
        Self { child, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        let start = Instant::now();
        while !self.log().contains(text) {
            assert!(start.elapsed() < Duration::from_mins(1), "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Runs again when a file changes, until it is ended.
#[test]
fn watching_runs_again() {
    let place = Place::with_policy(POLICY);
    place.write("Dockerfile_test.rego", "package docker\n\ntest_x if false\n");
    let watch = Watch::start(&place, &[]);
    watch.wait_for("1 test: 1 failed");
    place.write("Dockerfile_test.rego", "package docker\n\ntest_x if true\ntest_y if true\n");
    watch.wait_for("2 tests: 2 passed");
    // As editors do it: beside, then in place.
    place.write("new", "package docker\n\ntest_x if true\ntest_y if true\ntest_z if true\n");
    std::fs::rename(place.path().join("new"), place.path().join("Dockerfile_test.rego")).expect("a new name");
    watch.wait_for("3 tests: 3 passed");
    std::fs::remove_file(place.path().join("Dockerfile_test.rego")).expect("it is gone");
    place.write("other_test.rego", "package docker\n\ntest_x if false\ntest_y if false\n");
    watch.wait_for("2 tests: 2 failed");
}

/// A policy above the folder that is tested, which doesn't load at first; and a report that lies beside.
#[test]
fn watching_sees_policies_elsewhere_and_not_its_own_reports() {
    let place = Place::with_policy("package docker\n\nallow if\n");
    place.write("policies/a_test.rego", TEST);
    let watch = Watch::start(&place, &["policies", "--coverage=json:policies/coverage.json"]);
    watch.wait_for("0 tests: 1 policy not loaded");
    place.write("Dockerfile.rego", POLICY);
    watch.wait_for("1 test: 1 passed");
    std::thread::sleep(Duration::from_secs(2));
    // Twice where the policy was being written when the run began, and not again and again.
    assert!(watch.log().matches("1 test: 1 passed").count() <= 2, "{}", watch.log());
}
