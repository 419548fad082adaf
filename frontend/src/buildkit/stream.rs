//! Bytes of one HTTP/2 stream passed to another: no faster than they are taken, and ended as they ended.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

/// Why a copy stopped before the end of the stream.
#[derive(Debug)]
pub enum Broken {
    /// The side that sends reset its stream, or its connection is gone.
    Source(Reason),
    /// The side that receives wants no more, or its connection is gone.
    Sink(Reason),
}

/// Copies everything from `source` to `sink`: data, trailers, and the end of the stream.
pub async fn copy(source: &mut RecvStream, sink: &mut SendStream<Bytes>) -> Result<(), Broken> {
    if copy_data(source, sink).await? {
        return Ok(());
    }
    finish(source, sink).await
}

/// Copies the data, and says whether that ended the stream: else trailers may follow.
pub async fn copy_data(source: &mut RecvStream, sink: &mut SendStream<Bytes>) -> Result<bool, Broken> {
    while let Some(chunk) = next(source, sink).await? {
        let (size, last) = (chunk.len(), source.is_end_stream());
        send(sink, chunk, last).await.map_err(Broken::Sink)?;
        // Only what was taken on the other side is asked for again on this one.
        release(source, size);
        if last {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The next data of `source`; `None` when there is no more. Ends early when `sink` is reset.
pub async fn next(source: &mut RecvStream, sink: &mut SendStream<Bytes>) -> Result<Option<Bytes>, Broken> {
    tokio::select! {
        biased;
        chunk = source.data() => chunk.transpose().map_err(|error| Broken::Source(reason(&error))),
        reset = poll_fn(|context| sink.poll_reset(context)) => {
            Err(Broken::Sink(reset.unwrap_or(Reason::CANCEL)))
        }
    }
}

/// Ends `sink` as `source` ended: with its trailers, or without.
pub async fn finish(source: &mut RecvStream, sink: &mut SendStream<Bytes>) -> Result<(), Broken> {
    let trailers = trailers(source).await?;
    end(sink, trailers)
}

/// What follows the data of `source`, if anything does.
pub async fn trailers(source: &mut RecvStream) -> Result<Option<HeaderMap>, Broken> {
    source.trailers().await.map_err(|error| Broken::Source(reason(&error)))
}

/// Ends `sink`, with trailers or without.
pub fn end(sink: &mut SendStream<Bytes>, trailers: Option<HeaderMap>) -> Result<(), Broken> {
    let sent = match trailers {
        Some(trailers) => sink.send_trailers(trailers),
        None => sink.send_data(Bytes::new(), true),
    };
    sent.map_err(|error| Broken::Sink(reason(&error)))
}

/// Sends `data` as fast as the peer takes it.
pub async fn send(sink: &mut SendStream<Bytes>, mut data: Bytes, last: bool) -> Result<(), Reason> {
    if data.is_empty() {
        return if last { sink.send_data(data, true).map_err(|error| reason(&error)) } else { Ok(()) };
    }
    while !data.is_empty() {
        sink.reserve_capacity(data.len());
        while sink.capacity() == 0 {
            match poll_fn(|context| sink.poll_capacity(context)).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(reason(&error)),
                None => return Err(Reason::CANCEL),
            }
        }
        let part = data.split_to(sink.capacity().min(data.len()));
        sink.send_data(part, last && data.is_empty()).map_err(|error| reason(&error))?;
    }
    Ok(())
}

/// Lets the peer send as much again as was taken.
pub fn release(source: &mut RecvStream, size: usize) {
    // Fails only when the stream is over, and then nothing more is sent anyway.
    let _over = source.flow_control().release_capacity(size);
}

/// How an error ended a stream, for the other side of it.
pub fn reason(error: &h2::Error) -> Reason {
    error.reason().unwrap_or(Reason::CANCEL)
}
