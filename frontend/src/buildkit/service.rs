//! Generated gRPC services and clients on the streams of `h2`: tunnels carry both sides of a connection, and
//! calls that are answered here come in among those that are passed on.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame};
use tower_service::Service;

use super::forward::Call;
use super::tunnel::Tunnel;
use super::{limits, stream};

/// What a peer sends, as a body.
pub struct Received {
    stream: RecvStream,
    data_ended: bool,
}

impl From<RecvStream> for Received {
    fn from(stream: RecvStream) -> Self {
        Self { stream, data_ended: false }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let this = &mut *self;
        if !this.data_ended {
            match this.stream.poll_data(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) => {
                    stream::release(&mut this.stream, chunk.len());
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => this.data_ended = true,
            }
        }
        this.stream.poll_trailers(context).map(|trailers| match trailers {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}

/// Answers the calls that come in through a tunnel, until it ends: each with `answer`, all at once.
pub async fn serve<A>(tunnel: Tunnel, answer: impl Fn(Call) -> A)
where
    A: Future<Output = ()> + Send + 'static,
{
    let Ok(mut connection) = limits::server().handshake(tunnel).await else { return };
    let mut calls = tokio::task::JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        calls.spawn(answer(Call::new(request, respond)));
        while calls.try_join_next().is_some() {}
    }
}

/// Answers one call by a generated service.
pub async fn answer<S>(mut service: S, call: Call)
where
    S: Service<Request<Received>, Response = Response<tonic::body::Body>, Error = Infallible>,
{
    let Call { head, body, mut respond } = call;
    let answered = tokio::select! {
        biased;
        _hung_up = poll_fn(|context| respond.poll_reset(context)) => return,
        answered = service.call(Request::from_parts(head, body.into())) => answered,
    };
    let Ok(response) = answered;
    let (head, body) = response.into_parts();
    send(Response::from_parts(head, ()), body, &mut respond).await;
}

async fn send(head: Response<()>, body: tonic::body::Body, respond: &mut SendResponse<Bytes>) {
    if body.is_end_stream() {
        let _gone = respond.send_response(head, true);
        return;
    }
    let Ok(sink) = respond.send_response(head, false) else { return };
    send_body(body, sink).await;
}

/// Sends all frames of a body; returns early when the peer wants no more, or the body fails.
async fn send_body(body: tonic::body::Body, mut sink: h2::SendStream<Bytes>) {
    let mut body = std::pin::pin!(body);
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let Ok(frame) = frame else { return sink.send_reset(h2::Reason::INTERNAL_ERROR) };
        let sent = match frame.into_data() {
            Ok(data) => stream::send(&mut sink, data, false).await.is_ok(),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_else(|_| HeaderMap::new());
                let _gone = sink.send_trailers(trailers);
                return;
            }
        };
        if !sent {
            return;
        }
    }
    let _gone = sink.send_data(Bytes::new(), true);
}

/// Where calls inside a tunnel go, as BuildKit's own calls have it.
pub const ORIGIN: &str = "http://localhost";

/// The calling side of an HTTP/2 connection, for generated clients.
#[derive(Clone)]
pub struct Channel(pub SendRequest<Bytes>);

impl Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Received>;
    type Error = h2::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Received>, h2::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let sender = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let ended = body.is_end_stream();
            let mut sender = sender.ready().await?;
            let (response, sink) = sender.send_request(Request::from_parts(head, ()), ended)?;
            if !ended {
                tokio::spawn(send_body(body, sink));
            }
            Ok(response.await?.map(Received::from))
        })
    }
}
