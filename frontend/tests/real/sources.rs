//! Builds with each kind of source: allowed, denied, pinned.

use policy_testbed::Project;

use crate::stage::{Stage, stage, stage_with_hook};

const EVERY_KIND: &str = "FROM REGISTRY/real/shell:1 AS build
ADD http://HTTP/files/artifact.txt /out/artifact
ADD http://HTTP/git/repo.git#main /out/repo
COPY local /out/local
RUN busybox sha256sum /out/artifact >/out/sum
FROM scratch
COPY --from=build /out /
";

fn every_kind(stage: &Stage) -> Project {
    let project = stage.dockerfile(EVERY_KIND);
    project.write("local", "from here");
    project
}

/// Allows all but what a rule names.
fn denying(rule: &str) -> String {
    format!(
        "package docker\n\ndefault allow := true\n\n{rule}\n\nallow := false if count(deny_msg) > 0\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    )
}

#[test]
fn every_kind_that_is_allowed() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(
        r#"package docker

default allow := false

allow if input.local

allow if {
	input.image.fullRepo == "REGISTRY/real/shell"
	input.image.labels.team == "infra"
	input.image.hasProvenance
}

allow if {
	input.git.branch == "main"
	input.git.commit.author.email == "dev@world.test"
}

allow if input.http.checksum == "sha256:0d2429163ab1d22145d81f8f93a4d089dca136b2142c8ce94b28c189505aba3a"

decision := {"allow": allow}
"#,
    );
    let project = every_kind(stage);
    gate.build(&project).args(["--output=out"]).finish().passes();
    assert_eq!(project.read("out/local"), "from here");
    assert!(project.read("out/sum").starts_with("0d2429163ab1d22145d8"), "{}", project.read("out/sum"));
}

#[test]
fn every_kind_without_policy() {
    let Some(stage) = stage() else { return };
    let project = every_kind(stage);
    stage.open_gate().build(&project).args(["--output=out"]).finish().passes();
    assert_eq!(project.read("out/local"), "from here");
}

#[test]
fn each_kind_that_is_denied() {
    let Some(stage) = stage() else { return };
    for (kind, rule) in [
        ("image", r#"deny_msg contains "no such image" if input.image.repo == "REGISTRY/real/shell""#),
        ("image by its label", r#"deny_msg contains "no such team" if input.image.labels.team == "infra""#),
        ("git", r#"deny_msg contains "no such repository" if endswith(input.git.remote, "/repo.git")"#),
        ("http", r#"deny_msg contains "no such file" if input.http.path == "/files/artifact.txt""#),
        ("local", r#"deny_msg contains "no such folder" if input.local.name == "context""#),
    ] {
        let message = rule.split('"').nth(1).expect("a message");
        let run = stage.gate(&denying(rule)).build(&every_kind(stage)).args(["--output=out"]).finish();
        let run = run.fails_with(message).prints("not allowed by policy: action DENY");
        assert!(run.stderr.contains(&format!("Policy: {message}")), "{kind}: {}", run.shown());
    }
}

#[test]
fn a_denied_image_is_shown_where_the_dockerfile_names_it() {
    let Some(stage) = stage() else { return };
    let gate = stage
        .gate(&denying(r#"deny_msg contains "not this one" if input.image.repo == "REGISTRY/real/multi""#));
    let project = stage.dockerfile("FROM scratch AS a\n\nFROM REGISTRY/real/multi:1\nCOPY --from=a / /\n");
    let run = gate.build(&project).finish().fails_with("Policy: not this one");
    run.prints("Dockerfile:3").prints(&stage.fill("3 | >>> FROM REGISTRY/real/multi:1"));
}

#[test]
fn a_pin_replaces_the_tag() {
    let Some(stage) = stage() else { return };
    let digest = ["one", "two"].map(|text| {
        let files = [("Dockerfile", "FROM scratch\nCOPY text /\n"), ("text", text)];
        stage.push(&format!("real/pinned:{text}"), &files)
    });
    let gate = stage.gate(&format!(
        "package docker\n\ndefault allow := false\n\nallow if input.local\n\nallow if {{\n\t\
         input.image.tag == \"one\"\n\tpin_image(input.image, \"{0}\")\n}}\n\n\
         allow if input.image.checksum == \"{0}\"\n\ndecision := {{\"allow\": allow}}\n",
        digest[1]
    ));
    let project = stage.dockerfile("FROM REGISTRY/real/pinned:one\n");
    gate.build(&project).args(["--output=out"]).finish().passes();
    assert_eq!(project.read("out/text"), "two");
}

#[test]
fn platforms_are_judged_one_by_one() {
    let Some(stage) = stage() else { return };
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\nCOPY Dockerfile /\n");
    let both = ["--platform=linux/amd64,linux/arm64", "--output=out"];
    let labelled = denying(r#"deny_msg contains "too many arms" if input.image.arch == "riscv64""#);
    stage.gate(&labelled).build(&project).args(both).finish().passes();
    assert_eq!(project.read("out/linux_arm64/text"), "hello");
    let gate = stage.gate(&denying(r#"deny_msg contains "too many arms" if input.image.arch == "arm64""#));
    gate.build(&project).args(both).finish().fails_with("Policy: too many arms");
    gate.build(&project).args(["--platform=linux/amd64"]).finish().passes();
}

/// Asking buildkitd 0.32.2 for the attestations of an image that is no index crashes it.
#[test]
fn provenance_of_an_image_without_index() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.gate(&denying(
        r#"deny_msg contains "no provenance" if {
	input.image
	not input.image.hasProvenance
}"#,
    ));
    for image in ["real/single:1", "library/base:docker", "library/multi:noattest"] {
        let project = stage.dockerfile(&format!("FROM REGISTRY/{image}\n"));
        gate.build(&project).finish().fails_with("Policy: no provenance");
    }
    gate.build(&stage.dockerfile("FROM REGISTRY/real/shell:1\n")).finish().passes();
    assert!(!stage.daemon_log().contains("SIGSEGV"), "{}", stage.daemon_log());
}

#[test]
fn the_image_of_a_frontend_is_a_source() {
    let Some(stage) = stage() else { return };
    let gate = stage.gate(&denying(
        r#"deny_msg contains "no frontends" if input.image.repo == "REGISTRY/real/frontend""#,
    ));
    let project = stage.dockerfile("# syntax=REGISTRY/real/frontend:1\nFROM scratch\n");
    gate.build(&project).finish().fails_with("Policy: no frontends");
}

#[test]
fn an_oci_layout_is_a_source() {
    let Some(stage) = stage_with_hook() else { return };
    let layout = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/demo/layout");
    let context = format!("--build-context=base=oci-layout://{layout}:1.0");
    let project = Project::dockerfile("FROM base\n");
    let allowing = denying(r#"deny_msg contains "no layouts" if input.ociLayout.tag == "2.0""#);
    stage.gate(&allowing).build(&project).args([&context]).finish().passes();
    let gate = stage.gate(&denying(r#"deny_msg contains "no layouts" if input.ociLayout"#));
    gate.build(&project).args([&context]).finish().fails_with("Policy: no layouts");
}

#[test]
fn what_run_fetches_is_a_source_with_the_proxy() {
    let Some(stage) = stage() else { return };
    let policy = |path: &str| {
        format!(
            "package docker\n\ndefault allow := false\n\nallow if input.local\n\nallow if input.image\n\n\
             allow if input.http.path == \"{path}\"\n\n\
             decision := {{\"allow\": allow, \"caps\": {{\"exec.proxy\": true}}}}\n"
        )
    };
    let fetch = "FROM REGISTRY/real/shell:1\nRUN busybox wget -O- http://HTTP/files/artifact.txt\n";
    let project = stage.dockerfile(fetch);
    let run =
        stage.gate(&policy("/files/artifact.txt")).build(&project).args(["--no-cache"]).finish().passes();
    run.prints("hello artifact v1").prints("proxy network requests");
    stage.gate(&policy("/other")).build(&project).args(["--no-cache"]).finish().fails_with("403");
}
