//! Bodies: what h2 receives as an `http_body::Body`, and the other way round.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame};
use tokio_util::sync::DropGuard;

use crate::daemon::Call;

/// A body that arrives. Dropping one that is not finished resets the stream.
pub(crate) struct RecvBody {
    stream: h2::RecvStream,
    ended: bool,
    tap: Option<Arc<Call>>,
    _cancel: Option<DropGuard>,
}

impl RecvBody {
    /// A body whose bytes and end `tap` is told of.
    pub(crate) fn new(stream: h2::RecvStream, tap: Option<Arc<Call>>) -> Self {
        Self { stream, ended: false, tap, _cancel: None }
    }

    /// `guard` is dropped with the body.
    pub(crate) fn guarded(stream: h2::RecvStream, guard: DropGuard) -> Self {
        Self { stream, ended: false, tap: None, _cancel: Some(guard) }
    }
}

impl Body for RecvBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.ended {
            match ready!(self.stream.poll_data(context)) {
                Some(Ok(data)) => {
                    let released = self.stream.flow_control().release_capacity(data.len());
                    if let Some(tap) = &self.tap {
                        tap.received(&data);
                    }
                    return Poll::Ready(Some(released.map(|()| Frame::data(data))));
                }
                Some(Err(error)) => {
                    if let Some(tap) = &self.tap {
                        tap.cancelled(error.reason());
                    }
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.ended = true;
                    if let Some(tap) = &self.tap {
                        tap.half_closed();
                    }
                }
            }
        }
        match ready!(self.stream.poll_trailers(context)) {
            Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }
}

/// Sends `body` to its end. A body that fails resets the stream; a reset by the peer ends the sending.
pub(crate) async fn send(
    body: tonic::body::Body,
    stream: &mut h2::SendStream<Bytes>,
) -> Result<(), h2::Error> {
    let mut body = pin!(body);
    loop {
        let frame = tokio::select! {
            frame = poll_fn(|context| body.as_mut().poll_frame(context)) => frame,
            reset = poll_fn(|context| stream.poll_reset(context)) => return Err(reset?.into()),
        };
        match frame {
            None => return stream.send_data(Bytes::new(), true),
            Some(Err(_)) => {
                stream.send_reset(h2::Reason::CANCEL);
                return Err(h2::Reason::CANCEL.into());
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => send_data(data, stream).await?,
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        return stream.send_trailers(trailers);
                    }
                }
            },
        }
    }
}

async fn send_data(mut data: Bytes, stream: &mut h2::SendStream<Bytes>) -> Result<(), h2::Error> {
    while data.has_remaining() {
        stream.reserve_capacity(data.len());
        let capacity = match poll_fn(|context| stream.poll_capacity(context)).await {
            Some(capacity) => capacity?,
            None => return Err(h2::Reason::CANCEL.into()),
        };
        stream.send_data(data.split_to(capacity.min(data.len())), false)?;
    }
    Ok(())
}

/// A body of these pieces, one DATA frame each.
pub(crate) struct Pieces(std::collections::VecDeque<Bytes>);

impl Pieces {
    pub(crate) fn new(pieces: Vec<Bytes>) -> Self {
        Self(pieces.into())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}
