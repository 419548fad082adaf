//! gRPC over HTTP/2, as much of it as a hook must know: frames of messages, and how calls end.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use std::io::Read;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

use super::limits::MAX_MESSAGE;
use super::stream;

/// Before each message: a flag that says whether it is compressed, and four bytes of length.
pub const PREFIX: usize = 5;

/// What messages of one connection may take at once while they are looked at.
pub struct Room(Arc<Semaphore>);

/// Bytes of [`Room`].
const ROOM: usize = 256 << 20;

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM)))
    }
}

impl Room {
    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Status> {
        // Larger chunks than this don't exist.
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        Arc::clone(&self.0).try_acquire_many_owned(permits).map_err(|_| {
            Status::resource_exhausted(format!(
                "policy-check: the messages under way on this connection are larger than {ROOM} bytes together: send them one after the other"
            ))
        })
    }
}

/// The only message of a call, without its prefix and decompressed, and the room that it takes. What is more
/// than one message, or cut off, or too large, is refused.
pub async fn message(
    head: &HeaderMap,
    body: &mut RecvStream,
    room: &Room,
) -> Result<(Bytes, OwnedSemaphorePermit), Status> {
    let mut received = BytesMut::new();
    let mut taken = room.take(0)?;
    while let Some(chunk) = body.data().await {
        let chunk = chunk.map_err(|error| Status::cancelled(format!("the request broke off: {error}")))?;
        if received.len() + chunk.len() > PREFIX + MAX_MESSAGE {
            return Err(too_large());
        }
        taken.merge(room.take(chunk.len())?);
        stream::release(body, chunk.len());
        received.extend_from_slice(&chunk);
    }
    let mut frame = received.freeze();
    let Some((flag, length)) = prefix(&frame) else {
        return Err(Status::invalid_argument("the request holds no message"));
    };
    let payload = frame.split_off(PREFIX);
    if payload.len() != length {
        return Err(Status::invalid_argument("the request does not hold exactly one message"));
    }
    match flag {
        0 => Ok((payload, taken)),
        1 => {
            let message = decompress(head, &payload)?;
            taken.merge(room.take(message.len())?);
            Ok((message, taken))
        }
        flag => Err(Status::invalid_argument(format!("a message with the unknown flag {flag}"))),
    }
}

/// Flag and length of the message that `frame` begins with; `None` while the prefix isn't complete.
pub fn prefix(frame: &[u8]) -> Option<(u8, usize)> {
    let [flag, length @ ..] = frame.first_chunk::<PREFIX>()?;
    Some((*flag, u32::from_be_bytes(*length) as usize))
}

fn decompress(head: &HeaderMap, payload: &[u8]) -> Result<Bytes, Status> {
    match head.get("grpc-encoding").map(HeaderValue::as_bytes) {
        Some(b"gzip") => {}
        _ => return Err(Status::unimplemented("messages can be compressed with gzip only")),
    }
    let mut message = Vec::new();
    let mut reader = flate2::read::GzDecoder::new(payload).take(MAX_MESSAGE as u64 + 1);
    reader
        .read_to_end(&mut message)
        .map_err(|error| Status::invalid_argument(format!("a message is not valid gzip: {error}")))?;
    if message.len() > MAX_MESSAGE { Err(too_large()) } else { Ok(message.into()) }
}

fn too_large() -> Status {
    Status::resource_exhausted(format!("a message is larger than the limit of {MAX_MESSAGE} bytes"))
}

/// A message with its prefix, not compressed. `parts` are concatenated.
pub fn frame(parts: &[&[u8]]) -> Bytes {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    // Messages are limited to 16 MiB, and little is added to them.
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    frame.freeze()
}

/// Ends a call before it was answered, with `status`.
pub fn refuse(respond: &mut SendResponse<Bytes>, status: &Status) {
    // Fails only when the caller has gone.
    let _gone = respond.send_response(trailers_only(status), true);
}

/// The head of an answer.
pub fn head() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// An answer that is nothing but a status.
fn trailers_only(status: &Status) -> Response<()> {
    let mut response = head();
    if status.add_header(response.headers_mut()).is_err() {
        // Only a message that no header can hold gets here; the code still says that it failed.
        let code = HeaderValue::from(status.code() as i32);
        response.headers_mut().insert("grpc-status", code);
    }
    response
}

/// The trailers that end a call with `status`.
pub fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert("grpc-status", HeaderValue::from(Code::Unknown as i32));
    }
    trailers
}

/// Where one message ends and the next begins, in bytes that are passed on.
#[derive(Debug, Default)]
pub struct Boundaries {
    prefix: Vec<u8>,
    left: usize,
}

impl Boundaries {
    /// Takes note of what was passed on.
    pub fn pass(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(data.len());
                self.left -= taken;
                data = &data[taken..];
                continue;
            }
            let taken = (PREFIX - self.prefix.len()).min(data.len());
            self.prefix.extend_from_slice(&data[..taken]);
            data = &data[taken..];
            if let Some((_, length)) = prefix(&self.prefix) {
                self.left = length;
                self.prefix.clear();
            }
        }
    }

    /// Whether a message of our own may be put in here.
    pub fn between(&self) -> bool {
        self.left == 0 && self.prefix.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn frames_have_a_prefix() {
        assert_eq!(&frame(&[b"ab", b"c"])[..], b"\0\0\0\0\x03abc");
        assert_eq!(prefix(b"\x01\0\0\x01\0rest"), Some((1, 256)));
        assert_eq!(prefix(b"\0\0\0\0"), None);
    }

    #[test]
    fn boundaries_however_the_bytes_are_cut() {
        let two = [frame(&[b"hello"]), frame(&[]), frame(&[b"x"])].concat();
        let ends = [10, 15, 21];
        for size in 1..=two.len() {
            let mut boundaries = Boundaries::default();
            let mut passed = 0;
            for chunk in two.chunks(size) {
                boundaries.pass(chunk);
                passed += chunk.len();
                assert_eq!(boundaries.between(), ends.contains(&passed), "{size}: after {passed}");
            }
        }
    }

    #[test]
    fn gzip_within_limits() {
        use std::io::Write;
        let mut head = HeaderMap::new();
        head.insert("grpc-encoding", HeaderValue::from_static("gzip"));
        let pack = |size: usize| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&vec![7; size]).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(decompress(&head, &pack(100)).unwrap().len(), 100);
        assert_eq!(decompress(&head, &pack(MAX_MESSAGE + 1)).unwrap_err().code(), Code::ResourceExhausted);
        assert_eq!(decompress(&head, b"nonsense").unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(decompress(&HeaderMap::new(), b"").unwrap_err().code(), Code::Unimplemented);
    }

    #[test]
    fn a_status_keeps_its_details() {
        let details = Bytes::from_static(b"\x08\x07");
        let status = Status::with_details(Code::PermissionDenied, "nicht erlaubt: ü", details);
        let head = trailers_only(&status);
        assert_eq!(head.headers()["grpc-status"], "7");
        assert_eq!(head.headers()["grpc-status-details-bin"], "CAc");
        assert_eq!(head.headers()["grpc-message"], "nicht%20erlaubt:%20%C3%BC");
    }
}
