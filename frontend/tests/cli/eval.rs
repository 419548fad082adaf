//! Decisions about local sources and the demo's layout, and how they are reported.

use insta::assert_snapshot;

use crate::harness::{Place, fixture, run_in};

const DENY_ALL: &str =
    "package docker\n\ndecision := {\"allow\": false, \"deny_msg\": {\"no\", \"never\"}}\n";
const ALLOW_LOCAL: &str =
    "package docker\n\ndefault allow := false\n\nallow if input.local\n\ndecision := {\"allow\": allow}\n";

#[test]
fn allowed() {
    assert_snapshot!(Place::with_policy(ALLOW_LOCAL).run(["eval", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://context
      decided at Dockerfile.rego:5:1
    -- stderr --
    "#);
}

#[test]
fn denied() {
    assert_snapshot!(Place::with_policy(DENY_ALL).run(["eval", "."]).shown(), @r#"
    exit: 1
    -- stdout --
    denied local://context
      - never
      - no
      decided at Dockerfile.rego:3:1
    -- stderr --
    "#);
}

#[test]
fn quiet_prints_denials_only() {
    assert_snapshot!(Place::with_policy(ALLOW_LOCAL).run(["eval", "-q", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    -- stderr --
    "#);
    assert_snapshot!(Place::with_policy(DENY_ALL).run(["eval", "-q", "."]).shown(), @r#"
    exit: 1
    -- stdout --
    denied local://context
      - never
      - no
      decided at Dockerfile.rego:3:1
    -- stderr --
    "#);
}

#[test]
fn colours_and_symbols_where_wanted() {
    let place = Place::with_policy(DENY_ALL);
    let coloured = place.run(["--color", "always", "eval", "."]).finish();
    assert!(coloured.stdout.contains("\u{1b}[") && coloured.stdout.contains('✗'), "{}", coloured.stdout);
    let plain = place.run(["eval", "."]).env("CLICOLOR", "1").finish();
    assert!(!plain.stdout.contains('\u{1b}') && !plain.stdout.contains('✗'), "{}", plain.stdout);
}

#[test]
fn json_report() {
    assert_snapshot!(Place::with_policy(DENY_ALL).run(["eval", "--format", "json", "."]).shown(), @r#"
    exit: 1
    -- stdout --
    {
      "version": 1,
      "source": "local://context",
      "platform": "linux/amd64",
      "verdict": "denied",
      "messages": [
        "never",
        "no"
      ],
      "position": {
        "file": "Dockerfile.rego",
        "line": 3,
        "column": 1
      }
    }
    -- stderr --
    "#);
}

#[test]
fn layout_without_daemon_and_network() {
    let root = fixture("..");
    let demo = |tag: &str| {
        let source = format!("oci-layout://fixtures/demo/layout:{tag}");
        run_in(&root, ["eval", "--file", "fixtures/demo/Dockerfile", &source]).shown()
    };
    assert_snapshot!(demo("1.0"), @r#"
    exit: 0
    -- stdout --
    allowed oci-layout://fixtures/demo/layout:1.0 (linux/amd64)
      decided at fixtures/demo/Dockerfile.rego:9:1
    -- stderr --
    "#);
    assert_snapshot!(demo("root"), @r#"
    exit: 1
    -- stdout --
    denied oci-layout://fixtures/demo/layout:root (linux/amd64)
      - the image names no team that we know
      - the image runs as root
      decided at fixtures/demo/Dockerfile.rego:16:1
    -- stderr --
    "#);
    assert_snapshot!(demo("nope"), @r#"
    exit: 3
    -- stdout --
    undecided oci-layout://fixtures/demo/layout:nope (linux/amd64)
      cannot resolve `oci-layout://fixtures/demo/layout:nope`: oci-layout://fixtures/demo/layout:nope: tag "nope" in index.json not found; check the name, the tag and the digest
      help: the policy reads properties that must be looked up; check the source's name, access to it, and `-v`
    -- stderr --
    "#);
}

#[test]
fn explanation() {
    let root = fixture("..");
    let source = "oci-layout://fixtures/demo/layout:root";
    let args = ["eval", "--explain", "--file", "fixtures/demo/Dockerfile", source];
    assert_snapshot!(run_in(&root, args).shown(), @r#"
    exit: 1
    -- stdout --
    denied oci-layout://fixtures/demo/layout:root (linux/amd64)
      - the image names no team that we know
      - the image runs as root
      decided at fixtures/demo/Dockerfile.rego:16:1
      round 1
        failed    data.docker.allow at fixtures/demo/Dockerfile.rego:6:1, because of fixtures/demo/Dockerfile.rego:6:10
                  input.local
                    input.local is absent
        open      data.docker.runs_as_root at fixtures/demo/Dockerfile.rego:14:1
        asked for input.ociLayout.createdTime, input.ociLayout.env, input.ociLayout.labels, input.ociLayout.user, input.ociLayout.volumes, input.ociLayout.workingDir at fixtures/demo/Dockerfile.rego:23:15
        open      data.docker.known_team at fixtures/demo/Dockerfile.rego:23:1
        open      data.docker.allow at fixtures/demo/Dockerfile.rego:9:1
        open      data.docker.deny_msg at fixtures/demo/Dockerfile.rego:16:1
        open      data.docker.deny_msg at fixtures/demo/Dockerfile.rego:21:1
        open      data.docker.decision at fixtures/demo/Dockerfile.rego:25:1
        looked up oci-layout://fixtures/demo/layout:root (digest, image config)
      round 2
        failed    data.docker.allow at fixtures/demo/Dockerfile.rego:6:1, because of fixtures/demo/Dockerfile.rego:6:10
                  input.local
                    input.local is absent
        held      data.docker.runs_as_root at fixtures/demo/Dockerfile.rego:14:1
        failed    data.docker.allow at fixtures/demo/Dockerfile.rego:9:1, because of fixtures/demo/Dockerfile.rego:11:2
                  not runs_as_root
                    runs_as_root is true
        held      data.docker.allow at fixtures/demo/Dockerfile.rego:3:1
        failed    data.docker.known_team at fixtures/demo/Dockerfile.rego:23:1, because of fixtures/demo/Dockerfile.rego:23:15
                  input.ociLayout.labels.team in {"infra", "tools"}
                    input.ociLayout.labels.team is absent
        held      data.docker.deny_msg at fixtures/demo/Dockerfile.rego:16:1
        held      data.docker.deny_msg at fixtures/demo/Dockerfile.rego:21:1
        held      data.docker.decision at fixtures/demo/Dockerfile.rego:25:1
    -- stderr --
    "#);
    let json =
        run_in(&root, ["eval", "--explain", "--format", "json", "-f", "fixtures/demo/Dockerfile", source]);
    let json: serde_json::Value = serde_json::from_str(&json.finish().stdout).unwrap();
    assert_eq!(json["rounds"].as_array().unwrap().len(), 2);
    assert_eq!(json["rounds"][0]["lookups"][0]["wanted"], serde_json::json!(["digest", "image config"]));
    assert_eq!(json["rounds"][1]["events"][0]["event"], "failed");
}

#[test]
fn policy_on_standard_input() {
    let place = Place::new();
    assert_snapshot!(place.run(["eval", "-f", "-", "."]).stdin(ALLOW_LOCAL).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://context
      decided at stdin:5:1
    -- stderr --
    "#);
}

#[test]
fn rego_suffix_is_appended_once() {
    let place = Place::new();
    place.write("app.Dockerfile.rego", ALLOW_LOCAL);
    for file in ["app.Dockerfile", "app.Dockerfile.rego"] {
        assert_eq!(place.run(["eval", "--file", file, "."]).finish().code, 0, "{file}");
        assert_eq!(place.run(["eval", "--filename", file, "."]).finish().code, 0, "{file}");
    }
}

#[test]
fn all_policies_must_allow() {
    let place = Place::with_policy(ALLOW_LOCAL);
    place.write("deny.rego", DENY_ALL);
    place.write("allow.rego", ALLOW_LOCAL);
    let code = |args: &[&str]| place.run([&["eval"], args, &["."]].concat()).finish().code;
    assert_eq!(code(&["--policy", "allow.rego"]), 0);
    assert_eq!(code(&["--policy", "filename=deny.rego"]), 1);
    assert_eq!(code(&["--policy", "filename=deny.rego", "--policy", "reset=true,filename=allow.rego"]), 0);
    assert_eq!(code(&["--policy", "filename=deny.rego", "--policy", "reset=true"]), 2);
    assert_eq!(code(&["--policy", "cwd://deny.rego"]), 1);
}

#[test]
fn policies_named_on_the_command_line_need_none_beside_the_dockerfile() {
    let place = Place::new();
    place.write("policies/allow.rego", ALLOW_LOCAL);
    let code = |args: &[&str]| place.run([&["eval"], args, &["."]].concat()).finish().code;
    assert_eq!(code(&["--policy", "policies/allow.rego"]), 0);
    assert_eq!(code(&["--policy-root", "policies", "--policy", "filename=allow.rego"]), 0);
    assert_eq!(code(&["-f", "Dockerfile", "--policy", "policies/allow.rego"]), 2);
}

#[test]
fn files_of_one_flag_are_one_policy() {
    let place = Place::new();
    place.write("a.rego", "package docker\n\ndecision := {\"allow\": trusted}\n");
    place.write("b.rego", "package docker\n\ntrusted if input.local\n");
    assert_eq!(place.run(["eval", "--policy", "filename=a.rego,filename=b.rego", "."]).finish().code, 0);
    assert_eq!(place.run(["eval", "--policy", "filename=a.rego", "."]).finish().code, 2);
}

#[test]
fn disabled_policies_allow_and_say_so() {
    assert_snapshot!(Place::with_policy(DENY_ALL).run(["eval", "--policy", "disabled=true", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://context
      no policy: switched off by `--policy disabled=true`
    -- stderr --
    warning: no policy was evaluated: `--policy disabled=true` switches them off
    "#);
}

#[test]
fn build_as_the_policy_sees_it() {
    let place = Place::new();
    place.write(
        "my.Dockerfile.rego",
        "package docker\n\ndecision := {\"allow\": false, \"deny_msg\": [json.marshal(input.env)]}\n",
    );
    let args = [
        "eval",
        "-f",
        "my.Dockerfile",
        "--build-arg",
        "A=1",
        "--build-arg",
        "FROM_ENV",
        "--build-arg",
        "UNSET",
        "--label",
        "team=infra",
        "--target",
        "release",
        ".",
    ];
    assert_snapshot!(place.run(args).env("FROM_ENV", "here").shown(), @r#"
    exit: 1
    -- stdout --
    denied local://context
      - {"args":{"A":"1","FROM_ENV":"here","UNSET":null},"depth":0,"filename":"my.Dockerfile","labels":{"team":"infra"},"target":"release"}
      decided at my.Dockerfile.rego:3:1
    -- stderr --
    "#);
}

#[test]
fn prints_go_to_the_log() {
    let place = Place::with_policy(
        "package docker\n\nallow if print(\"seen\", input.local.name)\n\ndecision := {\"allow\": allow}\n",
    );
    assert_snapshot!(place.run(["eval", "."]).shown(), @r#"
    exit: 0
    -- stdout --
    allowed local://context
      decided at Dockerfile.rego:3:1
    -- stderr --
    note: Dockerfile.rego:3:10: seen context
    "#);
    assert_eq!(place.run(["eval", "-q", "."]).finish().stderr, "");
    assert_eq!(place.run(["eval", "--policy", "log-level=none", "."]).finish().stderr, "");
}

#[test]
fn imports_and_data_stay_in_the_root() {
    let place = Place::new();
    place.write("outside.json", "{}");
    place.write("root/lib/hosts.rego", "package anything\n\nlocal if input.local\n");
    place.write("root/data.json", "{\"allow\": true}");
    place.write("root/Dockerfile.rego", "package docker\n\nimport data.lib.hosts\n\nallow if { hosts.local; load_json(\"data.json\").allow }\n\ndecision := {\"allow\": allow}\n");
    let args = ["eval", "--policy-root", "root", "-f", "root/Dockerfile", "."];
    assert_eq!(place.run(args).finish().code, 0);

    place.write(
        "root/Dockerfile.rego",
        "package docker\n\nallow if load_json(\"../outside.json\")\n\ndecision := {\"allow\": allow}\n",
    );
    assert_snapshot!(place.run(args).shown(), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      root/Dockerfile.rego:3:10: load_json: cannot load `../outside.json`: the path leads out of the policy's root
      help: correct the call, or guard it with a condition; `--explain` shows how it was reached
    -- stderr --
    "#);
}

#[cfg(unix)]
#[test]
fn symlinks_do_not_lead_out_of_the_root() {
    let place = Place::new();
    place.write("outside.json", "{}");
    place.write(
        "root/Dockerfile.rego",
        "package docker\n\nallow if load_json(\"link.json\")\n\ndecision := {\"allow\": allow}\n",
    );
    std::os::unix::fs::symlink("../outside.json", place.path().join("root/link.json")).unwrap();
    assert_snapshot!(place.run(["eval", "--policy-root", "root", "-f", "root/Dockerfile", "."]).shown(), @r#"
    exit: 3
    -- stdout --
    undecided local://context
      root/Dockerfile.rego:3:10: load_json: cannot load `link.json`: the path leads out of the policy's root
      help: correct the call, or guard it with a condition; `--explain` shows how it was reached
    -- stderr --
    "#);
}

#[test]
fn schemas_are_json_schemas() {
    for document in ["input", "opa-input", "decision", "report"] {
        let run = Place::new().run(["schema", document]).finish();
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let schema: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["type"], "object");
    }
}

#[test]
fn the_capabilities_declare_what_a_policy_may_call() {
    let run = Place::new().run(["schema", "capabilities"]).finish();
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let capabilities: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(capabilities["features"].as_array().unwrap().contains(&"rego_v1".into()));
    let names: Vec<&str> =
        capabilities["builtins"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap()).collect();
    for name in ["startswith", "print", "load_json", "pin_image", "docker_github_builder"] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "each once");
}

#[test]
fn messages_cannot_steer_the_terminal() {
    let place = Place::with_policy(
        "package docker\n\ndecision := {\"allow\": false, \"deny_msg\": [\"a\\u001b[2Jb\"]}\n",
    );
    let run = place.run(["--color", "never", "eval", "."]).finish();
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
}

#[test]
fn credentials_are_never_printed() {
    let rego = "package docker\n\nseen if print(input.http.url)\n\n\
                decision := {\"allow\": false, \"deny_msg\": [input.http.url, sprintf(\"%v\", [seen])]}\n";
    let place = Place::with_policy(rego);
    let source = "https://user:s3cret@host.invalid/a";
    for args in
        [&["eval", source][..], &["eval", "--format", "json", "--explain", source], &["eval", "-v", source]]
    {
        let run = place.run(args.iter().copied()).finish();
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stdout.contains("https://***@host.invalid/a"), "{}", run.stdout);
        assert!(
            !run.stdout.contains("s3cret") && !run.stderr.contains("s3cret"),
            "{}{}",
            run.stdout,
            run.stderr
        );
    }
}

#[test]
fn a_denial_that_nobody_reads_is_one_all_the_same() {
    assert_eq!(Place::with_policy(DENY_ALL).run(["eval", "."]).code_unread(), 1);
    assert_eq!(Place::with_policy(DENY_ALL).run(["eval", "--format", "json", "."]).code_unread(), 1);
    assert_eq!(Place::with_policy(ALLOW_LOCAL).run(["eval", "."]).code_unread(), 0);
}
