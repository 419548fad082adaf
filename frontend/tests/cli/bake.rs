//! Several builds at once: bake and Compose files.

use insta::assert_snapshot;

use crate::harness::{Place, Run};

const LOCAL_ONLY: &str = "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
                          deny_msg contains \"no downloads\" if input.http\n\n\
                          decision := {\"allow\": allow, \"deny_msg\": deny_msg}\n";

fn dry_run(place: &Place, args: &[&str]) -> Run {
    place.run(["dry-run"].iter().chain(args).copied())
}

/// `base` downloads, which nobody forbids it; `app` is made of its result.
fn of_another_result() -> Place {
    let place = Place::new();
    place.write("local-only.rego", LOCAL_ONLY);
    place.write(
        "docker-bake.hcl",
        r#"
target "base" {
  dockerfile-inline = "FROM scratch\nADD https://127.0.0.1:1/file /"
}
target "middle" {
  contexts = { b = "target:base" }
  dockerfile-inline = "FROM b"
}
target "app" {
  contexts = { m = "target:middle" }
  policy = ["filename=local-only.rego"]
  dockerfile-inline = "FROM scratch\nCOPY --from=m /file /"
}
"#,
    );
    place
}

#[test]
fn the_result_of_another_target_is_judged_where_it_is_used() {
    let place = of_another_result();
    assert_snapshot!(dry_run(&place, &["--bake", "docker-bake.hcl", "app"]).shown(), @r#"
    exit: 1
    -- stdout --
    base inline
    allowed local://dockerfile
    allowed local://context
    allowed https://127.0.0.1:1/file inline:2
    middle inline
    allowed local://dockerfile
    allowed local://context
    allowed https://127.0.0.1:1/file inline:1
    app inline
    allowed local://dockerfile
    allowed local://context
    denied https://127.0.0.1:1/file inline:2

    denied: app: https://127.0.0.1:1/file
      - no downloads
       --> inline:2
        |
      2 | COPY --from=m /file /
        | ^^^^^^^^^^^^^^^^^^^^^
       --> local-only.rego:7:1
        |
      7 | deny_msg contains "no downloads" if input.http
        | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    9 sources of 3 builds: 8 allowed, 1 denied (no policy applies to 2)
    -- stderr --
    warning: base: no policy applies to `inline`, so all its sources are allowed
    warning: middle: no policy applies to `inline`, so all its sources are allowed
    "#);
    assert_eq!(dry_run(&place, &["--bake", ".", "middle"]).finish().code, 0);
}

/// What one target cannot be told for is why, and not how it is used.
#[test]
fn a_target_that_is_out_of_reach_is_no_mistake_of_its_users() {
    let place = Place::new();
    place.write(
        "docker-bake.hcl",
        "target \"base\" {\n  context = \"https://127.0.0.1:1/context.tar\"\n}\n\
         target \"app\" {\n  contexts = { m = \"target:base\" }\n  dockerfile-inline = \"FROM m\"\n}\n",
    );
    let run = dry_run(&place, &["--bake", ".", "app"]).finish();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("app: the build uses the target `base`"), "{}", run.stderr);
}

#[test]
fn overrides_and_variables() {
    let place = Place::with_policy(LOCAL_ONLY);
    place.write("file", "");
    place.write(
        "docker-bake.hcl",
        "variable \"WHAT\" {\n  default = \"https://127.0.0.1:1/file\"\n}\n\
         target \"default\" {\n  args = { WHAT = WHAT }\n}\n",
    );
    place.write("Dockerfile", "FROM scratch\nARG WHAT\nADD $WHAT /\n");
    assert_eq!(dry_run(&place, &["--bake", "."]).finish().code, 1);
    assert_eq!(dry_run(&place, &["--bake", ".", "--var", "WHAT=file"]).finish().code, 0);
    assert_eq!(dry_run(&place, &["--bake", "."]).env("WHAT", "file").finish().code, 0);
    assert_eq!(dry_run(&place, &["--bake", ".", "--set", "*.args.WHAT=file"]).finish().code, 0);
}

#[test]
fn services_of_compose() {
    let place = Place::new();
    place.write("web/Dockerfile", "FROM scratch\nADD https://127.0.0.1:1/file /\n");
    place.write("web/Dockerfile.rego", LOCAL_ONLY);
    place.write("db/Dockerfile", "FROM scratch\n");
    place.write(
        "compose.yaml",
        "services:\n  web:\n    build: web\n  db:\n    build: ./db\n  cache:\n    image: redis\n",
    );
    assert_eq!(dry_run(&place, &["--compose", "compose.yaml", "db"]).finish().code, 0);
    let run = dry_run(&place, &["--compose", "compose.yaml", "--format", "json"]).finish();
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let names: Vec<_> = report["builds"].as_array().expect("builds").iter().map(|b| &b["name"]).collect();
    assert_eq!(names, ["db", "web"]);
}

#[test]
fn wrong_definitions_and_those_that_cannot_be_resolved() {
    let place = Place::new();
    place.write("wrong.hcl", "target \"default\" {\n  args = {\n}\n");
    place.write("right.hcl", "target \"default\" {}\n");
    place.write("bcrypt.hcl", "target \"default\" {\n  args = { A = bcrypt(\"x\") }\n}\n");
    for (args, code, said) in [
        (&["--bake", "wrong.hcl"][..], 2, "wrong.hcl:"),
        (&["--bake", "nope.hcl"], 2, "nope.hcl"),
        (&["--bake", "."], 2, "no bake definition in `.`"),
        (&["--bake", "bcrypt.hcl"], 3, "bcrypt.hcl:2:"),
        (&["--bake", "right.hcl", "other"], 2, "`other`"),
        (&["--bake", "right.hcl", "--file", "x"], 2, "cannot be used with"),
        (&["--bake", "right.hcl", "--var", "x"], 2, "NAME=VALUE is needed"),
        (&["--set", "a.b=c", "."], 2, "--bake"),
        (&["a", "b"], 2, "one build has one context"),
    ] {
        let run = dry_run(&place, args).finish();
        assert_eq!(run.code, code, "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

/// The lock's policy is asked about the same sources.
#[test]
fn the_lock_of_a_target_has_what_its_parts_are_made_of() {
    let place = Place::new();
    let layout = crate::harness::fixture("demo/layout");
    place.write("base/Dockerfile", "FROM image\n");
    place.write("app/Dockerfile", "FROM scratch\nCOPY --from=b / /\n");
    place.write(
        "docker-bake.hcl",
        format!(
            "target \"base\" {{\n  context = \"base\"\n  platforms = [\"linux/amd64\"]\n  contexts = {{ image = \"oci-layout://{}:1.0\" }}\n}}\n\
             target \"default\" {{\n  context = \"app\"\n  platforms = [\"linux/amd64\"]\n  contexts = {{ b = \"target:base\" }}\n}}\n",
            layout.display()
        ),
    );
    let run = place.run(["lock", "--bake", "."]).finish();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let lock =
        |of: &str| std::fs::read_to_string(place.path().join(of).join("Dockerfile.lock.json")).expect(of);
    assert!(lock("app").contains("sha256:"), "{}", lock("app"));
    assert_eq!(lock("app"), lock("base"));
    assert_eq!(place.run(["lock", "--check", "--bake", "."]).finish().code, 0);
}
