//! A build's progress, with the checks of its sources among the steps.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use prost::Message;

use super::connection::Connection;
use super::progress::Subscription;
use crate::buildkit::forward::{self, Call};
use crate::buildkit::grpc::{self, Boundaries};
use crate::buildkit::proto::control::StatusRequest;
use crate::buildkit::stream::{self, Broken};

/// Passes `Control/Status` on, and puts steps of our own between buildkitd's messages.
pub(super) async fn status(connection: &Connection, call: Call) {
    let Call { head, mut body, mut respond } = call;
    let ready = async {
        let (message, _room) = grpc::message(&head.headers, &mut body, &connection.room).await?;
        let request = StatusRequest::decode(message.clone()).map_err(|error| {
            tonic::Status::invalid_argument(format!("policy-check: cannot read the status request: {error}"))
        })?;
        // buildkitd waits for the build as well, but not for long.
        connection.guard.builds.settled(&request.r#ref).await;
        Ok::<_, tonic::Status>((connection.uplink.sender().await?, message, request.r#ref))
    };
    let ready = tokio::select! {
        ready = ready => ready,
        _hung_up = poll_fn(|context| respond.poll_reset(context)) => return,
    };
    let (upstream, message, reference) = match ready {
        Ok(ready) => ready,
        Err(status) => return grpc::refuse(&mut respond, &status),
    };
    let (response, _open) = match forward::call_with(&head, upstream, grpc::frame(&[&message])).await {
        Ok(streams) => streams,
        Err(error) => return grpc::refuse(&mut respond, &forward::broken(&error)),
    };
    let Some((head, mut source)) = forward::head(response, &mut respond).await else { return };
    let ended = source.is_end_stream();
    let Ok(mut sink) = respond.send_response(head, ended) else { return };
    if ended {
        return;
    }
    let steps = connection.guard.steps.of(&reference).subscribe();
    if let Err(Broken::Source(reason)) = weave(&mut source, &mut sink, steps).await {
        sink.send_reset(reason);
    }
}

/// Copies `source` to `sink`, and each step as soon as it is there and a message has ended.
async fn weave(
    source: &mut RecvStream,
    sink: &mut SendStream<Bytes>,
    mut steps: Subscription,
) -> Result<(), Broken> {
    let mut boundaries = Boundaries::default();
    let mut more = true;
    loop {
        tokio::select! {
            biased;
            chunk = stream::next(source, sink) => {
                let Some(chunk) = chunk? else { break };
                let size = chunk.len();
                boundaries.pass(&chunk);
                stream::send(sink, chunk, false).await.map_err(Broken::Sink)?;
                stream::release(source, size);
            }
            step = steps.next(), if more && boundaries.between() => match step {
                Some(step) => stream::send(sink, step, false).await.map_err(Broken::Sink)?,
                None => more = false,
            },
        }
    }
    if boundaries.between() {
        while let Some(step) = steps.ready() {
            stream::send(sink, step, false).await.map_err(Broken::Sink)?;
        }
    }
    stream::finish(source, sink).await
}
