//! `--resolve`: what a mocked input leaves open is looked up. What it says, holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::policy::PolicyError;
use policy_engine::policy::suite::{RunOptions, Suite, Test, TestRun, TestVerdict};
use policy_engine::source::{Platform, SourceOp};
use policy_engine::verify::Trust;
use serde_json::Value;

use super::run::tasks;
use super::{LoadedSuite, Outcome};
use crate::inspect::inspect;
use crate::lookup::Resolve;
use crate::{redact, source_arg};

/// How often a test is run again because it came to another input.
const MAX_ROUNDS: usize = 10;

/// As [`super::run`], where the sources that mocked inputs name are looked up with `resolver` and their
/// signatures verified under `trust`. `platform` is that of images whose mocks have none. Must be called on a tokio runtime.
pub async fn run_resolved<R: Resolve>(
    suites: &[LoadedSuite],
    now: SystemTime,
    trust: &Trust,
    resolver: &Arc<R>,
    platform: &Platform,
) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = suites.iter().map(|_| Vec::new()).collect();
    let mut known = BTreeMap::new();
    for (index, suite, test) in tasks(suites) {
        let run = run_one(suite, test, now, trust, resolver, platform, &mut known).await;
        outcomes[index].push(suites[index].select(test, run));
    }
    outcomes
}

async fn run_one<R: Resolve>(
    suite: &Suite,
    test: &Test,
    now: SystemTime,
    trust: &Trust,
    resolver: &Arc<R>,
    platform: &Platform,
    known: &mut BTreeMap<String, Value>,
) -> TestRun {
    let mut options = RunOptions::new(now);
    let mut asked: Vec<String> = Vec::new();
    let mut run = suite.run(test, &options);
    for _ in 0..MAX_ROUNDS {
        let mut found_more = false;
        for mock in run.inputs.clone() {
            let fields = suite.missing_input(test, &mock);
            let Some(source) = source_of(&mock).filter(|_| !fields.is_empty()) else { continue };
            let platform = platform_of(&mock).unwrap_or_else(|| platform.clone());
            let key = format!("{source} {platform} {fields:?}");
            if asked.contains(&mock.to_string()) {
                continue;
            }
            asked.push(mock.to_string());
            let resolved = match known.get(&key) {
                Some(resolved) => resolved.clone(),
                None => match look_up(&source, &platform, &fields, trust, resolver).await {
                    Ok(resolved) => known.entry(key).or_insert(resolved).clone(),
                    Err(message) => return failed(run, test, &message),
                },
            };
            options.complete(&mock, &resolved);
            // The completed input is itself one that is put in force.
            asked.extend(options.completed(&mock).map(|whole| whole.to_string()));
            found_more = true;
        }
        if !found_more {
            break;
        }
        run = suite.run(test, &options);
    }
    run
}

async fn look_up<R: Resolve>(
    source: &str,
    platform: &Platform,
    fields: &[String],
    trust: &Trust,
    resolver: &Arc<R>,
) -> Result<Value, String> {
    let source: SourceOp = source_arg::parse(source).map_err(|error| error.to_string())?;
    let inspection = inspect(&source, Some(platform), fields, trust, resolver, |_| {}).await;
    let inspection = inspection.map_err(|error| error.to_string())?;
    let mut input = serde_json::to_value(&inspection.input).map_err(|error| error.to_string())?;
    // The build is the test's.
    if let Some(fields) = input.as_object_mut() {
        fields.remove("env");
    }
    Ok(input)
}

/// The source that a mocked input names, as a user would write it.
fn source_of(mock: &Value) -> Option<String> {
    let text = |document: &str, fields: &[&str]| {
        let values = fields.iter().filter_map(|field| mock.get(document)?.get(field)?.as_str());
        values.into_iter().find(|value| !value.is_empty()).map(str::to_owned)
    };
    if mock.get("image").is_some() {
        let name = text("image", &["ref", "fullRepo", "repo"])?;
        let tag = text("image", &["tag"]).filter(|_| !is_tagged(&name));
        return Some(format!(
            "docker-image://{name}{}",
            tag.map(|tag| format!(":{tag}")).unwrap_or_default()
        ));
    }
    if mock.get("git").is_some() {
        let url = text("git", &["fullURL"]).or_else(|| {
            let remote = text("git", &["remote"])?;
            let wanted = text("git", &["ref", "tagName", "branch", "checksum"]);
            Some(format!("{remote}#{}", wanted.unwrap_or_default()))
        });
        return url.map(|url| url.trim_end_matches('#').to_owned());
    }
    text("http", &["url"])
}

/// Whether a reference has a tag or a digest: a colon behind the last slash.
fn is_tagged(reference: &str) -> bool {
    reference.rsplit('/').next().is_some_and(|last| last.contains([':', '@']))
}

fn platform_of(mock: &Value) -> Option<Platform> {
    let image = mock.get("image")?;
    let text = |field: &str| image.get(field).and_then(Value::as_str);
    match text("platform") {
        Some(platform) => Platform::parse(platform).ok(),
        None => Some(Platform::new(text("os")?, text("arch")?, text("variant").unwrap_or_default())),
    }
}

fn failed(run: TestRun, test: &Test, message: &str) -> TestRun {
    let mut run = run;
    for case in &mut run.cases {
        case.failed_at.clear();
        case.verdict = TestVerdict::Error(PolicyError::Evaluation {
            position: test.position.clone(),
            code: "unresolvable-source",
            message: redact::url(message),
        });
    }
    run
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mocks_name_sources() {
        for (mock, source) in [
            (
                json!({"image": {"ref": "docker.io/library/alpine:3"}}),
                Some("docker-image://docker.io/library/alpine:3"),
            ),
            (json!({"image": {"repo": "alpine", "tag": "3"}}), Some("docker-image://alpine:3")),
            (json!({"image": {"repo": "h:5000/a", "tag": "3"}}), Some("docker-image://h:5000/a:3")),
            (
                json!({"image": {"fullRepo": "", "repo": "a@sha256:0", "tag": "3"}}),
                Some("docker-image://a@sha256:0"),
            ),
            (json!({"image": {"host": "docker.io"}}), None),
            (
                json!({"git": {"remote": "https://h/r.git", "ref": "refs/heads/x"}}),
                Some("https://h/r.git#refs/heads/x"),
            ),
            (json!({"git": {"remote": "https://h/r.git"}}), Some("https://h/r.git")),
            (json!({"git": {"fullURL": "https://h/r.git#v1", "remote": "x"}}), Some("https://h/r.git#v1")),
            (json!({"http": {"url": "https://h/f"}}), Some("https://h/f")),
            (json!({"local": {"name": "context"}}), None),
            (json!(null), None),
        ] {
            assert_eq!(source_of(&mock).as_deref(), source, "{mock}");
        }
    }

    #[test]
    fn mocks_name_platforms() {
        let arm = Platform::new("linux", "arm64", "");
        assert_eq!(platform_of(&json!({"image": {"platform": "linux/arm64"}})), Some(arm.clone()));
        assert_eq!(platform_of(&json!({"image": {"os": "linux", "arch": "arm64"}})), Some(arm));
        assert_eq!(platform_of(&json!({"image": {"os": "linux"}})), None);
    }
}
