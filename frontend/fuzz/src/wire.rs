//! An HTTP/2 connection in memory, to get the streams that the hook reads from.

use std::cell::RefCell;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use policy_check::buildkit::limits;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Streams after which a new connection is made.
const STREAMS: usize = 1 << 20;

/// A call, seen from both of its ends.
pub(crate) struct Ends {
    /// What the caller reads.
    pub(crate) response: ResponseFuture,
    /// What the caller writes to.
    pub(crate) request: SendStream<Bytes>,
    /// The call as it came in.
    pub(crate) came: Request<RecvStream>,
    /// What the callee writes to.
    pub(crate) respond: SendStream<Bytes>,
}

struct Wire {
    runtime: Runtime,
    client: SendRequest<Bytes>,
    calls: UnboundedReceiver<(Request<RecvStream>, SendResponse<Bytes>)>,
    streams: usize,
}

thread_local! {
    /// A connection for each thread, as making one takes longer than what a target does with it.
    static WIRE: RefCell<Option<Wire>> = const { RefCell::new(None) };
}

/// Makes a call with `headers`, and lets `act` do something with both of its ends.
pub(crate) fn call<T>(headers: &HeaderMap, act: impl AsyncFnOnce(Ends) -> T) -> T {
    WIRE.with_borrow_mut(|slot| {
        let wire = match slot.take() {
            Some(wire) if wire.streams < STREAMS => wire,
            _ => Wire::new(),
        };
        // A target that panics leaves no connection behind.
        let (wire, result) = wire.call(headers, act);
        *slot = Some(wire);
        result
    })
}

impl Wire {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (client, calls) = runtime.block_on(async {
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            let (found, calls) = unbounded_channel();
            tokio::spawn(async move {
                let Ok(mut connection) = limits::server().handshake(theirs).await else { return };
                while let Some(Ok(call)) = connection.accept().await {
                    if found.send(call).is_err() {
                        return;
                    }
                }
            });
            let (client, connection) = limits::client().handshake(ours).await.expect("a connection");
            tokio::spawn(connection);
            (client, calls)
        });
        Self { runtime, client, calls, streams: 0 }
    }

    fn call<T>(mut self, headers: &HeaderMap, act: impl AsyncFnOnce(Ends) -> T) -> (Self, T) {
        let mut request = Request::post("http://localhost/").body(()).expect("a request");
        request.headers_mut().extend(headers.clone());
        let result = self.runtime.block_on(async {
            let mut client = self.client.clone().ready().await.expect("a connection");
            let (response, request) = client.send_request(request, false).expect("a stream");
            let (came, mut respond) = self.calls.recv().await.expect("a call");
            let respond = respond.send_response(Response::new(()), false).expect("a stream");
            act(Ends { response, request, came, respond }).await
        });
        self.streams += 1;
        (self, result)
    }
}

/// Sends `pieces`, each in a frame of its own, and ends the stream.
pub(crate) fn send(sink: &mut SendStream<Bytes>, pieces: &[&[u8]]) {
    for piece in pieces {
        sink.send_data(Bytes::copy_from_slice(piece), false).expect("an open stream");
    }
    sink.send_data(Bytes::new(), true).expect("an open stream");
}
