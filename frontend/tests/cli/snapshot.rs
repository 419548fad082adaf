//! `--snapshot` writes what was looked up; `--offline` decides from it and asks nobody.

use insta::assert_snapshot;

use crate::harness::{Place, fixture};
use crate::world::World;

const LABELS: &str = "package docker\n\nallow if input.ociLayout.labels\n\ndefault allow := false\n\n\
                      decision := {\"allow\": allow}\n";

/// A copy of the demo's layout, which can be taken away.
fn with_layout(rego: &str) -> Place {
    let place = Place::with_policy(rego);
    copy(&fixture("demo/layout"), &place.path().join("layout"));
    place
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

const EVAL: [&str; 7] =
    ["eval", "--platform", "linux/amd64", "--format", "json", "--explain", "oci-layout://layout:1.0"];

#[test]
fn the_same_report_without_the_source() {
    let place = with_layout(LABELS);
    let online = place.run(EVAL.into_iter().chain(["--snapshot", "s.json"])).finish();
    assert_eq!(online.code, 0, "{}", online.stdout);
    std::fs::remove_dir_all(place.path().join("layout")).expect("gone");
    let offline = place.run(EVAL.into_iter().chain(["--offline", "s.json"])).finish();
    assert_eq!((offline.code, offline.stdout), (online.code, online.stdout));
    assert_eq!(place.run(EVAL).finish().code, 3);
}

#[test]
fn a_snapshot_of_failures() {
    let place = Place::with_policy(LABELS);
    let online = place.run(EVAL.into_iter().chain(["--snapshot", "s.json"])).finish();
    assert_eq!(online.code, 3, "{}", online.stdout);
    copy(&fixture("demo/layout"), &place.path().join("layout"));
    let offline = place.run(EVAL.into_iter().chain(["--offline", "s.json"])).finish();
    assert_eq!((offline.code, offline.stdout), (online.code, online.stdout));
}

#[test]
fn what_was_not_captured_is_unknown() {
    let place = with_layout(LABELS);
    assert_eq!(place.run(EVAL.into_iter().chain(["--snapshot", "s.json"])).finish().code, 0);
    let offline = |args: &[&'static str]| {
        place.run(["eval", "--offline", "s.json"].into_iter().chain(args.iter().copied())).shown()
    };
    assert_snapshot!(offline(&["--platform", "linux/arm64", "oci-layout://layout:1.0"]), @r"
    exit: 3
    -- stdout --
    undecided oci-layout://layout:1.0 (linux/arm64)
      cannot resolve `oci-layout://layout:1.0`: the snapshot does not say (digest, image config); capture it again with `--snapshot` in place of `--offline`
      help: the policy reads properties that must be looked up; check the source's name, access to it, and `-v`
    -- stderr --
    ");
    place.write("Dockerfile.rego", LABELS.replace("ociLayout.labels", "ociLayout.provenance"));
    assert_snapshot!(offline(&["--platform", "linux/amd64", "oci-layout://layout:1.0"]), @r"
    exit: 3
    -- stdout --
    undecided oci-layout://layout:1.0 (linux/amd64)
      cannot resolve `oci-layout://layout:1.0`: the snapshot does not say (digest, attestation chain, attestation https://slsa.dev/provenance/v0.2, attestation https://slsa.dev/provenance/v1); capture it again with `--snapshot` in place of `--offline`
      help: the policy reads properties that must be looked up; check the source's name, access to it, and `-v`
    -- stderr --
    ");
}

#[test]
fn time_stands_still_offline() {
    let rego = "package docker\n\nallow if {\n\tinput.ociLayout.labels\n\ttime.now_ns() < 1000000000 * 2000000000\n}\n\n\
                default allow := false\n\ndecision := {\"allow\": allow}\n";
    let place = with_layout(rego);
    assert_eq!(place.run(EVAL.into_iter().chain(["--snapshot", "s.json"])).finish().code, 0);
    let path = place.path().join("s.json");
    let mut snapshot: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
    snapshot["captured"] = "2100-01-01T00:00:00Z".into();
    place.write("s.json", snapshot.to_string());
    assert_eq!(place.run(EVAL.into_iter().chain(["--offline", "s.json"])).finish().code, 1);
}

#[test]
fn altered_snapshots_are_refused() {
    let place = with_layout(LABELS);
    assert_eq!(place.run(EVAL.into_iter().chain(["--snapshot", "s.json"])).finish().code, 0);
    let path = place.path().join("s.json");
    let text = std::fs::read_to_string(&path).expect("a file");
    let mut snapshot: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let blobs = snapshot["blobs"].as_object_mut().expect("blobs");
    blobs.values_mut().next().expect("a blob").clone_from(&"e30=".into());
    place.write("s.json", snapshot.to_string());
    assert_snapshot!(place.run(["eval", "--offline", "s.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: the snapshot was altered or is damaged: blob sha256:b8bd3210707a6ac5ed9a7a60c8c1bd4aeebf51b5f596828c992493b16fe43192 does not have this digest
    help: capture it again with `--snapshot FILE`
    ");
    place.write("s.json", text.replace("\"version\": 1", "\"version\": 2"));
    assert_snapshot!(place.run(["eval", "--offline", "s.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: the snapshot has version 2, and this program reads version 1
    help: capture it again with `--snapshot FILE`
    ");
    assert_snapshot!(place.run(["eval", "--offline", "nope.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read the snapshot `nope.json`: No such file or directory (os error 2)
    help: write a snapshot with `--snapshot FILE` first
    ");
    assert_snapshot!(place.run(["eval", "--snapshot", "no/s.json", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    denied local://context
      decided at Dockerfile.rego:5:1
    -- stderr --
    error: cannot write the snapshot `no/s.json`: No such file or directory (os error 2)
    "#);
    assert_eq!(place.run(["eval", "--snapshot", "a", "--offline", "b", "."]).finish().code, 2);
}

/// Every kind of source that the network has, asked for everything; then once more without it.
#[test]
fn everything_of_the_world() {
    let Some(world) = World::running() else { return };
    let rego = r#"package docker

all contains input.image.labels

all contains input.image.provenance

all contains input.image.hasProvenance

all contains input.git.commit

all contains input.git.tag

all contains input.http.checksum

deny_msg contains json.marshal(all)

decision := {"allow": false, "deny_msg": deny_msg}
"#;
    for (source, code) in [
        ("docker-image://localhost:5000/library/base:1.0", 1),
        ("docker-image://localhost:5000/library/multi:1.0", 1),
        ("http://127.0.0.1:8088/git/repo.git#main", 1),
        ("http://user:s3cret@127.0.0.1:8088/git/repo.git#main", 1),
        ("https://127.0.0.1:8443/files/artifact.txt", 1),
        ("http://127.0.0.1:8088/redirect/x", 1),
        ("http://127.0.0.1:8088/files/nope", 3),
        ("docker-image://localhost:5000/library/nope:1", 3),
    ] {
        the_same_offline(&world, rego, source, code);
    }
}

/// Materials lie where the provenance says.
#[test]
fn materials_of_the_world() {
    let Some(world) = World::as_recorded() else { return };
    let rego = "package docker\n\n\
                deny_msg contains json.marshal(input.image.provenance.materials[0].image.labels)\n\n\
                decision := {\"allow\": false, \"deny_msg\": deny_msg}\n";
    the_same_offline(&world, rego, "docker-image://localhost:5000/app/child:1.0", 1);
}

/// Decides about a source with the network, without it, and with it again.
fn the_same_offline(world: &World, rego: &str, source: &str, code: i32) {
    let place = Place::with_policy(rego);
    let eval = |more: [&str; 2]| world.eval(&place, &["--format", "json", source, more[0], more[1]]).finish();
    let online = eval(["--snapshot", "s.json"]);
    assert_eq!(online.code, code, "{}", online.stdout);
    let text = std::fs::read_to_string(place.path().join("s.json")).expect("a snapshot");
    assert!(!text.contains("s3cret"), "{text}");
    let offline = eval(["--offline", "s.json"]);
    assert_eq!((offline.code, &offline.stdout), (online.code, &online.stdout), "{source}");
    // The same world gives the same file, but for the time.
    eval(["--snapshot", "again.json"]);
    let again = std::fs::read_to_string(place.path().join("again.json")).expect("a snapshot");
    let timeless = |text: &str| {
        text.lines().filter(|line| !line.contains("\"captured\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(timeless(&text), timeless(&again));
}

/// A snapshot answers what sources are; whether a redirect may be followed is for the policy to say, each time.
#[test]
fn redirects_are_judged_offline() {
    let Some(world) = World::running() else { return };
    let policy = |condition: &str| {
        format!(
            "package docker\n\nallow if input.http.checksum\n\ndefault allow := false\n\n\
             deny_msg contains \"files are not for us\" if {condition}\n\n\
             decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
        )
    };
    let place = Place::with_policy(&policy("false"));
    let source = "http://127.0.0.1:8088/redirect/x";
    assert_eq!(world.eval(&place, &[source, "--snapshot", "s.json"]).finish().code, 0);
    assert_eq!(world.eval(&place, &[source, "--offline", "s.json"]).finish().code, 0);
    let strict = "package docker\n\nallow if {\n\tstartswith(input.http.path, \"/redirect/\")\n\tinput.http.checksum\n}\n\n\
                  default allow := false\n\ndecision := {\"allow\": allow}\n";
    place.write("Dockerfile.rego", strict);
    let offline = world.eval(&place, &[source, "--offline", "s.json"]).shown();
    assert_snapshot!(offline, @r"
    exit: 1
    -- stdout --
    denied http://127.0.0.1:8088/redirect/x
      - redirect to http://127.0.0.1:8088/files/artifact.txt is denied
    -- stderr --
    ");
    assert_eq!(world.eval(&place, &[source, "--snapshot", "refused.json"]).shown(), offline);
    assert_eq!(world.eval(&place, &[source, "--offline", "refused.json"]).shown(), offline);
}

/// A build whose context, policy and sources all lie elsewhere, once more without any of it.
#[test]
fn remote_contexts() {
    if World::running().is_none() {
        return;
    }
    let testbed = policy_testbed::World::from_env().expect("it runs");
    let place = Place::with_policy(
        "package docker\n\nimport data.lib.hosts\n\ndefault allow := false\n\nallow if input.image.repo in hosts.allowed\n\n\
         allow if input.git.commit\n\nallow if input.http.checksum\n\ndecision := {\"allow\": allow}\n",
    );
    place.write("Dockerfile", format!("FROM {}\nCOPY . /\n", testbed.image("library/base:1.0")));
    place.write("lib/hosts.rego", "package hosts\n\nallowed := load_json(\"names.json\")\n");
    place.write("names.json", format!("[\"{}\"]", testbed.image("library/base")));
    let git = testbed.serve_repository("snapshot-context", place.path());
    let archive = testbed.serve_archive("snapshot-context", place.path());
    let gone = format!("http://{}/git/nope.git", testbed.http);
    let elsewhere = Place::new();
    let world = std::path::PathBuf::from(std::env::var_os("POLICY_CHECK_WORLD").expect("it runs"));
    for (context, served, code) in [
        (format!("{git}#main"), Some("git/snapshot-context.git"), 0),
        (archive, Some("made/snapshot-context.tar.gz"), 0),
        (gone, None, 3),
    ] {
        let run = |flag, file| {
            let args = ["dry-run", "--platform", "linux/amd64", "--format", "json", flag, file, &context];
            elsewhere.run(args).finish()
        };
        let online = run("--snapshot", "s.json");
        assert_eq!(online.code, code, "{}{}", online.stdout, online.stderr);
        // Nobody serves it any more.
        if let Some(path) = served {
            drop(std::fs::remove_dir_all(world.join(format!("{path}.gone"))));
            std::fs::rename(world.join(path), world.join(format!("{path}.gone"))).expect("it goes");
        }
        let offline = run("--offline", "s.json");
        assert_eq!((offline.code, &offline.stdout), (code, &online.stdout), "{context}: {}", offline.stderr);
    }
}
