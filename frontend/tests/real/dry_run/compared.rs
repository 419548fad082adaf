//! A build and its dry run, compared.

use std::collections::BTreeMap;
use std::path::Path;

use policy_testbed::{Finished, Project, Run};
use serde_json::Value;

use crate::stage::Stage;

/// The questions of a build, `docker-image://… (linux/amd64)`, and what was answered.
type Asked = BTreeMap<String, String>;

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Denied,
    /// For another reason.
    Failed,
}

/// A folder in which a command line is run twice: as a build, and dry.
pub(super) struct Trial<'a> {
    pub(super) stage: &'a Stage,
    pub(super) name: &'a str,
    pub(super) project: &'a Project,
    /// How the build may end.
    pub(super) ends: &'a [Outcome],
}

impl Trial<'_> {
    /// `buildx build ARGS` and `dry-run ARGS`.
    #[track_caller]
    pub(super) fn build(&self, args: &[String], stdin: &[u8]) {
        let gate = self.stage.repository_gate(None, &[]);
        let build =
            gate.buildx(self.project, &["build", "--progress=plain"]).args(args).stdin(stdin).finish();
        let run = dry_run(self.project).args(args).stdin(stdin).finish();
        self.compare(&build, &gate.every_decision(), &run);
    }

    /// The same with a policy that buildx doesn't know of.
    #[track_caller]
    pub(super) fn build_with_policy_of_the_hook(&self, policy: &str, args: &[String]) {
        self.project.write("given.rego", policy);
        let gate = self.stage.gate(policy);
        let build = ["build", "--progress=plain", "--policy=disabled=true"];
        let build = gate.buildx(self.project, &build).args(args).finish();
        let given = ["--policy=reset=true,filename=cwd://given.rego"];
        let run = dry_run(self.project).args(given).args(args).finish();
        self.compare(&build, &gate.every_decision(), &run);
    }

    /// `buildx bake --file FILE ARGS` and `dry-run --bake FILE ARGS`, or `--compose`.
    #[track_caller]
    pub(super) fn bake(&self, file: &str, args: &[&str]) {
        let gate = self.stage.repository_gate(None, &[]);
        let bake = ["bake", "--progress=plain", "--file", file];
        let build = gate.buildx(self.project, &bake).args(args).finish();
        let kind = if file.starts_with("compose") { "--compose" } else { "--bake" };
        let run = dry_run(self.project).args([kind, file]).args(args).finish();
        self.compare(&build, &gate.every_decision(), &run);
    }

    /// A build that passes has asked all that the dry run tells, and nothing else; one that fails a part of it.
    #[track_caller]
    fn compare(&self, build: &Finished, log: &str, run: &Finished) {
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        let mut told: Vec<_> = report["builds"].as_array().into_iter().flatten().map(told).collect();
        told.sort();
        let mut asked = asked(log);
        asked.retain(|build| told.contains(build) || !reads_policy(build));
        let shown = || {
            let (name, build, run) = (self.name, build.shown(), run.shown());
            format!("{name}\nasked: {asked:#?}\ntold: {told:#?}\n-- build: {build}\n-- dry run: {run}")
        };
        let denied = asked.iter().flat_map(Asked::values).any(|answer| answer.starts_with("denied"));
        let outcome = match build.status.success() {
            true => Outcome::Passed,
            false if denied => Outcome::Denied,
            false => Outcome::Failed,
        };
        assert!(self.ends.contains(&outcome), "{outcome:?}: {}", shown());
        let verdicts: &[_] = match outcome {
            Outcome::Denied => &["denied"],
            // It may fail before it comes to what is denied.
            Outcome::Failed if report["summary"]["undecided"] != 0 => &["undecided", "denied"],
            Outcome::Passed | Outcome::Failed => &["allowed"],
        };
        assert!(verdicts.contains(&text(&report["verdict"])), "{outcome:?}: {}", shown());
        if outcome == Outcome::Passed {
            assert!(told == asked, "{}", shown());
        }
        let is_told = |asked: &Asked| {
            told.iter().any(|told| asked.iter().all(|(key, value)| told.get(key) == Some(value)))
        };
        assert!(asked.iter().all(is_told), "{}", shown());
    }
}

fn dry_run(project: &Project) -> Run {
    let run = Run::of(Path::new(env!("CARGO_BIN_EXE_policy-check")), project.path());
    run.env("HOME", project.path()).args(["dry-run", "--format=json", "--no-cache"])
}

/// A client reads the policy of a remote context by a build of its own, which loads that context alone.
fn reads_policy(build: &Asked) -> bool {
    let remote = |source: &String| source.starts_with("git://") || source.starts_with("http://");
    build.len() == 1 && build.iter().all(|(source, answer)| remote(source) && answer == "allowed")
}

/// From the decision log, for each build. The same question has the same answer each time.
fn asked(log: &str) -> Vec<Asked> {
    let mut builds = BTreeMap::<String, Asked>::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).expect("a JSON line");
        let answer = match text(&line["decision"]) {
            "allow" => "allowed".to_owned(),
            "convert" => format!("pinned to {}", text(&line["pin"]["identifier"])),
            "deny" => format!("denied: {}", line["messages"]),
            other => other.to_owned(),
        };
        let question = question(text(&line["source"]["identifier"]), line["platform"].as_str());
        let asked = builds.entry(text(&line["build"]).to_owned()).or_default();
        let before = asked.insert(question.clone(), answer.clone());
        assert!(before.is_none_or(|before| before == answer), "{question} is answered in two ways");
    }
    let mut builds: Vec<_> = builds.into_values().collect();
    builds.sort();
    builds
}

/// From a build of the report, in which an image and its digest are one entry.
fn told(build: &Value) -> Asked {
    let mut told = Asked::new();
    for entry in build["sources"].as_array().into_iter().flatten() {
        let (source, platform) = (text(&entry["source"]), entry["platform"].as_str());
        let pin = entry["pin"]["identifier"].as_str();
        // One that may be used and cannot be loaded: the build is allowed to, and fails.
        let unloadable = entry["error"]["code"] == "unresolvable-source";
        let answer = match text(&entry["verdict"]) {
            "denied" => format!("denied: {}", entry["messages"]),
            "undecided" if unloadable => "allowed".to_owned(),
            verdict => verdict.to_owned(),
        };
        // The verdict is that of the pin.
        if let Some(pin) = pin {
            told.insert(question(pin, platform), answer);
            told.insert(question(source, platform), format!("pinned to {pin}"));
        } else {
            told.insert(question(source, platform), answer);
        }
        let image = pin.unwrap_or(source);
        let is_loaded = entry["verdict"] == "allowed" && !image.contains('@');
        if let Some(digest) = entry["digest"].as_str().filter(|_| is_loaded) {
            // Where this has another answer, an entry of its own says so.
            let loaded = question(&format!("{image}@{digest}"), platform);
            told.entry(loaded).or_insert_with(|| "allowed".to_owned());
        }
    }
    told
}

/// A policy sees the builder's platform where BuildKit names none.
fn question(identifier: &str, platform: Option<&str>) -> String {
    if identifier.starts_with("http://buildkit-session/") {
        return "an archive on standard input".to_owned();
    }
    if !identifier.starts_with("docker-image://") && !identifier.starts_with("oci-layout://") {
        return identifier.to_owned();
    }
    let builder =
        format!("linux/{}", std::env::consts::ARCH.replace("x86_64", "amd64").replace("aarch64", "arm64"));
    format!("{identifier} ({})", platform.unwrap_or(&builder))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
