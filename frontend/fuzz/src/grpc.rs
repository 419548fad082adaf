//! Framing of gRPC messages.

use std::io::Read;

use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue};
use policy_check::buildkit::grpc::{self, Boundaries, PREFIX};

use crate::{choice, cut, wire};

/// Ends of messages are the same however the bytes are cut.
///
/// First byte: how to cut. Then bytes of a stream.
pub fn grpc_frames(data: &[u8]) {
    let (seed, stream) = choice(data);
    // Said in another way than `Boundaries` does: from one prefix to the next.
    let mut ends = vec![0];
    let mut at = 0;
    while let Some((_, length)) = stream.get(at..).and_then(grpc::prefix) {
        at = at.saturating_add(PREFIX).saturating_add(length);
        ends.push(at);
    }
    let mut boundaries = Boundaries::default();
    let mut passed = 0;
    for piece in cut(stream, seed) {
        boundaries.pass(piece);
        passed += piece.len();
        assert_eq!(boundaries.between(), ends.contains(&passed), "after {passed} bytes");
    }
    let frame = grpc::frame(&cut(stream, seed));
    assert_eq!(grpc::prefix(&frame), Some((0, stream.len())));
    assert_eq!(&frame[PREFIX..], stream);
}

/// The body of a call is read as the message that it holds, or refused.
///
/// First byte: how to cut, and whether the call says that it is compressed. Then the body.
pub fn grpc_message(data: &[u8]) {
    let (seed, body) = choice(data);
    let mut headers = HeaderMap::new();
    let gzip = seed & 1 == 0;
    if gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    let read = wire::call(&headers, async |mut ends| {
        wire::send(&mut ends.request, &cut(body, seed));
        let (head, mut body) = ends.came.into_parts();
        grpc::message(&head.headers, &mut body).await
    });
    let expected = expected(body, gzip);
    assert_eq!(read.as_deref().ok(), expected.as_deref(), "{read:?}");
}

fn expected(body: &[u8], gzip: bool) -> Option<Vec<u8>> {
    let (flag, length) = grpc::prefix(body)?;
    let payload = body.get(PREFIX..).filter(|payload| payload.len() == length)?;
    match flag {
        0 => Some(payload.to_vec()),
        1 if gzip => {
            let mut message = Vec::new();
            // Inputs are too small to unpack to more than the limit.
            GzDecoder::new(payload).read_to_end(&mut message).ok()?;
            Some(message)
        }
        _ => None,
    }
}
