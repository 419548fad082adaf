//! `eval --print` beside what `docker buildx policy eval --print` printed (`fixtures/cli/print.jsonl`).

use insta::assert_snapshot;
use serde::Deserialize;

use crate::harness::Place;
use crate::world::World;

#[derive(Deserialize)]
struct Recorded {
    name: String,
    args: Vec<String>,
    out: String,
    err: String,
}

/// Where we print something else on purpose: buildx prints the password, and cannot look `createdTime` up.
const DIFFERENT: [&str; 2] = ["print-cred", "print-image-createdtime"];

fn recorded() -> Vec<Recorded> {
    include_str!("../../../fixtures/cli/print.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a recorded command"))
        .collect()
}

fn args(recorded: &Recorded) -> Vec<&str> {
    recorded.args.iter().map(String::as_str).collect()
}

#[test]
fn same_bytes_as_buildx() {
    let Some(world) = World::running() else { return };
    for recorded in recorded().iter().filter(|recorded| !DIFFERENT.contains(&recorded.name.as_str())) {
        let run = world.eval(&Place::new(), &args(recorded)).finish();
        assert_eq!((run.code, &run.stdout), (0, &recorded.out), "{}: {}", recorded.name, run.stderr);
        // `createdTime` and `verification` can be asked for here; otherwise the same properties are open.
        let ours = ["image.createdTime, ", "image.verification, "];
        let remarks = run.stderr.replace("note: ", "INFO: ");
        let remarks = ours.iter().fold(remarks, |remarks, name| remarks.replace(name, ""));
        assert_eq!(remarks, recorded.err, "{}", recorded.name);
    }
}

#[test]
fn deliberate_differences() {
    let Some(world) = World::running() else { return };
    let shown = |name: &str| {
        let recorded = recorded();
        let recorded = recorded.iter().find(|recorded| recorded.name == name).expect(name);
        world.eval(&Place::new(), &args(recorded)).shown()
    };
    assert_snapshot!(shown("print-cred"), @r#"
    exit: 0
    -- stdout --
    {
      "http": {
        "url": "http://***@127.0.0.1:8088/files/artifact.txt?token=***",
        "schema": "http",
        "host": "127.0.0.1:8088",
        "path": "/files/artifact.txt",
        "query": {
          "token": [
            "abc"
          ]
        },
        "checksum": "sha256:0d2429163ab1d22145d81f8f93a4d089dca136b2142c8ce94b28c189505aba3a"
      }
    }
    -- stderr --
    "#);
    assert_snapshot!(shown("print-image-createdtime"), @r#"
    exit: 0
    -- stdout --
    {
      "image": {
        "ref": "localhost:5000/library/base:1.0",
        "host": "localhost:5000",
        "repo": "localhost:5000/library/base",
        "fullRepo": "localhost:5000/library/base",
        "tag": "1.0",
        "platform": "linux/amd64",
        "os": "linux",
        "arch": "amd64",
        "checksum": "sha256:ec9a4bc148364510d17bb5b03ac632ab9a23b7a1318c050d28bb059304d6a7ab",
        "createdTime": "2026-11-21T01:27:03Z",
        "env": [
          "PATH=/bin",
          "FOO=bar"
        ],
        "labels": {
          "org.opencontainers.image.title": "base",
          "team": "infra"
        },
        "user": "1000:1000",
        "volumes": [
          "/cache",
          "/data"
        ],
        "workingDir": "/work"
      }
    }
    -- stderr --
    "#);
}

#[test]
fn properties_of_materials() {
    let Some(world) = World::as_recorded() else { return };
    let fields = "image.provenance.materials[0].image.labels";
    let args = ["--print", "--fields", fields, "docker-image://localhost:5000/app/child:1.0"];
    let run = world.eval(&Place::new(), &args).finish();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn nothing_is_looked_up_unasked() {
    let place = Place::new();
    assert_snapshot!(place.run(["eval", "--print", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    {
      "local": {
        "name": "context"
      }
    }
    -- stderr --
    "#);
    let image = "docker-image://registry.invalid/app:1";
    assert_snapshot!(place.run(["eval", "--print", "--platform", "linux/amd64", image]).shown(), @r#"
    exit: 0
    -- stdout --
    {
      "image": {
        "ref": "registry.invalid/app:1",
        "host": "registry.invalid",
        "repo": "registry.invalid/app",
        "fullRepo": "registry.invalid/app",
        "tag": "1",
        "platform": "linux/amd64",
        "os": "linux",
        "arch": "amd64"
      }
    }
    -- stderr --
    note: unresolved fields: image.checksum, image.createdTime, image.env, image.hasProvenance, image.labels, image.provenance, image.signatures, image.user, image.verification, image.volumes, image.workingDir
    "#);
    assert_snapshot!(place.run(["eval", "--print", "https://host.invalid/a/%2e%2e/b?x=1"]).shown(), @r#"
    exit: 0
    -- stdout --
    {
      "http": {
        "url": "https://host.invalid/a/%2e%2e/b?x=1",
        "schema": "https",
        "host": "host.invalid",
        "path": "/b",
        "query": {
          "x": [
            "1"
          ]
        }
      }
    }
    -- stderr --
    note: unresolved fields: http.checksum
    "#);
}

#[test]
fn unknown_fields() {
    let args = ["eval", "--print", "--fields", "local.nope", "."];
    assert_snapshot!(Place::new().run(args).shown(), @r#"
    exit: 0
    -- stdout --
    {
      "local": {
        "name": "context"
      }
    }
    -- stderr --
    warning: invalid fields: local.nope
    "#);
}
