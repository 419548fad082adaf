//! What is shipped for other tools: the GitHub Action, run as a runner would, and the pre-commit hook.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::Place;

const LOCAL_ONLY: &str = "package docker\n\ndefault allow := false\n\nallow if input.local\n\n\
                          deny_msg contains \"no\" if input.http\n\n\
                          decision := {\"allow\": allow, \"deny_msg\": deny_msg}\n";
const LOADS_A_FILE: &str = "FROM scratch\nADD https://127.0.0.1:1/file /\n";

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).expect("a file of the repository")
}

fn yaml(path: &str) -> yaml_serde::Value {
    yaml_serde::from_str(&read(path)).expect("YAML")
}

/// The action's step `check`, ready to run in `place` with these inputs.
fn action(place: &Place, inputs: &[(&str, &str)]) -> Command {
    let action = yaml("action.yml");
    let value = |name: &str| {
        let given = inputs.iter().find(|(input, _)| *input == name).map(|(_, value)| (*value).to_owned());
        given.unwrap_or_else(|| action["inputs"][name]["default"].as_str().expect("a default").to_owned())
    };
    let steps = action["runs"]["steps"].as_sequence().expect("steps");
    let step = steps.iter().find(|step| step["id"] == "check").expect("the step");
    assert_eq!(step["shell"], "bash");
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"].as_str().expect("a script")]);
    command.current_dir(place.path()).env_clear();
    for (name, expression) in step["env"].as_mapping().expect("variables") {
        let expression = expression.as_str().expect("text");
        let input = expression.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}"));
        command.env(name.as_str().expect("a name"), value(input.expect("an input")));
    }
    let program = Path::new(env!("CARGO_BIN_EXE_policy-check")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", program.display())).env("HOME", place.path());
    command.env("RUNNER_TEMP", place.path()).env("GITHUB_OUTPUT", place.path().join("outputs"));
    command
}

#[test]
fn the_action_annotates_denials() {
    let place = Place::with_policy(LOCAL_ONLY);
    place.write("Dockerfile", LOADS_A_FILE);
    let run = action(&place, &[("sarif-file", "out.sarif")]).output().expect("bash runs");
    let shown = String::from_utf8(run.stdout).expect("UTF-8");
    assert_eq!(run.status.code(), Some(1), "{shown}{}", String::from_utf8_lossy(&run.stderr));
    assert!(shown.contains("::error file=Dockerfile,line=2"), "{shown}");
    let file = |name: &str| std::fs::read_to_string(place.path().join(name)).expect(name);
    let report = place.path().join("policy-check.json");
    assert_eq!(file("outputs"), format!("exit-code=1\nreport={}\n", report.display()));
    assert!(file("policy-check.json").contains("\"verdict\": \"denied\""));
    assert!(file("out.sarif").contains("2.1.0"));
}

#[test]
fn inputs_of_the_action_are_arguments_and_no_script() {
    let place = Place::with_policy(
        "package docker\n\ndecision := {\"allow\": input.env.args.A == \"$(touch ran) `touch ran`; x\"}\n",
    );
    place.write("sub dir/Dockerfile", "ARG A\nFROM scratch\n");
    place.write("sub dir/Dockerfile.rego", LOCAL_ONLY);
    let inputs = [
        ("context", "sub dir"),
        ("policies", "filename=cwd://Dockerfile.rego"),
        ("build-args", "A=$(touch ran) `touch ran`; x\n\nB=2"),
        ("platforms", "linux/amd64,linux/arm64"),
        ("args", "--label\na=b"),
    ];
    let run = action(&place, &inputs).output().expect("bash runs");
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(!place.path().join("ran").exists() && !place.path().join("sub dir/ran").exists());
}

#[test]
fn the_action_wants_a_policy() {
    let place = Place::new();
    place.write("Dockerfile", "FROM scratch\n");
    assert_eq!(action(&place, &[]).output().expect("bash runs").status.code(), Some(2));
    let run = action(&place, &[("require-policy", "false")]).output().expect("bash runs");
    assert_eq!(run.status.code(), Some(0));
}

#[test]
fn inputs_of_the_action_are_documented() {
    let (action, page) = (yaml("action.yml"), read("docs/integrations.md"));
    for (name, _) in action["inputs"].as_mapping().expect("inputs") {
        let name = name.as_str().expect("a name");
        assert!(page.contains(&format!("`{name}`")), "docs/integrations.md does not know `{name}`");
    }
}

#[test]
fn the_pre_commit_hook_runs_when_a_build_may_change() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hook = &hooks[0];
    let files = regex::Regex::new(hook["files"].as_str().expect("a pattern")).expect("a pattern");
    for path in [
        "Dockerfile",
        "a/Dockerfile",
        "web.Dockerfile",
        "Dockerfile.dev",
        "Containerfile",
        "x/Dockerfile.rego",
        "policies/a/b.rego",
        "docker-bake.hcl",
        "compose.yaml",
        ".dockerignore",
    ] {
        assert!(files.is_match(path), "{path}");
    }
    for path in ["main.rs", "docs/docker.md", "Dockerfiles/readme.md"] {
        assert!(!files.is_match(path), "{path}");
    }

    let entry = hook["entry"].as_str().expect("a command");
    let args = hook["args"].as_sequence().expect("arguments").iter().filter_map(|arg| arg.as_str());
    let command: Vec<&str> = entry.split(' ').skip(1).chain(args).collect();
    let place = Place::with_policy(LOCAL_ONLY);
    place.write("Dockerfile", LOADS_A_FILE);
    assert_eq!(place.run(command.iter().copied()).finish().code, 1);
    place.write("Dockerfile", "FROM scratch\n");
    let run = place.run(command).finish();
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}
