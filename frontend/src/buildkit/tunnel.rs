//! A connection inside a call: `Control/Session` carries the bytes of an HTTP/2 connection in messages
//! (`BytesMessage{bytes data = 1}`) whose boundaries mean nothing.

use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::grpc::{self, PREFIX};
use super::limits::MAX_MESSAGE;
use super::stream;

/// Most bytes that are put into one message.
const CHUNK: usize = 32 << 10;

#[derive(Clone, PartialEq, Message)]
struct BytesMessage {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
}

/// One side of a tunnel, to read from and write to like a socket.
pub struct Tunnel {
    source: Source,
    /// Received, and not a whole message yet.
    partial: BytesMut,
    /// Received and unpacked.
    unread: Bytes,
    sink: SendStream<Bytes>,
    /// Packed, and not sent yet.
    unsent: Bytes,
}

enum Source {
    /// The other side has not answered yet. It may wait for us to speak first.
    Awaited(ResponseFuture),
    Open(RecvStream),
}

impl Tunnel {
    /// Of a call that came in, and was answered with a head.
    pub fn accepted(source: RecvStream, sink: SendStream<Bytes>) -> Self {
        Self::new(Source::Open(source), sink)
    }

    /// Of a call that we made.
    pub fn called(response: ResponseFuture, sink: SendStream<Bytes>) -> Self {
        Self::new(Source::Awaited(response), sink)
    }

    fn new(source: Source, sink: SendStream<Bytes>) -> Self {
        Self { source, partial: BytesMut::new(), unread: Bytes::new(), sink, unsent: Bytes::new() }
    }

    /// Waits for more bytes; false at the end.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<bool, Error>> {
        if let Source::Awaited(response) = &mut self.source {
            let response = ready!(Pin::new(response).poll(context)).map_err(Error::other)?;
            if let Some(status) = response.headers().get("grpc-status")
                && status != "0"
            {
                let message = response.headers().get("grpc-message").map(http::HeaderValue::as_bytes);
                let message = String::from_utf8_lossy(message.unwrap_or_default());
                return Poll::Ready(Err(Error::new(ErrorKind::ConnectionRefused, message.into_owned())));
            }
            self.source = Source::Open(response.into_body());
        }
        let Source::Open(source) = &mut self.source else { return Poll::Ready(Ok(false)) };
        match ready!(source.poll_data(context)) {
            None => Poll::Ready(Ok(false)),
            Some(Err(error)) => Poll::Ready(Err(Error::other(error))),
            Some(Ok(chunk)) => {
                stream::release(source, chunk.len());
                self.partial.extend_from_slice(&chunk);
                Poll::Ready(Ok(true))
            }
        }
    }

    /// Unpacks the next message, if it is there.
    fn unpack(&mut self) -> Result<bool, Error> {
        let invalid = |detail: &str| Error::new(ErrorKind::InvalidData, format!("session tunnel: {detail}"));
        let Some((flag, length)) = grpc::prefix(&self.partial) else { return Ok(false) };
        if flag != 0 {
            return Err(invalid("a compressed message"));
        }
        if length > MAX_MESSAGE {
            return Err(invalid("a message larger than 16 MiB"));
        }
        if self.partial.len() < PREFIX + length {
            return Ok(false);
        }
        self.partial.advance(PREFIX);
        let message = self.partial.split_to(length).freeze();
        self.unread = BytesMessage::decode(message).map_err(|error| invalid(&error.to_string()))?.data;
        Ok(true)
    }

    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.unsent.is_empty() {
            self.sink.reserve_capacity(self.unsent.len());
            if self.sink.capacity() == 0 {
                match ready!(self.sink.poll_capacity(context)) {
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Poll::Ready(Err(Error::other(error))),
                    None => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
                }
            }
            let part = self.unsent.split_to(self.sink.capacity().min(self.unsent.len()));
            self.sink.send_data(part, false).map_err(Error::other)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        while self.unread.is_empty() {
            if !self.unpack()? && !ready!(self.poll_receive(context))? {
                return Poll::Ready(if self.partial.is_empty() {
                    Ok(())
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                });
            }
        }
        let size = buffer.remaining().min(self.unread.len());
        buffer.put_slice(&self.unread.split_to(size));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<Result<usize, Error>> {
        self.poll_write_vectored(context, &[IoSlice::new(buffer)])
    }

    /// A frame's head and its payload come as two slices, and go as one message.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        ready!(self.poll_send(context))?;
        let size = buffers.iter().map(|buffer| buffer.len()).sum::<usize>().min(CHUNK);
        if size > 0 {
            self.unsent = pack(buffers, size);
            // What can't go now goes with the next write or flush.
            if let Poll::Ready(Err(error)) = self.poll_send(context) {
                return Poll::Ready(Err(error));
            }
        }
        Poll::Ready(Ok(size))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_send(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.poll_send(context))?;
        // Ended already is ended as well.
        let _ended = self.sink.send_data(Bytes::new(), true);
        Poll::Ready(Ok(()))
    }
}

/// The first `size` bytes of `buffers` as one framed message.
fn pack(buffers: &[IoSlice<'_>], size: usize) -> Bytes {
    let mut head = Vec::with_capacity(8);
    // Field 1, length-delimited.
    head.put_u8(0x0a);
    prost::encoding::encode_varint(size as u64, &mut head);
    let mut left = size;
    let parts = buffers.iter().map(|buffer| {
        let part = &buffer[..left.min(buffer.len())];
        left -= part.len();
        part
    });
    let parts: Vec<&[u8]> = std::iter::once(head.as_slice()).chain(parts).collect();
    grpc::frame(&parts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn packs_what_prost_reads() {
        for size in [1, 127, 128, CHUNK] {
            let data: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
            let (head, rest) = data.split_at(size / 3);
            let frame = pack(&[IoSlice::new(head), IoSlice::new(rest), IoSlice::new(b"more")], size);
            let (flag, length) = grpc::prefix(&frame).unwrap();
            assert_eq!((flag, length), (0, frame.len() - PREFIX));
            assert_eq!(BytesMessage::decode(&frame[PREFIX..]).unwrap().data, data);
        }
    }
}
