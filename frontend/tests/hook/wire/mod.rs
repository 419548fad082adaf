//! HTTP/2 and gRPC at the level that tests of a proxy need: raw bytes, resets, header lists of any size.

mod body;
mod channel;
mod raw;
mod serve;
mod tunnel;

pub(crate) use body::{Pieces, RecvBody};
pub(crate) use channel::Channel;
pub(crate) use raw::{BytesCodec, frame, unframe};
pub(crate) use serve::{Handler, serve};
pub(crate) use tunnel::tunnel;

/// Larger than anything a test sends, and what BuildKit's peers accept.
pub(crate) const HEADER_LIST: u32 = 16 << 20;

/// BuildKit's limit for one message.
pub(crate) const MESSAGE: usize = 16 << 20;
