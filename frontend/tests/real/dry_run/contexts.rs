//! Contexts that come from elsewhere, policies that come with contexts, and pins.

use policy_testbed::Project;

use super::compared::{Outcome, Trial};
use super::{OPEN, PICKY, agree_under};
use crate::stage::stage_with_hook;

#[test]
fn contexts_from_elsewhere() {
    let Some(stage) = stage_with_hook() else { return };
    let content = stage.project(&[
        ("Dockerfile", "FROM REGISTRY/real/multi:1\nCOPY note /\n"),
        ("app/Dockerfile", "FROM REGISTRY/real/single:1\nCOPY note /\n"),
        ("note", "from afar"),
        ("app/note", "from further"),
    ]);
    let name = format!("dry-run-{}", std::process::id());
    let repository = stage.world.serve_repository(&name, content.path());
    let archive = stage.world.serve_archive(&name, content.path());
    let (main, app) = (format!("{repository}#main"), format!("{repository}#main:app"));
    let branch = format!("{repository}?branch=main&subdir=app");
    let file = "FROM REGISTRY/real/single:1\nADD http://HTTP/files/artifact.txt /\n";
    std::fs::write(stage.world.made(&format!("{name}.Dockerfile")), stage.fill(file))
        .expect("the Dockerfile");
    let alone = stage.fill(&format!("http://HTTP/made/{name}.Dockerfile"));
    let tar = std::fs::read(stage.world.made(&format!("{name}.tar.gz"))).expect("the archive");
    for (what, args, stdin) in [
        ("a repository", vec![main.as_str()], Vec::new()),
        ("a folder of a repository", vec![&app], Vec::new()),
        ("another Dockerfile of a repository", vec!["--file=app/Dockerfile", &main], Vec::new()),
        ("a branch of a repository", vec![&branch], Vec::new()),
        ("an archive", vec![&archive], Vec::new()),
        ("a Dockerfile behind a URL", vec!["--file", &alone, "."], Vec::new()),
        ("a Dockerfile behind a URL, alone", vec![&alone], Vec::new()),
        ("another Dockerfile of an archive", vec!["--file=app/Dockerfile", &archive], Vec::new()),
        ("a Dockerfile from standard input", vec!["--file=-", "."], stage.fill(file).into_bytes()),
        (
            "a Dockerfile from standard input, a repository",
            vec!["--file=-", &main],
            stage.fill(file).into_bytes(),
        ),
        ("a Dockerfile alone, from standard input", vec!["-"], stage.fill(file).into_bytes()),
        ("an archive from standard input", vec!["-"], tar),
    ] {
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        for (policy, outcome) in [(OPEN, Outcome::Passed), (PICKY, Outcome::Denied)] {
            let trial = Trial { stage, name: what, project: &Project::of(&[]), ends: &[outcome] };
            agree_under(policy, &trial, &args, &stdin);
        }
    }
}

/// The policy beside the Dockerfile is read by all three: buildx, the hook and the dry run.
#[test]
fn policies_beside_the_dockerfile() {
    let Some(stage) = stage_with_hook() else { return };
    let policy = r#"package docker

import data.lib.names

default allow := false

allow if not input.image

allow if {
	input.image.repo in names.good
	input.env.args.MODE == "release"
}

deny_msg contains sprintf("%s in %s mode of %s", [input.image.ref, input.env.args.MODE, input.env.filename]) if not allow

decision := {"allow": allow, "deny_msg": deny_msg}
"#;
    let project = stage.project(&[
        ("app.Dockerfile", "FROM REGISTRY/real/multi:1\nCOPY names.json /\n"),
        ("app.Dockerfile.rego", policy),
        ("lib/names.rego", "package lib.names\n\ngood := load_json(\"names.json\")\n"),
        ("names.json", "[\"REGISTRY/real/multi\"]"),
    ]);
    let repository = stage.world.serve_repository(&format!("own-{}", std::process::id()), project.path());
    for (mode, outcome) in [("release", Outcome::Passed), ("debug", Outcome::Denied)] {
        for context in [".", &format!("{repository}#main")] {
            let args =
                ["--file=app.Dockerfile".to_owned(), format!("--build-arg=MODE={mode}"), context.to_owned()];
            let name = format!("{mode} of {context}");
            Trial { stage, name: &name, project: &project, ends: &[outcome] }.build(&args, &[]);
        }
    }
}

/// What is pinned is asked about again, and its pin judged.
#[test]
fn pins() {
    let Some(stage) = stage_with_hook() else { return };
    let [_, two] = ["one", "two"].map(|text| {
        stage.push(
            &format!("real/pinned:{text}"),
            &[("Dockerfile", "FROM scratch\nCOPY text /\n"), ("text", text)],
        )
    });
    let own = stage.digest("real/multi:1");
    let missing = format!("sha256:{}", "0".repeat(64));
    for (name, digest, denied, outcome) in [
        ("another tag's digest", &two, "none", Outcome::Passed),
        ("another tag's digest, which is denied", &two, &two, Outcome::Denied),
        ("a digest that is not there", &missing, "none", Outcome::Failed),
    ] {
        let project = stage.dockerfile(
            "FROM REGISTRY/real/pinned:one\nCOPY --from=REGISTRY/real/multi:1 /text /other\n\
             ADD http://HTTP/files/artifact.txt /\n",
        );
        let policy = format!(
            r#"package docker

default allow := false

allow if not input.image

allow if {{
	input.image.tag == "one"
	pin_image(input.image, "{digest}")
}}

allow if {{
	input.image.repo == "REGISTRY/real/multi"
	pin_image(input.image, "{own}")
}}

deny_msg contains "not that one" if input.image.checksum == "{denied}"

decision := {{"allow": allow, "deny_msg": deny_msg}} if count(deny_msg) == 0

decision := {{"allow": false, "deny_msg": deny_msg}} if count(deny_msg) > 0
"#
        );
        project.write("Dockerfile.rego", stage.fill(&policy));
        Trial { stage, name, project: &project, ends: &[outcome] }.build(&[".".to_owned()], &[]);
    }
}
