//! `moby.buildkit.v1.Control`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use policy_check::buildkit::proto::control::control_server::Control;
use policy_check::buildkit::proto::control::*;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::builds::{Build, Returned};
use super::failure::Failure;
use super::load::{self, Ref};
use super::{Service, State, dockerfile, sessions};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// How long `Status` waits for its build.
const STATUS_WINDOW: Duration = Duration::from_secs(6);

#[tonic::async_trait]
impl Control for Service {
    type PruneStream = Answers<UsageRecord>;
    type StatusStream = Answers<StatusResponse>;
    type SessionStream = Answers<BytesMessage>;
    type ListenBuildHistoryStream = Answers<BuildHistoryEvent>;

    async fn disk_usage(&self, _: Request<DiskUsageRequest>) -> Result<Response<DiskUsageResponse>, Status> {
        let record = vec![UsageRecord { id: "cached".to_owned(), size: 42, ..Default::default() }];
        Ok(Response::new(DiskUsageResponse { record }))
    }

    async fn prune(&self, _: Request<PruneRequest>) -> Result<Response<Self::PruneStream>, Status> {
        let records =
            (0..3).map(|id| Ok(UsageRecord { id: format!("pruned{id}"), size: 1, ..Default::default() }));
        Ok(Response::new(Box::pin(tokio_stream::iter(records))))
    }

    async fn solve(&self, request: Request<SolveRequest>) -> Result<Response<SolveResponse>, Status> {
        let request = request.into_inner();
        let script = self.0.script();
        let job = self.0.builds.begin(request, script.status.clone())?;
        solve(&self.0, &job.build).await?;
        let exporter_response = script.exporter_response.into_iter().collect();
        Ok(Response::new(SolveResponse { exporter_response }))
    }

    async fn status(&self, request: Request<StatusRequest>) -> Result<Response<Self::StatusStream>, Status> {
        let (sender, receiver) = mpsc::channel(16);
        let (state, id) = (self.0.clone(), request.into_inner().r#ref);
        tokio::spawn(async move {
            let sent = tokio::select! {
                sent = status(&state, &id, &sender) => sent,
                () = sender.closed() => return,
            };
            if let Err(failure) = sent {
                let _ = sender.send(Err(failure.into())).await;
            }
        });
        Ok(timestamped(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn session(
        &self,
        request: Request<Streaming<BytesMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (metadata, _, incoming) = request.into_parts();
        let outgoing = sessions::open(&self.0, metadata.into_headers(), incoming);
        Ok(Response::new(Box::pin(outgoing)))
    }

    async fn list_workers(
        &self,
        _: Request<ListWorkersRequest>,
    ) -> Result<Response<ListWorkersResponse>, Status> {
        let worker = types::WorkerRecord { id: "double".to_owned(), ..Default::default() };
        Ok(Response::new(ListWorkersResponse { record: vec![worker] }))
    }

    async fn info(&self, _: Request<InfoRequest>) -> Result<Response<InfoResponse>, Status> {
        let version =
            types::BuildkitVersion { version: self.0.script().version.to_owned(), ..Default::default() };
        Ok(Response::new(InfoResponse { buildkit_version: Some(version) }))
    }

    async fn listen_build_history(
        &self,
        request: Request<BuildHistoryRequest>,
    ) -> Result<Response<Self::ListenBuildHistoryStream>, Status> {
        let (sender, receiver) = mpsc::channel(16);
        let (early_exit, ids) = (request.into_inner().early_exit, self.0.builds.listed());
        tokio::spawn(async move {
            for id in ids {
                let record = Some(BuildHistoryRecord { r#ref: id, ..Default::default() });
                let event = BuildHistoryEvent { r#type: BuildHistoryEventType::Started.into(), record };
                let _ = sender.send(Ok(event)).await;
            }
            if !early_exit {
                sender.closed().await;
            }
        });
        Ok(timestamped(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn update_build_history(
        &self,
        _: Request<UpdateBuildHistoryRequest>,
    ) -> Result<Response<UpdateBuildHistoryResponse>, Status> {
        Ok(Response::new(UpdateBuildHistoryResponse {}))
    }
}

fn timestamped<T>(stream: Answers<T>) -> Response<Answers<T>> {
    let mut response = Response::new(stream);
    let now = MetadataValue::from_static("2026-11-21T06:30:00.123456789Z");
    response.metadata_mut().insert("buildkit-current-timestamp", now);
    response
}

async fn status(
    state: &State,
    id: &str,
    sender: &mpsc::Sender<Result<StatusResponse, Status>>,
) -> Result<(), Failure> {
    let build = state.builds.known(id, STATUS_WINDOW).await?;
    let mut changes = build.status.subscribe();
    let mut sent = 0;
    loop {
        let all = changes.borrow_and_update().clone();
        for message in &all[sent..] {
            let _ = sender.send(Ok(message.clone())).await;
        }
        sent = all.len();
        tokio::select! {
            _ = changes.changed() => {}
            () = state.builds.ended(id) => {
                let all = changes.borrow_and_update().clone();
                for message in &all[sent..] {
                    let _ = sender.send(Ok(message.clone())).await;
                }
                return Ok(());
            }
        }
    }
}

async fn solve(state: &Arc<State>, build: &Arc<Build>) -> Result<(), Failure> {
    let request = &build.request;
    if build.is_bridged {
        let mut returned = build.returned.subscribe();
        let returned = returned.wait_for(Option::is_some).await.expect("the build keeps the sender").clone();
        match returned {
            Some(Returned::Error(status)) => return Err(Failure::returned(status)),
            Some(Returned::Result(result)) => {
                for id in super::bridge::ref_ids(&result) {
                    build.result(&id)?.files(state, build).await?;
                }
            }
            None => {}
        }
    } else {
        super::bridge::record_imports(state, request.cache.as_ref());
        let result = match &request.definition {
            Some(_) if !request.frontend.is_empty() => {
                return Err(Failure::new("cannot solve with both Definition and Frontend specified"));
            }
            Some(definition) => Ref::new(load::sources(definition)?),
            None => {
                let (options, inputs) = (&request.frontend_attrs, &request.frontend_inputs);
                dockerfile::solve(state, build, &request.frontend, options, inputs).await?
            }
        };
        result.files(state, build).await?;
        super::bridge::scripted_failure(state)?;
    }
    dockerfile::scan(state, build).await
}
