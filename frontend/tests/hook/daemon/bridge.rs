//! `moby.buildkit.v1.frontend.LLBBridge`. Who calls is never asked.

use std::sync::Arc;

use policy_check::buildkit::proto::control::CacheOptions;
use policy_check::buildkit::proto::control::apicaps::ApiCap;
use policy_check::buildkit::proto::fsutil::Stat;
use policy_check::buildkit::proto::gateway::llb_bridge_server::LlbBridge;
use policy_check::buildkit::proto::gateway::result::Result as Kind;
use policy_check::buildkit::proto::gateway::*;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::builds::{Build, Returned};
use super::failure::Failure;
use super::load::{self, Ref as Loaded};
use super::script::{Files, source_op};
use super::{Service, State, dockerfile, metadata, policy};

impl Service {
    /// The build that a call names.
    async fn build<T>(&self, method: &str, request: &Request<T>) -> Result<Arc<Build>, Failure> {
        let prefix = format!("forwarding {method}");
        let mut ids = request.metadata().get_all("buildkit-controlapi-buildid").iter();
        let id = match (ids.next().map(|id| id.to_str()), ids.next()) {
            (Some(Ok(id)), None) if !id.is_empty() => id,
            _ => return Err(Failure::new("no buildid found in context").wrap(&prefix)),
        };
        let window = self.0.script().registration_window;
        self.0.builds.bridged(id, window).await.map_err(|error| error.wrap(&prefix))
    }

    /// The files of a result.
    async fn files<T>(&self, method: &str, request: &Request<T>, id: &str) -> Result<Files, Failure> {
        let build = self.build(method, request).await?;
        build.result(id)?.files(&self.0, &build).await
    }
}

#[tonic::async_trait]
impl LlbBridge for Service {
    type ExecProcessStream = ReceiverStream<Result<ExecMessage, Status>>;

    async fn ping(&self, request: Request<PingRequest>) -> Result<Response<PongResponse>, Status> {
        self.build("Ping", &request).await?;
        let cap = |id: &&str| ApiCap { id: (*id).to_owned(), enabled: true, ..ApiCap::default() };
        let llb_caps = self.0.script().capabilities.iter().map(cap).collect();
        Ok(Response::new(PongResponse { llb_caps, ..PongResponse::default() }))
    }

    async fn solve(&self, request: Request<SolveRequest>) -> Result<Response<SolveResponse>, Status> {
        let build = self.build("Solve", &request).await?;
        let request = request.into_inner();
        for import in &request.cache_imports {
            self.0.record.import(format!("{}:{}", import.r#type, import.attrs.get("ref").map_or("", |r| r)));
        }
        let definition = request.definition.filter(|definition| !definition.def.is_empty());
        let result = match definition {
            Some(_) if !request.frontend.is_empty() => {
                let message = "cannot solve with both Definition and Frontend specified";
                return Err(Failure::new(message).into());
            }
            Some(definition) => Some(Loaded::new(load::sources(&definition)?)),
            None if request.frontend.is_empty() => None,
            None => {
                let (options, inputs) = (&request.frontend_opt, &request.frontend_inputs);
                let result = dockerfile::solve(&self.0, &build, &request.frontend, options, inputs).await?;
                scripted_failure(&self.0)?;
                Some(result)
            }
        };
        let id = result.map(|result| build.keep(result)).unwrap_or_default();
        if request.evaluate && !id.is_empty() {
            build.result(&id)?.files(&self.0, &build).await?;
        }
        let kind = if request.allow_result_array_ref {
            Kind::Ref(Ref { id: id.clone(), def: None })
        } else {
            Kind::RefDeprecated(id.clone())
        };
        let result = Some(Result_ { result: Some(kind), ..Default::default() });
        let r#ref = if request.allow_result_return { String::new() } else { id };
        Ok(Response::new(SolveResponse { r#ref, result }))
    }

    async fn resolve_image_config(
        &self,
        request: Request<ResolveImageConfigRequest>,
    ) -> Result<Response<ResolveImageConfigResponse>, Status> {
        let build = self.build("ResolveImageConfig", &request).await?;
        let request = request.into_inner();
        let meta = ResolveSourceMetaRequest {
            source: Some(source_op(&request.r#ref)),
            platform: request.platform,
            ..Default::default()
        };
        let known = resolve(&self.0, &build, meta).await?;
        let image = known.image.unwrap_or_default();
        let (digest, config) = (image.digest, image.config);
        Ok(Response::new(ResolveImageConfigResponse { digest, config, r#ref: request.r#ref }))
    }

    async fn resolve_source_meta(
        &self,
        request: Request<ResolveSourceMetaRequest>,
    ) -> Result<Response<ResolveSourceMetaResponse>, Status> {
        let build = self.build("ResolveSourceMeta", &request).await?;
        Ok(Response::new(resolve(&self.0, &build, request.into_inner()).await?))
    }

    async fn read_file(
        &self,
        request: Request<ReadFileRequest>,
    ) -> Result<Response<ReadFileResponse>, Status> {
        let files = self.files("ReadFile", &request, &request.get_ref().r#ref).await?;
        let data = find(&files, &request.get_ref().file_path, "open")?.clone();
        let data = match request.get_ref().range {
            None => data,
            Some(range) => {
                let number = |value: i64| usize::try_from(value).unwrap_or_default();
                data.into_iter().skip(number(range.offset)).take(number(range.length)).collect()
            }
        };
        Ok(Response::new(ReadFileResponse { data }))
    }

    async fn stat_file(
        &self,
        request: Request<StatFileRequest>,
    ) -> Result<Response<StatFileResponse>, Status> {
        let files = self.files("StatFile", &request, &request.get_ref().r#ref).await?;
        let path = &request.get_ref().path;
        let data = find(&files, path, "lstat")?;
        Ok(Response::new(StatFileResponse { stat: Some(stat(path, data)) }))
    }

    async fn read_dir(&self, request: Request<ReadDirRequest>) -> Result<Response<ReadDirResponse>, Status> {
        let files = self.files("ReadDir", &request, &request.get_ref().r#ref).await?;
        Ok(Response::new(ReadDirResponse { entries: list(&files, &request.get_ref().dir_path) }))
    }

    async fn evaluate(
        &self,
        request: Request<EvaluateRequest>,
    ) -> Result<Response<EvaluateResponse>, Status> {
        self.files("Evaluate", &request, &request.get_ref().r#ref).await?;
        Ok(Response::new(EvaluateResponse {}))
    }

    async fn r#return(&self, request: Request<ReturnRequest>) -> Result<Response<ReturnResponse>, Status> {
        let build = self.build("Return", &request).await?;
        let request = request.into_inner();
        let returned = match (request.error, request.result) {
            (Some(error), _) => Returned::Error(error),
            (None, result) => Returned::Result(result.unwrap_or_default()),
        };
        build.returned.send_replace(Some(returned));
        Ok(Response::new(ReturnResponse {}))
    }

    async fn inputs(&self, request: Request<InputsRequest>) -> Result<Response<InputsResponse>, Status> {
        let build = self.build("Inputs", &request).await?;
        Ok(Response::new(InputsResponse { definitions: build.request.frontend_inputs.clone() }))
    }

    async fn warn(&self, request: Request<WarnRequest>) -> Result<Response<WarnResponse>, Status> {
        self.build("Warn", &request).await?;
        Ok(Response::new(WarnResponse {}))
    }

    async fn new_container(
        &self,
        _: Request<NewContainerRequest>,
    ) -> Result<Response<NewContainerResponse>, Status> {
        Err(no_containers())
    }

    async fn release_container(
        &self,
        _: Request<ReleaseContainerRequest>,
    ) -> Result<Response<ReleaseContainerResponse>, Status> {
        Err(no_containers())
    }

    async fn exec_process(
        &self,
        _: Request<Streaming<ExecMessage>>,
    ) -> Result<Response<Self::ExecProcessStream>, Status> {
        Err(no_containers())
    }

    async fn read_file_container(
        &self,
        _: Request<ReadFileRequest>,
    ) -> Result<Response<ReadFileResponse>, Status> {
        Err(no_containers())
    }

    async fn read_dir_container(
        &self,
        _: Request<ReadDirRequest>,
    ) -> Result<Response<ReadDirResponse>, Status> {
        Err(no_containers())
    }

    async fn stat_file_container(
        &self,
        _: Request<StatFileRequest>,
    ) -> Result<Response<StatFileResponse>, Status> {
        Err(no_containers())
    }
}

use policy_check::buildkit::proto::gateway::Result as Result_;
use std::result::Result;

fn no_containers() -> Status {
    Status::unimplemented("the double runs nothing")
}

async fn resolve(
    state: &Arc<State>,
    build: &Build,
    request: ResolveSourceMetaRequest,
) -> Result<ResolveSourceMetaResponse, Failure> {
    let source = request.source.clone();
    let mut source =
        source.ok_or_else(|| Failure::coded(tonic::Code::InvalidArgument, "source is required"))?;
    policy::evaluate(state, build, &mut source, request.platform.as_ref())
        .await
        .map_err(|error| error.wrap("could not resolve image due to policy"))?;
    metadata::resolve(state, &source, &request).await
}

/// Ids of the results that a client returns.
pub(crate) fn ref_ids(result: &Result_) -> Vec<String> {
    let ids = match &result.result {
        None => Vec::new(),
        Some(Kind::RefDeprecated(id)) => vec![id.clone()],
        Some(Kind::RefsDeprecated(refs)) => refs.refs.values().cloned().collect(),
        Some(Kind::Ref(one)) => vec![one.id.clone()],
        Some(Kind::Refs(refs)) => refs.refs.values().map(|one| one.id.clone()).collect(),
    };
    ids.into_iter().filter(|id| !id.is_empty()).collect()
}

/// Caches that a `Control.Solve` imports, in any of the fields that name them.
pub(crate) fn record_imports(state: &State, cache: Option<&CacheOptions>) {
    let Some(cache) = cache else { return };
    for import in &cache.import_refs_deprecated {
        state.record.import(format!("registry:{import}"));
    }
    for import in &cache.imports {
        state.record.import(format!("{}:{}", import.r#type, import.attrs.get("ref").map_or("", |r| r)));
    }
}

/// The error that the script wants a Dockerfile's solve to end with.
pub(crate) fn scripted_failure(state: &State) -> Result<(), Failure> {
    state.script().failure.map_or(Ok(()), |status| Err(Failure::remote(&status)))
}

fn find<'a>(files: &'a Files, path: &str, verb: &str) -> Result<&'a Vec<u8>, Failure> {
    let missing = || Failure::new(format!("{verb} {path}: no such file or directory"));
    files.get(path.trim_start_matches('/')).ok_or_else(missing)
}

fn stat(path: &str, data: &[u8]) -> Stat {
    let path = path.rsplit('/').next().unwrap_or_default().to_owned();
    let size = i64::try_from(data.len()).unwrap_or(i64::MAX);
    Stat { path, mode: 0o644, size, ..Default::default() }
}

/// What is directly in a folder.
fn list(files: &Files, dir: &str) -> Vec<Stat> {
    let dir = dir.trim_matches(['/', '.']);
    let mut entries: Vec<Stat> = Vec::new();
    for (path, data) in files {
        let rest = if dir.is_empty() {
            Some(path.as_str())
        } else {
            path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'))
        };
        let entry = match rest.map(|rest| (rest, rest.split_once('/'))) {
            None => continue,
            Some((name, None)) => stat(name, data),
            Some((_, Some((name, _)))) => {
                Stat { path: name.to_owned(), mode: 0x8000_0000 | 0o755, ..Default::default() }
            }
        };
        if entries.iter().all(|other| other.path != entry.path) {
            entries.push(entry);
        }
    }
    entries
}
