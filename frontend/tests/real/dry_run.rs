//! `policy-check dry-run` beside the real build: the same command line must come to the same questions, each with
//! the same verdict. `buildx` evaluates the policy of the command line itself, and the hook's decision log tells
//! which questions there were.

mod bake;
mod compared;
mod contexts;

use policy_testbed::Project;

use crate::stage::{Stage, stage_with_hook};
use compared::{Outcome, Trial};

/// Allows everything.
const OPEN: &str = "package docker\n\ndecision := {\"allow\": true}\n";

/// Denies by what must be looked up, and names what it denies.
const PICKY: &str = r#"package docker

deny_msg contains sprintf("no shell: %s", [input.image.ref]) if input.image.labels.team == "infra"

deny_msg contains sprintf("no arm: %s", [input.image.ref]) if input.image.arch == "arm64"

deny_msg contains sprintf("no file with %s", [input.http.checksum]) if input.http.checksum

deny_msg contains sprintf("no commit: %s", [input.git.remote]) if endswith(input.git.commit.author.email, "@world.test")

deny_msg contains "no such folder" if input.local.name == "folder"

deny_msg contains "no layout" if input.ociLayout

decision := {"allow": count(deny_msg) == 0, "deny_msg": deny_msg}
"#;

/// A build: files of the folder that it runs in, and arguments.
struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    args: &'static [&'static str],
    /// How it ends when everything is allowed.
    ends: Outcome,
}

/// A build of the working directory.
const BUILD: Case = Case { name: "", files: &[], args: &["."], ends: Outcome::Passed };

/// Runs each case under both policies.
fn all_agree(stage: &Stage, cases: &[Case]) {
    for Case { name, files, args, ends } in cases {
        let args: Vec<_> = args.iter().map(|arg| stage.fill(arg)).collect();
        let project = stage.project(files);
        for (policy, ends) in [(OPEN, &[*ends][..]), (PICKY, &[*ends, Outcome::Denied])] {
            agree_under(policy, &Trial { stage, name, project: &project, ends }, &args, &[]);
        }
    }
}

/// Runs a build under this policy, which the command line names.
fn agree_under(policy: &str, trial: &Trial<'_>, args: &[String], stdin: &[u8]) {
    trial.project.write("given.rego", policy);
    let given = ["--policy=reset=true,filename=cwd://given.rego".to_owned()];
    trial.build(&[args, &given].concat(), stdin);
}

#[test]
fn stages() {
    let Some(stage) = stage_with_hook() else { return };
    stage.push(
        "real/trigger:1",
        &[("Dockerfile", "FROM scratch\nONBUILD COPY --from=REGISTRY/real/multi:1 /text /\n")],
    );
    all_agree(
        stage,
        &[
            Case {
                name: "several stages",
                files: &[(
                    "Dockerfile",
                    "ARG IMAGE=multi\nFROM REGISTRY/real/${IMAGE}:1 AS base\nFROM base AS a\nCOPY Dockerfile /\n\
                     FROM REGISTRY/real/single:1 AS unused\nFROM scratch\nCOPY --from=a / /\n",
                )],
                ..BUILD
            },
            Case {
                name: "an argument and a target",
                files: &[(
                    "Dockerfile",
                    "ARG IMAGE=multi\nFROM REGISTRY/real/${IMAGE}:1 AS a\nFROM REGISTRY/real/multi:1 AS b\n\
                     RUN exit 1\n",
                )],
                args: &["--build-arg=IMAGE=single", "--target=a", "."],
                ..BUILD
            },
            Case {
                name: "from nothing, and without files of the context",
                files: &[("Dockerfile", "FROM scratch\nENV A=B\n")],
                ..BUILD
            },
            Case {
                name: "files of images",
                files: &[(
                    "Dockerfile",
                    "FROM scratch\nCOPY --from=REGISTRY/real/multi:1 /text /text\n\
                     COPY --from=REGISTRY/real/shell:1 /bin/sh /sh\n",
                )],
                ..BUILD
            },
            Case {
                name: "mounts",
                files: &[(
                    "Dockerfile",
                    "FROM REGISTRY/real/single:1\nRUN --mount=from=REGISTRY/real/multi:1,target=/a \
                     --mount=type=bind,target=/b --mount=type=cache,target=/c busybox true\n",
                )],
                ..BUILD
            },
            Case { name: "a trigger", files: &[("Dockerfile", "FROM REGISTRY/real/trigger:1\n")], ..BUILD },
            Case {
                name: "a Dockerfile elsewhere",
                files: &[
                    ("other/my.Dockerfile", "FROM REGISTRY/real/multi:1\nCOPY note /\n"),
                    ("app/note", "here"),
                ],
                args: &["--file=other/my.Dockerfile", "app"],
                ..BUILD
            },
            Case {
                name: "attestations",
                files: &[("Dockerfile", "FROM REGISTRY/real/multi:1\n")],
                args: &["--provenance=mode=max", "--output=type=oci,dest=out.tar", "."],
                ..BUILD
            },
            // What is named as scanner is none.
            Case {
                name: "a scanner",
                files: &[("Dockerfile", "FROM REGISTRY/real/multi:1\n")],
                args: &[
                    "--attest=type=sbom,generator=REGISTRY/real/single:1",
                    "--output=type=oci,dest=out.tar",
                    ".",
                ],
                ends: Outcome::Failed,
            },
            Case {
                name: "an image that is not there",
                files: &[(
                    "Dockerfile",
                    "FROM REGISTRY/real/multi:1 AS a\nFROM REGISTRY/real/none:1\nCOPY --from=a / /\n",
                )],
                ends: Outcome::Failed,
                ..BUILD
            },
        ],
    );
}

#[test]
fn files_and_repositories() {
    let Some(stage) = stage_with_hook() else { return };
    all_agree(
        stage,
        &[
            Case {
                name: "ADD of a file and of a repository",
                files: &[(
                    "Dockerfile",
                    "FROM scratch\nADD http://HTTP/files/artifact.txt /\n\
                     ADD --checksum=sha256:0d2429163ab1d22145d81f8f93a4d089dca136b2142c8ce94b28c189505aba3a \
                     http://HTTP/files/artifact.txt /checked\nADD http://HTTP/git/repo.git#main /repo\n",
                )],
                ..BUILD
            },
            Case {
                name: "arguments and variables",
                files: &[(
                    "Dockerfile",
                    "ARG HOST=none\nFROM REGISTRY/real/shell:1\nARG HOST\nENV FILE=artifact.txt NAME=$HOST/files\n\
                     ADD http://${NAME}/${FILE}?$PATH /\nADD http://$HOST/git/repo.git#${FILE:+main}:sub /sub\n",
                )],
                args: &["--build-arg=HOST=HTTP", "."],
                ..BUILD
            },
            Case {
                name: "a query, a branch and a kept .git",
                files: &[(
                    "Dockerfile",
                    "ARG BRANCH=dev\nFROM scratch\nARG BRANCH\n\
                     ADD --keep-git-dir http://HTTP/git/repo.git?branch=${BRANCH} /dev\n",
                )],
                ..BUILD
            },
        ],
    );
}

#[test]
fn named_contexts() {
    let Some(stage) = stage_with_hook() else { return };
    all_agree(
        stage,
        &[
            Case {
                name: "an image in place of an image and of a stage",
                files: &[(
                    "Dockerfile",
                    "FROM REGISTRY/real/none:1 AS tools\nRUN exit 1\nFROM alpine\nCOPY --from=tools /text /\n",
                )],
                args: &[
                    "--build-context=alpine=docker-image://REGISTRY/real/single:1",
                    "--build-context=tools=docker-image://REGISTRY/real/multi:1",
                    ".",
                ],
                ..BUILD
            },
            Case {
                name: "an image by its name with a tag, and a repository in place of a stage",
                files: &[(
                    "Dockerfile",
                    "FROM REGISTRY/real/none:1 AS source\nFROM REGISTRY/real/none:2\nCOPY --from=source . /\n",
                )],
                args: &[
                    "--build-context=REGISTRY/real/none:2=docker-image://REGISTRY/real/multi:1",
                    "--build-context=source=http://HTTP/git/repo.git?branch=dev",
                    ".",
                ],
                ..BUILD
            },
            Case {
                name: "a folder, and one that is not used",
                files: &[
                    ("Dockerfile", "FROM scratch\nCOPY --from=folder note /\n"),
                    ("a/note", "here"),
                    ("b/note", "there"),
                ],
                args: &["--build-context=folder=a", "--build-context=unused=b", "."],
                ..BUILD
            },
            Case {
                name: "a repository and a file",
                files: &[(
                    "Dockerfile",
                    "FROM scratch\nCOPY --from=source . /source/\nCOPY --from=file context /\n",
                )],
                args: &[
                    "--build-context=source=http://HTTP/git/repo.git#main",
                    "--build-context=file=http://HTTP/files/artifact.txt",
                    ".",
                ],
                ..BUILD
            },
        ],
    );
}

/// buildx evaluates nothing about layouts, so here the hook has the policy.
#[test]
fn a_layout() {
    let Some(stage) = stage_with_hook() else { return };
    let layout = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/demo/layout:1.0");
    let project = Project::dockerfile("FROM base\n");
    for (policy, outcome) in [(OPEN, Outcome::Passed), (PICKY, Outcome::Denied)] {
        let args = [format!("--build-context=base=oci-layout://{layout}"), ".".to_owned()];
        let trial = Trial { stage, name: "a layout", project: &project, ends: &[outcome] };
        trial.build_with_policy_of_the_hook(policy, &args);
    }
}

#[test]
fn platforms() {
    let Some(stage) = stage_with_hook() else { return };
    let trigger = "FROM scratch\nCOPY Dockerfile /\nONBUILD ARG TARGETARCH\n\
                   ONBUILD ADD http://HTTP/files/artifact.txt?$TARGETARCH /\n";
    stage.push("real/for-each:1", &[("Dockerfile", trigger)]);
    all_agree(
        stage,
        &[
            Case {
                name: "two platforms",
                files: &[("Dockerfile", "FROM REGISTRY/real/multi:1\nCOPY Dockerfile /\n")],
                args: &["--platform=linux/amd64,linux/arm64", "."],
                ..BUILD
            },
            Case {
                name: "an image that is not for one of them",
                files: &[("Dockerfile", "FROM REGISTRY/real/shell:1\n")],
                args: &["--platform=linux/amd64,linux/arm64", "."],
                ends: Outcome::Failed,
            },
            Case {
                name: "a trigger for each",
                files: &[("Dockerfile", "FROM REGISTRY/real/for-each:1\n")],
                args: &["--platform=linux/amd64,linux/arm64", "."],
                ..BUILD
            },
            Case {
                name: "a stage of the builder's platform, and one by its argument",
                files: &[(
                    "Dockerfile",
                    "FROM --platform=$BUILDPLATFORM REGISTRY/real/single:1 AS make\nARG TARGETARCH\n\
                     RUN busybox echo $TARGETARCH >/made\nFROM --platform=linux/$TARGETARCH REGISTRY/real/multi:1\n\
                     COPY --from=make /made /\n",
                )],
                args: &["--platform=linux/arm64", "."],
                ..BUILD
            },
        ],
    );
}

#[test]
fn images_that_read_the_dockerfile() {
    let Some(stage) = stage_with_hook() else { return };
    all_agree(
        stage,
        &[
            // No frontend: the build fails when it runs, after it was asked about.
            Case {
                name: "# syntax",
                files: &[("Dockerfile", "# syntax=REGISTRY/real/shell:1\nFROM REGISTRY/real/multi:1\n")],
                ends: Outcome::Failed,
                ..BUILD
            },
            Case {
                name: "BUILDKIT_SYNTAX",
                files: &[("Dockerfile", "FROM REGISTRY/real/multi:1\n")],
                args: &["--build-arg=BUILDKIT_SYNTAX=REGISTRY/real/single:1", "."],
                ends: Outcome::Failed,
            },
        ],
    );
}
