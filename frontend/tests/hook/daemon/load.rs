//! Definitions: which sources they have, and what comes of loading them.

use std::sync::Arc;
use std::time::SystemTime;

use policy_check::buildkit::proto::{control, google, pb};
use prost::Message;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use super::builds::Build;
use super::failure::Failure;
use super::script::Files;
use super::{State, files, policy};

/// A result, loaded when somebody needs it.
#[derive(Default)]
pub(crate) struct Ref {
    sources: Vec<(pb::SourceOp, Option<pb::Platform>)>,
    loaded: OnceCell<Result<Files, Failure>>,
}

impl Ref {
    /// The result of these sources.
    pub(crate) fn new(sources: Vec<(pb::SourceOp, Option<pb::Platform>)>) -> Self {
        Self { sources, loaded: OnceCell::new() }
    }

    /// Asks the policy about all sources at once, then loads them.
    pub(crate) async fn files(&self, state: &Arc<State>, build: &Arc<Build>) -> Result<Files, Failure> {
        self.loaded.get_or_init(|| load_all(state, build, &self.sources)).await.clone()
    }
}

/// The sources of an LLB definition.
pub(crate) fn sources(
    definition: &pb::Definition,
) -> Result<Vec<(pb::SourceOp, Option<pb::Platform>)>, Failure> {
    let mut sources = Vec::new();
    for op in &definition.def {
        let op = pb::Op::decode(op.as_slice());
        let op = op.map_err(|error| {
            Failure::new(format!("failed to load LLB: failed to parse llb proto op: {error}"))
        })?;
        if let Some(pb::op::Op::Source(source)) = op.op {
            sources.push((source, op.platform));
        }
    }
    Ok(sources)
}

async fn load_all(
    state: &Arc<State>,
    build: &Arc<Build>,
    sources: &[(pb::SourceOp, Option<pb::Platform>)],
) -> Result<Files, Failure> {
    let mut checks = JoinSet::new();
    for (source, platform) in sources.iter().cloned() {
        let (state, build) = (state.clone(), build.clone());
        checks.spawn(async move {
            let mut source = source;
            let checked = policy::evaluate(&state, &build, &mut source, platform.as_ref()).await;
            checked.map_err(|error| {
                error.wrap("error evaluating the source policy").wrap("failed to load LLB")
            })?;
            Ok(source)
        });
    }
    let mut allowed = Vec::new();
    while let Some(checked) = checks.join_next().await {
        allowed.push(checked.expect("no check panics")?);
    }
    let mut all = Files::new();
    for source in allowed {
        let loaded = load(state, build, &source).await;
        let now = Some(now());
        build.progress(control::Vertex {
            digest: format!("sha256:{:064x}", source.identifier.len()),
            name: format!("[internal] load {}", source.identifier),
            started: now,
            completed: now,
            error: loaded.as_ref().err().map_or_else(String::new, |error| error.message().to_owned()),
            ..Default::default()
        });
        all.extend(loaded?);
    }
    Ok(all)
}

async fn load(state: &Arc<State>, build: &Build, source: &pb::SourceOp) -> Result<Files, Failure> {
    if !source.identifier.starts_with("local://") {
        return Ok(state.script().trees.get(&source.identifier).cloned().unwrap_or_default());
    }
    let session = source.attrs.get("local.session").unwrap_or(&build.request.session);
    let caller = state.sessions.get(session).await;
    files::fetch(&caller, source).await
}

fn now() -> google::protobuf::Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    google::protobuf::Timestamp { seconds, nanos: i32::try_from(now.subsec_nanos()).unwrap_or_default() }
}
