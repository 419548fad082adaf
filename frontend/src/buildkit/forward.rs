//! One call passed on: whatever the method, whether known or not, streaming or not.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, Request, Response, request};

use super::grpc;
use super::stream::{self, Broken};

/// Headers of one connection only (RFC 9113, section 8.2.2), and the length, as we may add to a message.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONTENT_LENGTH,
    CONNECTION,
    UPGRADE,
    TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HOST,
];

/// A call that came in.
pub struct Call {
    /// Method, path and metadata.
    pub head: request::Parts,
    /// What the caller sends.
    pub body: RecvStream,
    /// Where the answer goes.
    pub respond: SendResponse<Bytes>,
}

impl Call {
    /// From what `h2` accepts.
    pub fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Self {
        let (head, body) = request.into_parts();
        Self { head, body, respond }
    }

    /// Passes the call on to `upstream` until both directions have ended. Whatever goes wrong ends the streams
    /// as it went wrong: no error is made up, and none is lost.
    pub async fn forward(self, upstream: SendRequest<Bytes>) {
        let Self { head, mut body, mut respond } = self;
        let ended = body.is_end_stream();
        let (response, mut sink) = match open(&head, upstream, ended).await {
            Ok(streams) => streams,
            Err(error) => return grpc::refuse(&mut respond, &broken(&error)),
        };
        let request = async {
            if ended {
                return None;
            }
            stream::copy(&mut body, &mut sink).await.err()
        };
        tokio::pin!(request);
        let answer = answer(response, &mut respond);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            () = &mut answer => return,
            broken = &mut request => match broken {
                // The caller has gone: dropping the streams cancels the call.
                Some(Broken::Source(_)) => return,
                // The callee has what it wants, or answers already why not.
                Some(Broken::Sink(_)) | None => {}
            },
        }
        answer.await;
    }
}

/// Calls `upstream` with one message, framed as it is sent. The stream to send on must be kept until the
/// answer is there: the call is cancelled with it.
pub async fn call_with(
    head: &request::Parts,
    upstream: SendRequest<Bytes>,
    frame: Bytes,
) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
    let (response, mut sink) = open(head, upstream, false).await?;
    // Nobody waits for the rest of a message of a call that was answered already.
    let _answered = stream::send(&mut sink, frame, true).await;
    Ok((response, sink))
}

/// Passes a call on whose only message was looked at, and its answer back.
pub async fn message(
    head: &request::Parts,
    message: &[u8],
    upstream: SendRequest<Bytes>,
    respond: &mut SendResponse<Bytes>,
) {
    match call_with(head, upstream, grpc::frame(&[message])).await {
        Ok((response, _open)) => answer(response, respond).await,
        Err(error) => grpc::refuse(respond, &broken(&error)),
    }
}

/// What a caller is told when the connection to the callee is gone.
pub fn broken(error: &h2::Error) -> tonic::Status {
    tonic::Status::unavailable(format!("the connection to buildkitd broke: {error}"))
}

/// Opens a stream for the same call at `upstream`.
pub async fn open(
    head: &request::Parts,
    upstream: SendRequest<Bytes>,
    ended: bool,
) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
    let mut request = Request::new(());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = head.uri.clone();
    *request.version_mut() = head.version;
    for (name, value) in &head.headers {
        if !HOP_BY_HOP.contains(name) {
            request.headers_mut().append(name, value.clone());
        }
    }
    let mut upstream = upstream.ready().await?;
    upstream.send_request(request, ended)
}

/// Passes an answer back: head, data, trailers, or the reset that it ended with.
pub async fn answer(response: ResponseFuture, respond: &mut SendResponse<Bytes>) {
    let Some((head, mut body)) = head(response, respond).await else { return };
    let ended = body.is_end_stream();
    let Ok(mut sink) = respond.send_response(head, ended) else { return };
    if ended {
        return;
    }
    if let Err(Broken::Source(reason)) = stream::copy(&mut body, &mut sink).await {
        sink.send_reset(reason);
    }
}

/// Waits for the head of an answer; `None` when the caller hung up, or was told how the call ended.
pub async fn head(
    response: ResponseFuture,
    respond: &mut SendResponse<Bytes>,
) -> Option<(Response<()>, RecvStream)> {
    let response = tokio::select! {
        biased;
        response = response => response,
        _hung_up = poll_fn(|context| respond.poll_reset(context)) => return None,
    };
    match response {
        Ok(response) => {
            let (mut head, body) = response.into_parts();
            HOP_BY_HOP.iter().for_each(|name| drop(head.headers.remove(name)));
            Some((Response::from_parts(head, ()), body))
        }
        Err(error) if error.is_io() || error.is_go_away() => {
            grpc::refuse(respond, &broken(&error));
            None
        }
        Err(error) => {
            respond.send_reset(stream::reason(&error));
            None
        }
    }
}
