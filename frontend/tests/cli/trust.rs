//! Whom signatures are trusted to, as users see it. Nothing in here depends on the date.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use insta::assert_snapshot;
use policy_check::trust::instance::{GITHUB, SIGSTORE};
use serde_json::Value;

use crate::harness::Place;
use crate::tuf_repository::TufRepository;

const POLICY: &str = "package docker\n\ndecision := {\"allow\": true}\n";

/// Serves a repository on a loopback port for as long as the test runs.
fn serve(repository: &Arc<Mutex<TufRepository>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let repository = Arc::clone(repository);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines =
                BufReader::new(stream.try_clone().expect("a stream")).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            let _headers = lines.take_while(|line| !line.is_empty()).count();
            let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
            let file = repository.lock().expect("no panic").files.get(&path).cloned();
            let status = if file.is_some() { "200 OK" } else { "404 Not Found" };
            let body = file.unwrap_or_default();
            let head =
                format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            drop(stream.write_all(&[head.as_bytes(), &body].concat()));
        }
    });
    url
}

#[test]
fn another_instance_is_written_to_a_file() {
    let repository = Arc::new(Mutex::new(TufRepository::new(SIGSTORE.embedded.as_bytes())));
    let url = serve(&repository);
    let place = Place::new();
    place.write("root.json", repository.lock().expect("no panic").anchor());
    let update = || {
        let args = ["trust", "update", "--url", &url, "--root", "root.json", "--output", "acme.json"];
        place.run(args).replace(&url, "URL")
    };
    assert_snapshot!(update().shown(), @r"
    exit: 0
    -- stdout --
    acme.json: written, sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66
    -- stderr --
    note: asking URL
    ");
    assert_eq!(std::fs::read(place.path().join("acme.json")).expect("a file"), SIGSTORE.embedded.as_bytes());
    assert_snapshot!(update().shown(), @r"
    exit: 0
    -- stdout --
    acme.json: up to date, sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66
    -- stderr --
    note: asking URL
    ");

    let old = repository.lock().expect("no panic").files.clone();
    {
        let mut repository = repository.lock().expect("no panic");
        repository.rotate();
        repository.publish(GITHUB.embedded.as_bytes());
    }
    assert_snapshot!(update().shown(), @r"
    exit: 0
    -- stdout --
    acme.json: written, sha256:484cdfe1a7c65479c5ba2a22193d1be90f0020db1997de696ab207434c62fbb7
    -- stderr --
    note: asking URL
    ");
    repository.lock().expect("no panic").publish(b"{}");
    assert_snapshot!(update().shown(), @r"
    exit: 3
    -- stdout --
    -- stderr --
    note: asking URL
    error: cannot update the trust root from URL: what it publishes is no trust root: failed to parse JSON: missing field `mediaType` at line 1 column 2
    help: use a newer version of policy-check, or another repository
    ");
    // What was published before, brought again.
    repository.lock().expect("no panic").files = old;
    assert_snapshot!(update().shown(), @r"
    exit: 3
    -- stdout --
    -- stderr --
    note: asking URL
    error: cannot update the trust root from URL: its TUF metadata does not verify: signature threshold not met for role timestamp: 0/1 valid signatures
    help: don't trust this repository, or the way to it; what was kept before stays in use
    ");
    assert_eq!(std::fs::read(place.path().join("acme.json")).expect("a file"), GITHUB.embedded.as_bytes());

    place.write("Dockerfile.rego", POLICY);
    let eval = place.run(["eval", "--trust-root", "acme.json", "."]).finish();
    assert_eq!((eval.code, eval.stderr.as_str()), (0, ""));
}

#[test]
fn a_mirror_cannot_make_up_anything() {
    let mut repository = TufRepository::new(GITHUB.embedded.as_bytes());
    for _ in 0..SIGSTORE.anchor_version {
        repository.renew_root();
    }
    let url = serve(&Arc::new(Mutex::new(repository)));
    let mirror = format!("sigstore={url}");
    let place = Place::new();
    assert_snapshot!(
        place.run(["trust", "update", "sigstore", "--mirror", &mirror]).replace(&url, "URL").shown(), @r"
    exit: 3
    -- stdout --
    -- stderr --
    note: asking URL
    error: cannot update the trust root from URL: its TUF metadata does not verify: signature threshold not met for role root: 0/3 valid signatures
    help: don't trust this repository, or the way to it; what was kept before stays in use
    ");
    let update = place.run(["trust", "update", "sigstore"]).env("POLICY_CHECK_TUF_MIRRORS", &mirror);
    assert_eq!(update.finish().code, 3);
    assert!(!place.path().join(".cache/policy-check/trust/sigstore.json").exists());
    assert_snapshot!(place.run(["trust", "update", "--mirror", "acme=https://tuf.example"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: invalid value 'acme=https://tuf.example' for '--mirror <NAME=URL>': `acme` has no repository; there are `sigstore` and `github`

    For more information, try '--help'.
    ");
    place.write("Dockerfile.rego", POLICY);
    assert_snapshot!(place.run(["eval", "."]).env("POLICY_CHECK_TUF_MIRRORS", "sigstore").shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: `POLICY_CHECK_TUF_MIRRORS`: `NAME=URL` is needed
    help: write `POLICY_CHECK_TUF_MIRRORS=sigstore=https://HOST/PATH,github=…`
    ");
}

#[test]
fn an_update_that_reaches_nobody() {
    let place = Place::new();
    let run = place
        .run(["trust", "update", "github", "--quiet", "--mirror", "github=http://127.0.0.1:9/"])
        .finish();
    assert_eq!((run.code, run.stdout.as_str()), (3, ""));
    assert!(
        run.stderr
            .starts_with("error: cannot update the trust root from http://127.0.0.1:9/: cannot connect to"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("help: check the network and the proxy settings"), "{}", run.stderr);
}

#[test]
fn checking_a_file() {
    let place = Place::new();
    place.write("acme.json", SIGSTORE.embedded);
    assert_snapshot!(place.run(["trust", "verify", "acme.json"]).shown(), @r"
    exit: 0
    -- stdout --
    acme.json: valid
      source      acme.json
      version     sha256:6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66
      certificate authorities
        CN=sigstore,O=sigstore.dev https://fulcio.sigstore.dev from 2021-03-07 to 2022-12-31
        CN=sigstore,O=sigstore.dev https://fulcio.sigstore.dev from 2022-04-13
      transparency logs
        wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0= https://rekor.sigstore.dev from 2021-01-12
        zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A= https://log2025-1.rekor.sigstore.dev from 2025-09-23
      certificate logs
        CGCS8ChS/2hF0dFrJ4ScRWcYrBY9wzjSbea8IgY2b3I= https://ctfe.sigstore.dev/test from 2021-03-14 to 2022-10-31
        3T0wasbHETJjGR4cmWc3AqJKXrjePK3/h4pygC8p7o4= https://ctfe.sigstore.dev/2022 from 2022-10-20
      timestamp authorities
        CN=sigstore-tsa-selfsigned,O=sigstore.dev https://timestamp.sigstore.dev/api/v1/timestamp from 2025-07-04
    -- stderr --
    ");
    place.write("bad.json", SIGSTORE.embedded.replace("certificateAuthorities", "certificateAuthority"));
    assert_snapshot!(place.run(["trust", "verify", "bad.json"]).shown(), @r"
    exit: 1
    -- stdout --
    bad.json: no trust root: it has no certificate authority
    -- stderr --
    ");
    assert_snapshot!(place.run(["trust", "verify", "bad.json", "--format", "json"]).shown(), @r#"
    exit: 1
    -- stdout --
    {
      "version": 1,
      "valid": false,
      "root": null,
      "problem": "it has no certificate authority"
    }
    -- stderr --
    "#);
    assert_snapshot!(place.run(["trust", "verify", "none.json"]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read `none.json`: No such file or directory (os error 2)
    ");
}

#[test]
fn the_roots_in_use() {
    let place = Place::new();
    place.write("acme.json", GITHUB.embedded);
    let shown = place.run(["trust", "show", "--trust-root", "acme.json"]).finish();
    assert_eq!(shown.code, 0);
    let paragraphs: Vec<_> = shown.stdout.split("\n\n").collect();
    let starts = ["sigstore: ", "github: ", "acme: in use\n"];
    assert!(
        paragraphs.len() == 3 && paragraphs.iter().zip(starts).all(|(text, start)| text.starts_with(start))
    );
    assert!(
        paragraphs[0].contains("\n  TUF root    version 16, expires 2027-04-22T19:27:31Z\n"),
        "{}",
        paragraphs[0]
    );

    let json =
        place.run(["trust", "show", "--trust-root", "own=acme.json", "--format", "json"]).finish().stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let names: Vec<_> = json["roots"].as_array().expect("roots").iter().map(|root| &root["name"]).collect();
    assert_eq!(names, ["sigstore", "github", "own"]);
    assert_eq!(json["roots"][0]["tuf"]["rootExpires"], "2027-04-22T19:27:31Z");
    assert_eq!(json["roots"][1]["tuf"]["rootVersion"], 9);
    assert_eq!(json["roots"][2]["state"], "fresh");
    assert_eq!(json["roots"][0]["transparencyLogs"][0]["uri"], "https://rekor.sigstore.dev");
}

#[test]
fn files_that_are_no_trust_roots() {
    let place = Place::with_policy(POLICY);
    place.write("bad.json", "{}");
    place.write("good.json", SIGSTORE.embedded);
    assert_snapshot!(place.run(["eval", "--trust-root", "bad.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: `bad.json`: the trust root `bad` is malformed: failed to parse JSON: missing field `mediaType` at line 1 column 2
    help: a `trusted_root.json` is needed, such as `policy-check trust update --url` writes
    ");
    assert_snapshot!(place.run(["eval", "--trust-root", "none.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read the trust root `none.json`: No such file or directory (os error 2)
    ");
    assert_snapshot!(
        place.run(["eval", "--trust-root", "a=good.json", "--trust-root", "a=bad.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: there are two trust roots named `a`
    help: name them with `--trust-root NAME=FILE`
    ");
    assert_snapshot!(place.run(["eval", "--trust-root", "sigstore=good.json", "."]).shown(), @r"
    exit: 2
    -- stdout --
    -- stderr --
    error: invalid value 'sigstore=good.json' for '--trust-root <[NAME=]FILE>': the name `sigstore` is taken; write `NAME=FILE` with another one

    For more information, try '--help'.
    ");
    for command in ["dry-run", "lock"] {
        assert_eq!(place.run([command, "--trust-root", "bad.json", "."]).finish().code, 2, "{command}");
    }
    let recordings = crate::harness::fixture("soundness.jsonl");
    let recordings = recordings.to_str().expect("UTF-8");
    assert_eq!(place.run(["replay", "--trust-root", "bad.json", recordings]).finish().code, 2);
    assert_eq!(place.run(["replay", "--trust-root", "good.json", recordings]).finish().code, 0);
}

#[test]
fn snapshots_hold_roots_only_where_signatures_were_verified() {
    let place = Place::with_policy(POLICY);
    assert_eq!(place.run(["eval", "--snapshot", "s.json", "."]).finish().code, 0);
    let snapshot = std::fs::read_to_string(place.path().join("s.json")).expect("a snapshot");
    assert!(!snapshot.contains("trust"), "{snapshot}");
    assert!(!place.path().join(".cache").exists());
}
