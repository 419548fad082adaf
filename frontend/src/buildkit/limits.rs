//! Sizes and windows of every HTTP/2 connection of the hook, outer and inner.

use tokio::io::BufReader;

use super::batch::Batch;
use super::endpoint::Io;

/// Largest gRPC message, in bytes, as buildkitd and its clients have it.
pub const MAX_MESSAGE: usize = 16 << 20;

/// Largest list of headers or trailers, in bytes. With less, a peer in Go does not send an error's details
/// that are larger, but resets the stream.
pub const MAX_HEADER_LIST: u32 = 16 << 20;

/// What a peer may send on one stream before it is passed on, in bytes.
pub const STREAM_WINDOW: u32 = 4 << 20;

/// The same for a whole connection.
pub const CONNECTION_WINDOW: u32 = 16 << 20;

// The largest frame stays HTTP/2's default of 16 KiB: gRPC in Go sends no larger ones, and `h2` derives from it
// in how many frames a list of headers may come.

/// What waits to be sent on one stream, in bytes.
pub const SEND_BUFFER: usize = 1 << 20;

/// What is read from a socket at once, in bytes: four frames of data rather than a part of one. `h2` alone reads
/// about 8 KiB at a time, and a context of gigabytes is mostly calls to the system.
pub const READ_BUFFER: usize = 64 << 10;

/// What is gathered before it is written to a socket, in bytes: several frames of data.
pub const WRITE_BATCH: usize = 128 << 10;

/// Streams that a peer may have open at once on one connection.
pub const MAX_STREAMS: u32 = 10_000;

/// A socket to speak HTTP/2 on.
pub fn buffered(io: Io) -> BufReader<Batch<Io>> {
    BufReader::with_capacity(READ_BUFFER, Batch::new(io, WRITE_BATCH))
}

/// Settings of our side where peers call us.
pub fn server() -> h2::server::Builder {
    let mut builder = h2::server::Builder::new();
    builder
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// Settings of our side where we call.
pub fn client() -> h2::client::Builder {
    let mut builder = h2::client::Builder::new();
    builder
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .enable_push(false);
    builder
}
