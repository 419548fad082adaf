//! The client end of a connection, for tonic's clients.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::body::{self, RecvBody};

/// One HTTP/2 connection. Dropping an answer that is not finished cancels its stream; dropping all copies
/// closes the connection once its streams are done.
#[derive(Clone)]
pub(crate) struct Channel {
    send: h2::client::SendRequest<Bytes>,
    closed: CancellationToken,
    abort: CancellationToken,
    header: Option<(http::HeaderName, http::HeaderValue)>,
}

impl Channel {
    /// Speaks HTTP/2 over `io`.
    pub(crate) async fn new<I>(io: I) -> Result<Self, h2::Error>
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (send, connection) = h2::client::Builder::new()
            .max_header_list_size(super::HEADER_LIST)
            .initial_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .handshake(io)
            .await?;
        let (closed, abort) = (CancellationToken::new(), CancellationToken::new());
        let (ended, stop) = (closed.clone().drop_guard(), abort.clone());
        tokio::spawn(async move {
            let _ended = ended;
            tokio::select! {
                _ = connection => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Self { send, closed, abort, header: None })
    }

    /// The same connection, with a header on each request.
    pub(crate) fn with_header(&self, name: &'static str, value: http::HeaderValue) -> Self {
        Self { header: Some((http::HeaderName::from_static(name), value)), ..self.clone() }
    }

    /// Completes when the connection is gone.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Whether the connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Drops the connection at once, as a killed process does.
    pub(crate) fn abort(&self) {
        self.abort.cancel();
    }
}

impl tower_service::Service<http::Request<tonic::body::Body>> for Channel {
    type Response = http::Response<RecvBody>;
    type Error = h2::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, h2::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), h2::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let (send, header) = (self.send.clone(), self.header.clone());
        Box::pin(async move {
            let mut send = send.ready().await?;
            let (mut parts, body) = request.into_parts();
            let path = parts.uri.path_and_query().cloned();
            let mut uri = http::uri::Parts::default();
            uri.scheme = Some(Scheme::HTTP);
            uri.authority = Some(Authority::from_static("localhost"));
            uri.path_and_query = path.or_else(|| Some(PathAndQuery::from_static("/")));
            parts.uri = http::Uri::from_parts(uri).expect("all parts are there");
            parts.version = http::Version::HTTP_2;
            parts.headers.extend(header.map(|(name, value)| (Some(name), value)));
            let ended = body.is_end_stream();
            let (answer, mut stream) = send.send_request(http::Request::from_parts(parts, ()), ended)?;
            let cancel = CancellationToken::new();
            let guard = cancel.clone().drop_guard();
            if !ended {
                tokio::spawn(async move {
                    tokio::select! {
                        _ = body::send(body, &mut stream) => {}
                        () = cancel.cancelled() => stream.send_reset(h2::Reason::CANCEL),
                    }
                });
            }
            Ok(answer.await?.map(|stream| RecvBody::guarded(stream, guard)))
        })
    }
}
