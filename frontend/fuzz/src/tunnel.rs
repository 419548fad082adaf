//! The connection inside a session.

use policy_check::buildkit::grpc::{self, PREFIX};
use policy_check::buildkit::limits::MAX_MESSAGE;
use policy_check::buildkit::proto::control::BytesMessage;
use policy_check::buildkit::tunnel::Tunnel;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{choice, cut, wire};

/// What comes out of a tunnel is what messages carry, however they are cut; what is malformed is an error, after
/// everything before it. What goes in comes out again.
///
/// First byte: how to cut. Then bytes of a stream.
pub fn session_tunnel(data: &[u8]) {
    let (seed, stream) = choice(data);
    let pieces = cut(stream, seed);
    let (read, result) = wire::call(&http::HeaderMap::new(), async |mut ends| {
        wire::send(&mut ends.request, &pieces);
        drain(Tunnel::accepted(ends.came.into_body(), ends.respond), seed).await
    });
    let (carried, well_formed) = expected(stream);
    assert_eq!((read, result.is_ok()), (carried, well_formed), "{result:?}");

    let (read, result) = wire::call(&http::HeaderMap::new(), async |ends| {
        let mut writer = Tunnel::called(ends.response, ends.request);
        for piece in &pieces {
            writer.write_all(piece).await.expect("a tunnel takes everything");
        }
        writer.shutdown().await.expect("a tunnel ends");
        drain(Tunnel::accepted(ends.came.into_body(), ends.respond), seed).await
    });
    assert!(result.is_ok(), "{result:?}");
    assert_eq!(read, stream);
}

/// Everything that can be read, and how it ended.
async fn drain(mut tunnel: Tunnel, seed: u8) -> (Vec<u8>, Result<(), std::io::Error>) {
    let (mut read, mut buffer) = (Vec::new(), vec![0; 1 + usize::from(seed) * 16]);
    loop {
        match tunnel.read(&mut buffer).await {
            Ok(0) => return (read, Ok(())),
            Ok(size) => read.extend_from_slice(&buffer[..size]),
            Err(error) => return (read, Err(error)),
        }
    }
}

/// What the messages of `stream` carry up to the first malformed one, and whether there is none.
fn expected(mut stream: &[u8]) -> (Vec<u8>, bool) {
    let mut carried = Vec::new();
    while !stream.is_empty() {
        let Some((0, length @ ..=MAX_MESSAGE)) = grpc::prefix(stream) else { return (carried, false) };
        let Some(message) = stream.get(PREFIX..PREFIX + length) else { return (carried, false) };
        let Ok(BytesMessage { data }) = BytesMessage::decode(message) else { return (carried, false) };
        carried.extend(data);
        stream = &stream[PREFIX + length..];
    }
    (carried, true)
}
