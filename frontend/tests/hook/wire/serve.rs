//! The server end of a connection.

use std::future::poll_fn;
use std::sync::Arc;

use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::body::{self, RecvBody};
use crate::daemon::Call;

/// Answers requests. A request that is reset has its handler dropped.
pub(crate) trait Handler: Clone + Send + Sync + 'static {
    /// Records a request that begins, if anybody wants to know.
    fn begin(&self, _request: &http::request::Parts) -> Option<Arc<Call>> {
        None
    }

    /// Answers one.
    fn call(
        &self,
        request: http::Request<RecvBody>,
    ) -> impl Future<Output = http::Response<tonic::body::Body>> + Send;
}

/// Serves a connection until it ends or `stop` is cancelled, which drops it and everything on it.
pub(crate) async fn serve<I, H>(io: I, handler: H, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Handler,
{
    let handshake = h2::server::Builder::new()
        .max_header_list_size(super::HEADER_LIST)
        .initial_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_send_buffer_size(1 << 20)
        .handshake(io);
    let connection = tokio::select! {
        connection = handshake => connection,
        () = stop.cancelled() => return,
    };
    let Ok(mut connection) = connection else { return };
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            request = connection.accept() => match request {
                Some(Ok((request, respond))) => {
                    tasks.spawn(answer(handler.clone(), request, respond));
                }
                Some(Err(_)) | None => return,
            },
            Some(_) = tasks.join_next() => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn answer<H: Handler>(
    handler: H,
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
) {
    let (parts, stream) = request.into_parts();
    let call = handler.begin(&parts);
    let request = http::Request::from_parts(parts, RecvBody::new(stream, call.clone()));
    // Also when the connection ends, which drops this future.
    let mut unanswered = Unanswered(call, None);
    let response = tokio::select! {
        biased;
        reset = poll_fn(|context| respond.poll_reset(context)) => {
            unanswered.1 = reset.ok();
            return;
        }
        response = handler.call(request) => response,
    };
    let (parts, body) = response.into_parts();
    let ended = body.is_end_stream();
    let Ok(mut stream) = respond.send_response(http::Response::from_parts(parts, ()), ended) else { return };
    let sent = if ended { Ok(()) } else { body::send(body, &mut stream).await };
    match sent {
        Ok(()) => unanswered.0 = None,
        Err(error) => unanswered.1 = error.reason(),
    }
}

/// Tells a call that it was cancelled, unless its answer was sent.
struct Unanswered(Option<Arc<Call>>, Option<h2::Reason>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(call) = &self.0 {
            call.cancelled(self.1);
        }
    }
}
