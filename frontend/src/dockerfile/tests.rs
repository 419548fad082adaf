//! What is found, held to what BuildKit was recorded to ask about (`fixtures/dockerfiles`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use policy_engine::source::{Platform, SourceOp};
use serde_json::Value;

use super::{
    Build, BuildResult, Discovered, DockerfileError, DockerfileOrigin, Images, MainContext, Place,
    ResolvedImage, UsedSource, discover,
};
use crate::build_options::{BuildOptions, context_name};

mod hostile;
mod places;

/// Images as they were recorded.
#[derive(Debug, Default)]
pub(super) struct Recorded(BTreeMap<String, Value>);

impl Recorded {
    pub(super) fn load() -> Self {
        Self(serde_json::from_str(&fixture("images.json")).unwrap())
    }
}

impl Images for Recorded {
    async fn resolve(&self, source: &SourceOp, platform: &Platform, _: &[Place]) -> Option<ResolvedImage> {
        let image = self.0.get(&shown(source, Some(platform)))?;
        Some(ResolvedImage {
            source: source.clone(),
            digest: image["digest"].as_str()?.to_owned(),
            config: image["config"].to_string().into(),
        })
    }

    async fn target(&self, _: &str) -> Option<Arc<BuildResult>> {
        None
    }
}

fn fixture(name: &str) -> String {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/dockerfiles"));
    std::fs::read_to_string(folder.join(name)).unwrap()
}

pub(super) fn shown(source: &SourceOp, platform: Option<&Platform>) -> String {
    match platform {
        Some(platform) => format!("{} ({platform})", source.identifier),
        None => source.identifier.clone(),
    }
}

/// Both questions about a source.
fn questions(used: &UsedSource) -> Vec<String> {
    let platform = used.platform.as_ref();
    let loaded = used.loaded();
    std::iter::once(&used.source).chain(&loaded).map(|source| shown(source, platform)).collect()
}

/// The options of a recorded command line.
fn options(case: &Value) -> BuildOptions {
    let mut options =
        BuildOptions { context: case["context"].as_str().unwrap().to_owned(), ..BuildOptions::default() };
    let args: Vec<_> = case["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let (flag, value) = match arg.split_once('=') {
            Some((flag, value)) => (flag, value),
            None => (arg, args.next().unwrap()),
        };
        let (name, rest) = value.split_once('=').unwrap_or((value, ""));
        match flag {
            "--build-arg" => drop(options.build_args.insert(name.to_owned(), Some(rest.to_owned()))),
            "--build-context" => {
                options.build_contexts.insert(context_name(name).unwrap(), rest.to_owned());
            }
            "--target" => value.clone_into(&mut options.target),
            "--platform" => {
                options.platforms = value.split(',').map(|p| Platform::parse(p).unwrap()).collect();
            }
            "--sbom" => {
                let parameters = Some(value.to_owned()).filter(|value| value != "false");
                options.attests.insert("sbom".to_owned(), parameters);
            }
            "--attest" => {
                let parameters = value.strip_prefix("type=sbom,").unwrap();
                options.attests.insert("sbom".to_owned(), Some(parameters.to_owned()));
            }
            "--output" | "--policy" | "--provenance" => {}
            _ => panic!("unknown flag {flag}"),
        }
    }
    options
}

async fn discovered(case: &Value) -> Result<Discovered, DockerfileError> {
    let options = options(case);
    let filename = case["filename"].as_str().unwrap();
    let is_url = options.context.starts_with("http");
    let context = match (&case["stdin"], options.context.as_str()) {
        (Value::Object(_), "-") => MainContext::StdinArchive,
        _ if is_url => MainContext::Remote,
        _ => MainContext::Local,
    };
    let origin = if context == MainContext::Local || filename == "-" {
        DockerfileOrigin::Client
    } else {
        DockerfileOrigin::Context
    };
    let build = Build {
        dockerfile: case["dockerfile"].as_str().unwrap(),
        name: "Dockerfile",
        origin,
        own_dockerignore: case["files"].get("Dockerfile.dockerignore").is_some(),
        context,
        options: &options,
        build_platform: &Platform::new("linux", "amd64", ""),
    };
    discover(&build, &Recorded::load()).await
}

/// Compares with a recording. Says what differs.
async fn difference(case: &Value) -> Option<String> {
    let recorded: BTreeSet<_> =
        case["sources"].as_array().unwrap().iter().map(|s| s.as_str().unwrap().to_owned()).collect();
    let found = match (discovered(case).await, case["fails"] == true) {
        (Err(_), true) => return None,
        (Ok(_), true) => return Some("it must be refused".to_owned()),
        (Err(error), false) => return Some(error.to_string()),
        (Ok(found), false) => found,
    };
    let ours: BTreeSet<_> = found.sources.iter().flat_map(questions).collect();
    let missing: Vec<_> = recorded.difference(&ours).collect();
    let more: Vec<_> = ours.difference(&recorded).filter(|_| case["partial"] != true).collect();
    if !missing.is_empty() || !more.is_empty() {
        return Some(format!("missing {missing:#?}, too many {more:#?}"));
    }
    let attrs = case["attrs"].as_object().into_iter().flatten();
    for (identifier, attrs) in attrs {
        let used = found.sources.iter().find(|used| used.source.identifier == *identifier);
        let ours = used.map(|used| serde_json::to_value(&used.source.attrs).unwrap());
        if ours.as_ref().is_some_and(|ours| ours != attrs) {
            return Some(format!("{identifier}: attributes {ours:?}, recorded {attrs}"));
        }
    }
    None
}

async fn all_agree(file: &str) -> usize {
    let cases = fixture(file);
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        wrong.extend(difference(&case).await.map(|difference| format!("{name}: {difference}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    cases.lines().count()
}

#[tokio::test]
async fn sources_are_those_that_buildkit_asked_about() {
    assert_eq!(all_agree("parity.jsonl").await, 32);
}

#[tokio::test]
async fn sources_of_further_builds_are_those_that_buildkit_asked_about() {
    assert!(all_agree("recorded.jsonl").await > 170);
}
