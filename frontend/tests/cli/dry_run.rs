//! Whole builds without a server: folders, archives, OCI layouts, and what is said when something is missing.

use insta::assert_snapshot;
use sha2::{Digest, Sha256};

use crate::harness::{Finished, Place, Run};

/// Local folders only, and says so.
const LOCAL_ONLY: &str = r#"package docker

default allow := false

allow if input.local

deny_msg contains sprintf("%s is not local", [input.image.ref]) if input.image

deny_msg contains sprintf("%s is not local", [input.http.host]) if input.http

deny_msg contains "git is not local" if input.git

decision := {"allow": allow, "deny_msg": deny_msg}
"#;

const ALLOW_ALL: &str = "package docker\n\ndecision := {\"allow\": true}\n";

/// A folder with this policy beside this Dockerfile.
fn place(rego: &str, dockerfile: &str) -> Place {
    let place = Place::with_policy(rego);
    place.write("Dockerfile", dockerfile);
    place
}

fn dry_run(place: &Place, args: &[&str]) -> Run {
    place.run(["dry-run", "--platform", "linux/amd64"].iter().chain(args).copied())
}

/// Writes an OCI layout with one image of this config to the folder `name`, and returns the image's digest.
fn layout(place: &Place, name: &str, config: &str) -> String {
    let blob = |content: &str| {
        let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        place.write(&format!("{name}/blobs/sha256/{hex}"), content);
        (format!("sha256:{hex}"), content.len())
    };
    let (digest, size) = blob(config);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":{size}}},"layers":[]}}"#
    );
    let (digest, size) = blob(&manifest);
    place.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
    place.write(
        &format!("{name}/index.json"),
        format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":{size},"platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
        ),
    );
    digest
}

#[test]
fn all_allowed() {
    let place = place(LOCAL_ONLY, "FROM scratch\nCOPY . /\n");
    assert_snapshot!(dry_run(&place, &["."]).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://dockerfile
    allowed local://context
    2 sources: 2 allowed
    -- stderr --
    "#);
    assert_snapshot!(dry_run(&place, &["-q", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    -- stderr --
    "#);
}

#[test]
fn denials_in_the_order_of_the_dockerfile() {
    let dockerfile = "# comment\nFROM scratch AS base\nADD https://user:s3cret@127.0.0.1:1/b \\\n    /\n\nFROM base\n\
                      ADD https://127.0.0.1:1/a.git#main /a\nADD https://127.0.0.1:1/c /\nADD https://127.0.0.1:1/c /again\n";
    let place = place(LOCAL_ONLY, dockerfile);
    let run = dry_run(&place, &["."]);
    assert_snapshot!(run.shown(), @r#"
    exit: 1
    -- stdout --
    allowed local://dockerfile
    allowed local://context
    denied https://***@127.0.0.1:1/b Dockerfile:3
    denied git://127.0.0.1:1/a.git#main Dockerfile:7
    denied https://127.0.0.1:1/c Dockerfile:8

    denied: https://***@127.0.0.1:1/b
      - 127.0.0.1:1 is not local
       --> Dockerfile:3
        |
      3 | ADD https://***@127.0.0.1:1/b \
      4 |     /
       --> Dockerfile.rego:9:1
        |
      9 | deny_msg contains sprintf("%s is not local", [input.http.host]) if input.http
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    denied: git://127.0.0.1:1/a.git#main
      - git is not local
        --> Dockerfile:7
         |
       7 | ADD https://127.0.0.1:1/a.git#main /a
         | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        --> Dockerfile.rego:11:1
         |
      11 | deny_msg contains "git is not local" if input.git
         | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    denied: https://127.0.0.1:1/c
      - 127.0.0.1:1 is not local
       --> Dockerfile:8
        |
      8 | ADD https://127.0.0.1:1/c /
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       --> Dockerfile:9
        |
      9 | ADD https://127.0.0.1:1/c /again
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       --> Dockerfile.rego:9:1
        |
      9 | deny_msg contains sprintf("%s is not local", [input.http.host]) if input.http
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    5 sources: 2 allowed, 3 denied
    -- stderr --
    "#);
}

#[test]
fn what_cannot_be_loaded_is_no_denial() {
    let dockerfile = "FROM 127.0.0.1:1/nobody/there:1\nADD https://127.0.0.1:1/f /\n";
    let rego = "package docker\n\ndefault allow := false\n\nallow if not input.http\n\ndecision := {\"allow\": allow}\n";
    let denied = dry_run(&place(rego, dockerfile), &["."]).finish();
    assert_eq!(denied.code, 1, "{}", denied.stdout);
    assert!(denied.stdout.contains("4 sources: 2 allowed, 1 denied, 1 undecided"), "{}", denied.stdout);

    let undecided = dry_run(&place(ALLOW_ALL, dockerfile), &["--format", "json", "."]).finish();
    assert_eq!(undecided.code, 3, "{}", undecided.stdout);
    let report: serde_json::Value = serde_json::from_str(&undecided.stdout).unwrap();
    assert_eq!(report["verdict"], "undecided");
    let image = &report["builds"][0]["sources"][2];
    assert_eq!(image["source"], "docker-image://127.0.0.1:1/nobody/there:1");
    assert_eq!(image["error"]["code"], "unresolvable-source");
    assert_eq!(image["places"][0]["line"], 1);
}

#[test]
fn without_policy() {
    let place = Place::new();
    place.write("app/Dockerfile", "FROM scratch\n");
    assert_snapshot!(dry_run(&place, &["app"]).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://dockerfile
    allowed local://context
    2 sources: 2 allowed (no policy applies)
    -- stderr --
    warning: no policy applies to `app/Dockerfile`, so all its sources are allowed
    "#);
    assert_snapshot!(dry_run(&place, &["--require-policy", "app"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: no policy applies to `app/Dockerfile`, and one is required
    help: create `app/Dockerfile.rego`, or name a policy with `--policy filename=PATH`
    "#);
    let from_stdin = dry_run(&place, &["--require-policy", "-f", "-", "app"]).stdin("FROM scratch\n");
    assert_snapshot!(from_stdin.shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: no policy applies to `-`, and one is required
    help: name a policy with `--policy filename=PATH`
    "#);
    assert_eq!(dry_run(&place, &["--policy", "strict=true", "app"]).finish().code, 2);
    assert_eq!(dry_run(&place, &["--policy", "strict=false", "app"]).finish().code, 0);
    let off = dry_run(&place, &["--policy", "disabled=true", "--require-policy", "app"]).finish();
    assert_eq!(off.code, 2, "{}", off.stderr);
    let off = dry_run(&place, &["--policy", "disabled=true", "app"]).finish();
    assert_eq!(off.code, 0);
    assert!(off.stderr.contains("switches them off"), "{}", off.stderr);
    // Another Dockerfile's policy is not this one's.
    place.write("app/Dockerfile.rego", LOCAL_ONLY);
    place.write("app/Other", "FROM scratch\n");
    assert_eq!(dry_run(&place, &["--require-policy", "-f", "app/Other", "app"]).finish().code, 2);
}

#[test]
fn policies_as_buildx_finds_them() {
    let place = Place::new();
    place.write("app/Dockerfile", "FROM scratch\n");
    place.write(
        "app/policies/deny.rego",
        "package docker\n\nimport data.policies.data\n\ndecision := data.answer\n",
    );
    place.write(
        "app/policies/data.rego",
        "package x\n\nanswer := {\"allow\": false, \"deny_msg\": {\"from the context\"}}\n",
    );
    place.write(
        "here.rego",
        "package docker\n\ndecision := {\"allow\": false, \"deny_msg\": {\"from here\"}}\n",
    );
    let messages = |policy: &str| {
        let run = dry_run(&place, &["--policy", policy, "app"]).finish();
        (run.code, run.stdout + &run.stderr)
    };
    for (policy, code, expected) in [
        ("filename=policies/deny.rego", 1, "from the context"),
        ("filename=cwd://here.rego", 1, "from here"),
        ("filename=here.rego", 2, "there is no policy `here.rego` in the build context"),
        ("filename=../here.rego", 2, "leads out"),
    ] {
        let (exit, said) = messages(policy);
        assert_eq!(exit, code, "{policy}: {said}");
        assert!(said.contains(expected), "{policy}: {said}");
    }
    assert!(messages("filename=policies/deny.rego").1.contains("app/policies/deny.rego:5:1"));
}

#[test]
fn standard_input() {
    let place = place(LOCAL_ONLY, "FROM other\n");
    let from_stdin = dry_run(&place, &["-f", "-", "."]).stdin("FROM scratch\nADD https://127.0.0.1:1/f /\n");
    // There is no policy beside standard input.
    assert_snapshot!(from_stdin.shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://dockerfile
    allowed local://context
    allowed https://127.0.0.1:1/f -:2
    3 sources: 3 allowed (no policy applies)
    -- stderr --
    warning: no policy applies to `-`, so all its sources are allowed
    "#);
    let alone = dry_run(&place, &["--policy", "cwd://Dockerfile.rego", "-"]).stdin("FROM scratch\n").finish();
    assert_eq!((alone.code, alone.stderr.as_str()), (0, ""), "{}", alone.stdout);
    assert_snapshot!(dry_run(&place, &["-"]).stdin("").shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: standard input is empty: it should be a Dockerfile, or an archive with the context
    help: name a context other than `-`
    "#);
}

#[test]
fn an_archive_brings_its_policy() {
    let place = Place::new();
    place.write("app/Dockerfile", "FROM scratch\nADD https://127.0.0.1:1/f /\n");
    place.write("app/Dockerfile.rego", LOCAL_ONLY);
    let tar = std::process::Command::new("tar")
        .args(["-czf", "app.tar.gz", "-C", "app", "."])
        .current_dir(place.path())
        .status();
    assert!(tar.expect("tar is installed").success());
    let archive = std::fs::read(place.path().join("app.tar.gz")).unwrap();
    let run = dry_run(&place, &["-"]).stdin_bytes(archive).finish();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("denied https://127.0.0.1:1/f Dockerfile:2"), "{}", run.stdout);
    assert!(run.stdout.contains("Dockerfile.rego:9:1"), "{}", run.stdout);
}

/// Nobody could look up the checksum of what was read here.
#[test]
fn an_archive_is_known_by_its_checksum() {
    let place = Place::new();
    place.write("app/Dockerfile", "FROM scratch\n");
    place.write(
        "app/Dockerfile.rego",
        "package docker\n\ndeny_msg contains input.http.checksum if input.http.checksum\n\n\
         decision := {\"allow\": count(deny_msg) == 0, \"deny_msg\": deny_msg}\n",
    );
    let script = "tar -cf app.tar -C app . && echo what follows counts, too >>app.tar && sha256sum app.tar";
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(place.path()).output();
    let sum = String::from_utf8(made.expect("a shell").stdout).expect("UTF-8");
    let sum = sum.split_whitespace().next().expect("a checksum");
    let archive = std::fs::read(place.path().join("app.tar")).expect("the archive");
    let run = dry_run(&place, &["-"]).stdin_bytes(archive).finish();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains(&format!("- sha256:{sum}")), "{}", run.stdout);
}

#[test]
fn triggers_of_a_base_image_are_found() {
    let place = place(
        "package docker\n\ndefault allow := false\n\nallow if input.local\nallow if input.ociLayout\n\n\
         decision := {\"allow\": allow}\n",
        "FROM base\n",
    );
    let config =
        r#"{"os":"linux","architecture":"amd64","config":{"OnBuild":["ADD https://127.0.0.1:1/f /"]}}"#;
    let digest = layout(&place, "layout", config);
    let run = dry_run(&place, &["--build-context", "base=oci-layout://layout", "."]);
    assert_snapshot!(run.replace(&digest, "DIGEST").shown(), @r#"
    exit: 1
    -- stdout --
    allowed local://dockerfile
    allowed local://context
    allowed oci-layout://docker.io/library/base@DIGEST (linux/amd64) Dockerfile:1
    denied https://127.0.0.1:1/f Dockerfile:1

    denied: https://127.0.0.1:1/f
       --> Dockerfile:1
        |
      1 | FROM base
        | ^^^^^^^^^
       --> Dockerfile.rego:3:1
        |
      3 | default allow := false
        | ^^^^^^^^^^^^^^^^^^^^^^

    4 sources: 3 allowed, 1 denied
    -- stderr --
    "#);
}

const LISTED: &str = r#"package docker

default allow := false

allow if input.local

allow if {
	some host in hosts
	input.http.host == host
}

allow if input.image.labels.team == "infra"

hosts := {"a.test", "b.test"}

decision := {"allow": allow}
"#;

#[test]
fn why_a_source_is_not_allowed() {
    let place = place(LISTED, "FROM scratch\nADD https://user:hunter2@evil.test/tool /\n");
    assert_snapshot!(dry_run(&place, &["--explain", "."]).shown(), @r#"
    exit: 1
    -- stdout --
    allowed local://dockerfile
      decided at Dockerfile.rego:5:1
    allowed local://context
      decided at Dockerfile.rego:5:1
    denied https://***@evil.test/tool Dockerfile:2

    denied: https://***@evil.test/tool
       --> Dockerfile:2
        |
      2 | ADD https://***@evil.test/tool /
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       --> Dockerfile.rego:3:1
        |
      3 | default allow := false
        | ^^^^^^^^^^^^^^^^^^^^^^
        failed    data.docker.allow at Dockerfile.rego:7:1, because of Dockerfile.rego:9:2
                  input.http.host == host  (2 tries; the last:)
                    input.http.host is "evil.test"
                    host is "b.test"
        failed    2 definitions about other sources: there is no input.image, input.local

    3 sources: 2 allowed, 1 denied
    -- stderr --
    "#);
    // Nothing of it without the flag; all of it, of all sources, for programs.
    assert!(!dry_run(&place, &["."]).finish().stdout.contains("failed"));
    assert!(!dry_run(&place, &["--format", "json", "."]).finish().stdout.contains("rounds"));
    let json = dry_run(&place, &["--explain", "--format", "json", "--output", "r.txt", "."]).finish().stdout;
    assert!(!json.contains("hunter2"), "{json}");
    let report: serde_json::Value = serde_json::from_str(&json).expect("the report is JSON");
    let sources = report["builds"][0]["sources"].as_array().expect("sources");
    assert!(sources.iter().all(|source| !source["rounds"][0]["events"].is_null()), "{json}");
    assert!(
        std::fs::read_to_string(place.path().join("r.txt")).expect("a report").contains("host is \"b.test\"")
    );
}

#[test]
fn each_source_is_explained_by_its_own_decision() {
    let dockerfile = "FROM base AS a\nFROM other\nCOPY --from=a / /\n";
    let policy = LISTED.replace("input.image.labels", "input.ociLayout.labels");
    let place = place(&policy, dockerfile);
    layout(&place, "base", r#"{"os":"linux","config":{"Labels":{"team":"apps"}}}"#);
    layout(&place, "other", r#"{"os":"linux","config":{"Labels":{"team":"infra"}}}"#);
    let args = ["--build-context", "base=oci-layout://base", "--build-context", "other=oci-layout://other"];
    let explained =
        |more: &[&str]| dry_run(&place, &[&args[..], &["--explain"], more, &["."]].concat()).finish();
    let run = explained(&["--snapshot", "s.json"]);
    let reasons = ["input.ociLayout.labels.team is \"apps\"", "decided at Dockerfile.rego:12:1"];
    assert!(reasons.iter().all(|reason| run.stdout.contains(reason)), "{}", run.stdout);
    // A run from a snapshot explains the same.
    assert_eq!(explained(&["--offline", "s.json"]).stdout, run.stdout);
    // And each build its own sources.
    let bake = "target \"x\" { contexts = { base = \"oci-layout://base\" } }\n\
                target \"y\" { contexts = { base = \"oci-layout://other\" } }\n";
    place.write("docker-bake.hcl", bake);
    place.write("Dockerfile", "FROM base\n");
    let run = place.run(["dry-run", "--explain", "--bake", "docker-bake.hcl", "x", "y"]).finish();
    assert_eq!(run.stdout.matches("labels.team is \"apps\"").count(), 1, "{}", run.stdout);
}

#[test]
fn reports_in_files() {
    let place = place(LOCAL_ONLY, "FROM scratch\n");
    let run = dry_run(
        &place,
        &["-o", "json=a", "--output", "b.txt", "-o", "type=docker", "--color", "always", "."],
    );
    assert_eq!(run.finish().code, 0);
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path().join("a")).unwrap()).unwrap();
    assert_eq!(report["builds"][0]["dockerfile"]["path"], "Dockerfile");
    let text = std::fs::read_to_string(place.path().join("b.txt")).unwrap();
    assert!(text.ends_with("2 sources: 2 allowed\n") && !text.contains('\u{1b}'), "{text}");
    assert_snapshot!(dry_run(&place, &["-o", "no/such/folder.json", "-q", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot write the report `no/such/folder.json`: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_command_line_of_buildx() {
    let place = place(LOCAL_ONLY, "FROM scratch\n");
    let args = "-t a:1 --tag b:1 --push --load=false --progress plain --secret id=x,src=y --ssh default --pull \
                --cache-from type=registry,ref=x --cache-to type=inline --no-cache --network host -m 2g --rm \
                --metadata-file m.json --iidfile i --annotation a=b --ulimit nofile=1 --builder x .";
    let run = dry_run(&place, &args.split_whitespace().collect::<Vec<_>>()).finish();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}

#[test]
fn what_is_wrong_with_the_build() {
    let place = place(LOCAL_ONLY, "FROM scratch\nNOPE\n");
    assert_snapshot!(dry_run(&place, &["."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: Dockerfile:2: unknown instruction "NOPE"
       --> Dockerfile:2
        |
      2 | NOPE
        | ^^^^
    "#);
    assert_snapshot!(dry_run(&place, &["nowhere"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is no build context `nowhere`: it is neither a folder nor a git or http(s) URL
    help: name a folder, a git URL (`https://host/repo.git#ref:folder`), the URL of an archive, or `-`
    "#);
    assert_snapshot!(dry_run(&place, &["-f", "nothing", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: cannot read the Dockerfile `nothing`: there is no such file
    help: name the Dockerfile with `--file`
    "#);
    assert_snapshot!(dry_run(&place, &[]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: there is nothing to look at: name a build context
    help: `policy-check dry-run .` looks at the Dockerfile of this folder
    "#);
    let json = dry_run(&place, &["--format", "json", "."]).finish();
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["builds"][0]["error"]["place"]["instruction"], "NOPE");
    place.write("Dockerfile.rego", "package docker\n\nallow if nope(1)\n");
    let json = dry_run(&place, &["--format", "json", "."]).finish();
    assert_eq!(json.code, 2);
    let report: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["builds"][0]["error"]["code"], "policy-invalid");
}

/// A target of bake that is built on another one, which no policy of its own holds back.
fn linked(base: &str, app: &str) -> Place {
    let place = Place::with_policy(LOCAL_ONLY);
    place.write("base/Dockerfile", base);
    place.write("app/Dockerfile", app);
    place.write("app/Dockerfile.rego", LOCAL_ONLY);
    place.write(
        "docker-bake.hcl",
        "target \"base\" { context = \"base\" }\n\
         target \"app\" {\n  context = \"app\"\n  contexts = { base = \"target:base\" }\n}\n",
    );
    place
}

#[test]
fn what_another_target_is_made_of_needs_the_consent_of_this_one() {
    let base = "FROM scratch\nADD https://127.0.0.1:1/b /\nENV HOST=127.0.0.1:1\n\
                ONBUILD ADD https://$HOST/c /\n";
    let place = linked(base, "FROM base\nADD https://$HOST/d /\n");
    assert_snapshot!(place.run(["dry-run", "--bake", ".", "app"]).shown(), @r#"
    exit: 1
    -- stdout --
    base base/Dockerfile
    allowed local://dockerfile
    allowed local://context
    allowed https://127.0.0.1:1/b base/Dockerfile:2
    app app/Dockerfile
    allowed local://dockerfile
    allowed local://context
    denied https://127.0.0.1:1/b app/Dockerfile:1
    denied https://127.0.0.1:1/c app/Dockerfile:1
    denied https://127.0.0.1:1/d app/Dockerfile:2

    denied: app: https://127.0.0.1:1/b
      - 127.0.0.1:1 is not local
       --> app/Dockerfile:1
        |
      1 | FROM base
        | ^^^^^^^^^
       --> app/Dockerfile.rego:9:1
        |
      9 | deny_msg contains sprintf("%s is not local", [input.http.host]) if input.http
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    denied: app: https://127.0.0.1:1/c
      - 127.0.0.1:1 is not local
       --> app/Dockerfile:1
        |
      1 | FROM base
        | ^^^^^^^^^
       --> app/Dockerfile.rego:9:1
        |
      9 | deny_msg contains sprintf("%s is not local", [input.http.host]) if input.http
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    denied: app: https://127.0.0.1:1/d
      - 127.0.0.1:1 is not local
       --> app/Dockerfile:2
        |
      2 | ADD https://$HOST/d /
        | ^^^^^^^^^^^^^^^^^^^^^
       --> app/Dockerfile.rego:9:1
        |
      9 | deny_msg contains sprintf("%s is not local", [input.http.host]) if input.http
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    8 sources of 2 builds: 5 allowed, 3 denied (no policy applies to 1)
    -- stderr --
    warning: base: no policy applies to `base/Dockerfile`, so all its sources are allowed
    "#);
}

#[test]
fn what_depends_on_a_broken_target_is_undecided() {
    let place = linked("FROM\n", "FROM base\n");
    assert_snapshot!(place.run(["dry-run", "--bake", ".", "app"]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: base: base/Dockerfile:1: FROM needs an image, or an image, AS and a name
       --> base/Dockerfile:1
        |
      1 | FROM
        | ^^^^
    error: app: the build uses the target `base`, whose sources could not be told
    "#);
}

#[test]
fn a_target_is_no_context_outside_of_bake() {
    let place = place(LOCAL_ONLY, "FROM base\n");
    assert_snapshot!(dry_run(&place, &["--build-context", "base=target:base", "."]).shown(), @r#"
    exit: 2
    -- stdout --
    -- stderr --
    error: Dockerfile: the context `target:base` is not known: no such target is built, or its sources could not be found
    "#);
}

#[cfg(unix)]
#[test]
fn names_of_files_do_not_steer_the_terminal() {
    let place = Place::with_policy(LOCAL_ONLY);
    let name = "\u{1b}[31m\nallowed local\u{202e}";
    place.write(name, "FROM scratch\nADD https://127.0.0.1:1/\u{202e}x /\n");
    place.write(&format!("{name}.rego"), LOCAL_ONLY);
    for format in ["human", "github", "junit", "sarif", "json"] {
        let args = ["--file", name, "--format", format, "--color", "always", "."];
        let Finished { code, stdout, stderr } = dry_run(&place, &args).finish();
        let text = stdout.clone() + &stderr;
        assert_eq!(code, 1, "{text}");
        assert!(!text.contains("\nallowed local\u{fffd}") && !text.contains("\u{1b}[31m\n"), "{text}");
        assert!(format == "json" || !text.contains('\u{202e}'), "{text}");
    }
}

#[test]
fn a_layout_by_digest_that_is_not_there_is_undecided() {
    let place = place(ALLOW_ALL, "# syntax=frontend\nFROM base\n");
    let layout = format!("oci-layout://nowhere@sha256:{}", "0a".repeat(32));
    let (base, frontend) = (format!("base={layout}"), format!("frontend={layout}"));
    let run = dry_run(&place, &["--build-context", &base, "--build-context", &frontend, "."]).finish();
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stdout.contains("3 sources: 2 allowed, 1 undecided"), "{}", run.stdout);
    assert!(!run.stdout.contains("***"), "{}", run.stdout);
}

#[test]
fn a_definition_that_builds_nothing_says_so() {
    let place = Place::with_policy(LOCAL_ONLY);
    place.write("compose.yaml", "services:\n  db:\n    image: postgres\n");
    let run = place.run(["dry-run", "--compose", "compose.yaml"]).finish();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("the definition builds nothing"), "{}", run.stderr);
}

#[test]
fn tokens_in_queries_are_no_text_to_show() {
    let place = place(LOCAL_ONLY, "FROM scratch\nADD https://127.0.0.1:1/a?v=1&token=s3cret /\n");
    for format in ["human", "json", "sarif", "junit", "github"] {
        let args = ["-v", "--no-cache", "--format", format, "--snapshot", "snapshot.json", "."];
        let run = dry_run(&place, &args).finish();
        assert_eq!(run.code, 1, "{}", run.stderr);
        let snapshot = std::fs::read_to_string(place.path().join("snapshot.json")).unwrap();
        for text in [run.stdout, run.stderr, snapshot] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}
