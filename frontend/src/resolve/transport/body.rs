//! Reading bodies: streaming, and never more than a limit.

use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::{Transport, TransportError, redacted};

/// The most that is read of one kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteLimit {
    /// For messages, with its article: `an image manifest`.
    pub what: &'static str,
    /// The limit in bytes.
    pub bytes: u64,
}

/// Passes the body to `sink` piece by piece, and returns its length.
async fn stream_body(
    transport: &Transport,
    mut response: Response,
    limit: ByteLimit,
    mut sink: impl FnMut(&[u8]),
) -> Result<u64, TransportError> {
    let url = response.url().clone();
    let exceeded =
        || TransportError::LimitExceeded { url: redacted(&url), what: limit.what, bytes: limit.bytes };
    if response.content_length().is_some_and(|length| length > limit.bytes) {
        return Err(exceeded());
    }
    let mut length = 0_u64;
    while let Some(chunk) = response.chunk().await.map_err(|error| transport.error(&url, error))? {
        length = length.saturating_add(chunk.len() as u64);
        if length > limit.bytes {
            return Err(exceeded());
        }
        sink(&chunk);
    }
    Ok(length)
}

/// The whole body.
pub async fn read_body(
    transport: &Transport,
    response: Response,
    limit: ByteLimit,
) -> Result<Bytes, TransportError> {
    let mut body = BytesMut::new();
    stream_body(transport, response, limit, |chunk| body.extend_from_slice(chunk)).await?;
    Ok(body.freeze())
}
