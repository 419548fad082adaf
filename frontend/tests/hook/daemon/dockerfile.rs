//! The Dockerfile frontend, as far as its sources go.

use std::collections::HashMap;
use std::sync::Arc;

use policy_check::buildkit::proto::{gateway, pb};

use super::builds::Build;
use super::failure::Failure;
use super::load::{self, Ref};
use super::script::source_op;
use super::{State, metadata, policy};

/// Options of a solve.
pub(crate) type Options = HashMap<String, String>;

/// Runs `dockerfile.v0`, or `gateway.v0` after loading the image it names.
pub(crate) async fn solve(
    state: &Arc<State>,
    build: &Arc<Build>,
    frontend: &str,
    options: &Options,
    inputs: &HashMap<String, pb::Definition>,
) -> Result<Ref, Failure> {
    match (frontend, options.get("source").map(String::as_str)) {
        ("dockerfile.v0", _) | ("gateway.v0", Some("dockerfile.v0")) => {}
        ("gateway.v0", Some(image)) => {
            let image = resolve_image(state, build, source_op(image), None).await?;
            Ref::new(vec![(image, None)]).files(state, build).await?;
        }
        _ => return Err(Failure::new(format!("invalid frontend: {frontend}"))),
    }
    record_imports(state, options);
    read_dockerfile(state, build, options).await?;
    let script = state.script();
    let target = options.get("target").map_or("", String::as_str);
    let mut wanted = script.targets.get(target).cloned().unwrap_or_default();
    for (name, value) in options {
        let is_named = name.starts_with("context:") && value.contains("://");
        wanted.extend(is_named.then(|| source_op(value)));
    }
    wanted.extend(options.get("context").filter(|context| context.contains("://")).map(|url| source_op(url)));
    let platform =
        Some(pb::Platform { architecture: "amd64".into(), os: "linux".into(), ..Default::default() });
    let mut sources = Vec::new();
    for source in wanted {
        if source.identifier.starts_with("docker-image://") {
            sources.push((resolve_image(state, build, source, platform.clone()).await?, platform.clone()));
        } else {
            sources.push((source, None))
        }
    }
    for definition in inputs.values() {
        sources.extend(load::sources(definition)?);
    }
    Ok(Ref::new(sources))
}

/// Asks the policy by tag, then pins the tag.
async fn resolve_image(
    state: &Arc<State>,
    build: &Build,
    mut source: pb::SourceOp,
    platform: Option<pb::Platform>,
) -> Result<pb::SourceOp, Failure> {
    let wrap = |error: Failure| error.wrap("could not resolve image due to policy");
    policy::evaluate(state, build, &mut source, platform.as_ref()).await.map_err(wrap)?;
    let request = gateway::ResolveSourceMetaRequest::default();
    let known = metadata::resolve(state, &source, &request).await?;
    let digest = known.image.map(|image| image.digest).unwrap_or_default();
    if !source.identifier.contains('@') && !digest.is_empty() {
        source.identifier = format!("{}@{digest}", source.identifier);
    }
    Ok(source)
}

/// The Dockerfile comes from the client, unless the context is remote.
async fn read_dockerfile(state: &Arc<State>, build: &Arc<Build>, options: &Options) -> Result<(), Failure> {
    if options.get("context").is_some_and(|context| context.contains("://")) {
        return Ok(());
    }
    let name = options.get("filename").map_or("Dockerfile", String::as_str);
    let dir = options.get("dockerfilekey").map_or("dockerfile", String::as_str);
    let mut source = source_op(&format!("local://{dir}"));
    let session = options.get(&format!("local-sessionid:{dir}")).unwrap_or(&build.request.session);
    let follow = serde_json::json!([name, format!("{name}.dockerignore"), name.to_lowercase()]).to_string();
    source.attrs.insert("local.session".to_owned(), session.clone());
    source.attrs.insert("local.followpaths".to_owned(), follow);
    source.attrs.insert("local.differ".to_owned(), "none".to_owned());
    let files = Ref::new(vec![(source, None)]).files(state, build).await?;
    if files.contains_key(name) {
        return Ok(());
    }
    Err(Failure::new(format!("failed to read dockerfile: open {name}: no such file or directory")))
}

/// The frontend turns these options into imports of its own.
fn record_imports(state: &State, options: &Options) {
    for image in options.get("cache-from").into_iter().flat_map(|all| all.split(',')) {
        state.record.import(format!("registry:{image}"));
    }
    let json = options.get("cache-imports").and_then(|json| serde_json::from_str(json).ok());
    for entry in json.as_ref().and_then(serde_json::Value::as_array).into_iter().flatten() {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        state.record.import(format!("{}:{}", text(&entry["Type"]), text(&entry["Attrs"]["ref"])));
    }
}

/// The image that makes the SBOM, from `attest:sbom`.
pub(crate) async fn scan(state: &Arc<State>, build: &Arc<Build>) -> Result<(), Failure> {
    let Some(sbom) = build.request.frontend_attrs.get("attest:sbom") else { return Ok(()) };
    let Some(image) = sbom.split(',').find_map(|field| field.strip_prefix("generator=")) else {
        return Ok(());
    };
    Ref::new(vec![(source_op(image), None)]).files(state, build).await.map(drop)
}
