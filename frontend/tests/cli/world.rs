//! Each kind of source in a real registry, git server and file server.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Once;

use insta::assert_snapshot;

use crate::harness::{Place, Run};

/// Where the world runs, and what it is called in recordings.
pub(crate) struct World {
    /// Addresses: the one in use, and the one that recordings name.
    addresses: [(String, &'static str); 3],
    ca: PathBuf,
}

impl World {
    /// The running world, or none, aloud.
    pub(crate) fn running() -> Option<Self> {
        let Some(dir) = std::env::var_os("POLICY_CHECK_WORLD").map(PathBuf::from) else {
            say_skipped();
            return None;
        };
        let text = std::fs::read_to_string(dir.join("env")).expect("the world's `env` file; is it up?");
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("no `{key}` in the world's `env` file")).to_owned()
        };
        Some(Self {
            addresses: [
                (value("registry"), "localhost:5000"),
                (value("http"), "127.0.0.1:8088"),
                (value("https"), "127.0.0.1:8443"),
            ],
            ca: value("ca").into(),
        })
    }

    /// The running world, if its registry has the very address that recorded provenance names: what is
    /// addressed by its digest cannot be translated. `.ci/run` gives it that address where it is free.
    pub(crate) fn as_recorded() -> Option<Self> {
        let world = Self::running()?;
        let (used, recorded) = &world.addresses[0];
        if used != recorded {
            let text =
                format!("SKIPPED: recorded materials; start the world with its registry on {recorded}");
            writeln!(std::io::stderr(), "{text}").expect("standard error");
            return None;
        }
        Some(world)
    }

    /// A text in which the world has the addresses of the recordings, with those that it has here.
    pub(crate) fn here(&self, text: &str) -> String {
        self.addresses.iter().fold(text.to_owned(), |text, (used, recorded)| text.replace(recorded, used))
    }

    /// `host:port` of its registry.
    pub(crate) fn registry(&self) -> &str {
        &self.addresses[0].0
    }

    /// `policy-check eval` with these arguments, in which the world has the addresses of the recordings.
    pub(crate) fn eval(&self, place: &Place, args: &[&str]) -> Run {
        let args: Vec<String> = args.iter().map(|arg| self.here(arg)).collect();
        let ca = self.ca.to_str().expect("UTF-8");
        let platform =
            if args.iter().any(|arg| arg == "--platform") { &[][..] } else { &["--platform", "linux/amd64"] };
        let given = args.iter().map(String::as_str);
        let run =
            place.run(["eval", "--ca-cert", ca].into_iter().chain(platform.iter().copied()).chain(given));
        self.addresses.iter().fold(run, |run, (used, recorded)| run.replace(used, recorded))
    }
}

/// Once, and past the capturing of test output: a skipped test looks like one that passed.
fn say_skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let text = "SKIPPED: tests against real servers; start them with `fixtures/world/up.sh DIR` and set \
                    POLICY_CHECK_WORLD=DIR";
        writeln!(std::io::stderr(), "{text}").expect("standard error");
    });
}

fn eval(rego: &str, args: &[&str]) -> Option<String> {
    let world = World::running()?;
    Some(world.eval(&Place::with_policy(rego), args).shown())
}

const LABELS: &str = r#"package docker

default allow := false

allow if input.image.labels.team == "infra"

deny_msg contains sprintf("%s has no team", [input.image.ref]) if not input.image.labels.team

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

#[test]
fn image_by_its_config() {
    let Some(shown) = eval(LABELS, &["docker-image://localhost:5000/library/base:1.0"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 0
    -- stdout --
    allowed docker-image://localhost:5000/library/base:1.0 (linux/amd64)
      decided at Dockerfile.rego:5:1
    -- stderr --
    "#);
}

#[test]
fn image_for_another_platform() {
    let rego = "package docker\n\nallow if {\n\tinput.image.arch == \"arm64\"\n\tinput.image.workingDir\n}\n\n\
                default allow := false\n\ndecision := {\"allow\": allow}\n";
    let source = "docker-image://localhost:5000/library/multi:1.0";
    let Some(shown) = eval(rego, &[source]) else { return };
    assert!(shown.starts_with("exit: 1\n"), "{shown}");
    let Some(shown) = eval(rego, &["--platform", "linux/arm64", source]) else { return };
    assert!(shown.starts_with("exit: 0\n"), "{shown}");
    let Some(shown) = eval(rego, &["--platform", "linux/s390x", source]) else { return };
    assert!(shown.starts_with("exit: 1\n"), "{shown}");
}

#[test]
fn image_by_its_provenance() {
    let rego = r#"package docker

default allow := false

allow if {
	input.image.hasProvenance
	some material in input.image.provenance.materials
	material.git.host == "127.0.0.1:8088"
}

decision := {"allow": allow}
"#;
    let Some(shown) = eval(rego, &["docker-image://localhost:5000/app/child:1.0"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 0
    -- stdout --
    allowed docker-image://localhost:5000/app/child:1.0 (linux/amd64)
      decided at Dockerfile.rego:5:1
    -- stderr --
    "#);
    let Some(shown) = eval(rego, &["docker-image://localhost:5000/library/base:noattest"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 1
    -- stdout --
    denied docker-image://localhost:5000/library/base:noattest (linux/amd64)
      decided at Dockerfile.rego:3:1
    -- stderr --
    "#);
}

#[test]
fn image_is_pinned() {
    let rego = r#"package docker

default allow := false

allow if pin_image(input.image, "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab")

decision := {"allow": allow}
"#;
    let Some(shown) = eval(rego, &["docker-image://localhost:5000/library/base:1.0"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 0
    -- stdout --
    allowed docker-image://localhost:5000/library/base:1.0 (linux/amd64)
      pinned to docker-image://localhost:5000/library/base:1.0@sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab
      decided at Dockerfile.rego:5:1
    -- stderr --
    "#);
}

#[test]
fn image_that_is_not_there() {
    let Some(shown) = eval(LABELS, &["docker-image://localhost:5000/library/nope:1"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 3
    -- stdout --
    undecided docker-image://localhost:5000/library/nope:1 (linux/amd64)
      cannot resolve `docker-image://localhost:5000/library/nope:1`: localhost:5000/library/nope:1: image not found; check the name, the tag and the digest
      help: the policy reads properties that must be looked up; check the source's name, access to it, and `-v`
    -- stderr --
    "#);
}

#[test]
fn git_commit() {
    let rego = r#"package docker

default allow := false

allow if {
	input.git.branch == "main"
	input.git.commit.author.email == "dev@world.test"
}

decision := {"allow": allow}
"#;
    for source in [
        "http://127.0.0.1:8088/git/repo.git#main",
        "https://127.0.0.1:8443/git/repo.git",
        "git://127.0.0.1:8443/git/repo.git#main",
    ] {
        let Some(shown) = eval(rego, &[source]) else { return };
        assert!(shown.starts_with("exit: 0\n"), "{source}: {shown}");
    }
    let Some(shown) = eval(rego, &["http://127.0.0.1:8088/git/repo.git#v1.0.0"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 1
    -- stdout --
    denied git://127.0.0.1:8088/git/repo.git#v1.0.0
      decided at Dockerfile.rego:3:1
    -- stderr --
    "#);
    let Some(shown) = eval(rego, &["http://127.0.0.1:8088/git/repo.git#nope"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 3
    -- stdout --
    undecided git://127.0.0.1:8088/git/repo.git#nope
      cannot resolve `git://127.0.0.1:8088/git/repo.git#nope`: http://127.0.0.1:8088/git/repo.git has no branch or tag "nope"; check the spelling (git ls-remote lists all refs), or leave the ref out to use the default branch
      help: the policy reads properties that must be looked up; check the source's name, access to it, and `-v`
    -- stderr --
    "#);
}

const CHECKSUM: &str = r#"package docker

default allow := false

allow if input.http.checksum == "sha256:0d2429163ab1d22145d81f8f93a4d089dca136b2142c8ce94b28c189505aba3a"

decision := {"allow": allow}
"#;

#[test]
fn http_checksum() {
    for source in ["http://127.0.0.1:8088/files/artifact.txt", "https://127.0.0.1:8443/files/artifact.txt"] {
        let Some(shown) = eval(CHECKSUM, &[source]) else { return };
        assert!(shown.starts_with("exit: 0\n"), "{source}: {shown}");
    }
    let Some(shown) = eval(CHECKSUM, &["http://user:s3cret@127.0.0.1:8088/files/nope"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 3
    -- stdout --
    undecided http://***@127.0.0.1:8088/files/nope
      cannot resolve `http://***@127.0.0.1:8088/files/nope`: http://127.0.0.1:8088/files/nope: the server answered 404; check the URL
      help: the policy reads properties that must be looked up; check the source's name, access to it, and `-v`
    -- stderr --
    "#);
}

#[test]
fn http_redirects_are_checked_again() {
    let Some(shown) = eval(CHECKSUM, &["http://127.0.0.1:8088/redirect/x"]) else { return };
    assert!(shown.starts_with("exit: 0\n"), "{shown}");
    let rego = r#"package docker

default allow := false

allow if {
	startswith(input.http.path, "/redirect/")
	input.http.checksum
}

deny_msg contains "files are not for us" if startswith(input.http.path, "/files/")

decision := {"allow": allow, "deny_msg": deny_msg}
"#;
    let Some(shown) = eval(rego, &["http://127.0.0.1:8088/redirect/x"]) else { return };
    assert_snapshot!(shown, @r#"
    exit: 1
    -- stdout --
    denied http://127.0.0.1:8088/redirect/x
      - redirect to http://127.0.0.1:8088/files/artifact.txt: files are not for us
    -- stderr --
    "#);
}
