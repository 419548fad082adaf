//! A service nobody knows, `double.Raw`, for what a proxy must pass on as it is.
//!
//! Methods: `Echo` (each message comes back; the request's `x-echo-*` headers return as headers and trailers),
//! `TrailersOnly` (status 9 without a body), `Details` (status 2 with `x-size` bytes of details), `Collect`
//! (answers with the number of bytes once the client's side has ended), `Hang` (answers nothing, ever),
//! `Greet` (headers and one message at once, then nothing until the client's side ends).

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::{Body as _, Frame};
use tokio::sync::mpsc;
use tonic::Status;

use crate::wire::{RecvBody, frame};

/// Where its methods are.
pub(crate) const PREFIX: &str = "/double.Raw/";

struct Frames(mpsc::Receiver<Frame<Bytes>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

/// Answers one request.
pub(crate) async fn answer(request: Request<RecvBody>) -> Response<tonic::body::Body> {
    let method = request.uri().path().trim_start_matches(PREFIX).to_owned();
    let (parts, body) = request.into_parts();
    let echoed = |name: &&HeaderName| name.as_str().starts_with("x-echo-");
    let echoed: HeaderMap = parts
        .headers
        .keys()
        .filter(echoed)
        .flat_map(|name| parts.headers.get_all(name).iter().map(move |value| (name.clone(), value.clone())))
        .collect();
    match method.as_str() {
        "TrailersOnly" => {
            let mut response = Status::failed_precondition("only trailers").into_http();
            response.headers_mut().extend(echoed);
            response
        }
        "Details" => {
            let size =
                parts.headers.get("x-size").and_then(|size| size.to_str().ok()?.parse().ok()).unwrap_or(0);
            Status::with_details(tonic::Code::Unknown, "with details", details(size).into()).into_http()
        }
        "Hang" => std::future::pending().await,
        _ => stream(&method, body, echoed),
    }
}

/// Bytes that no encoder would have made.
pub(crate) fn details(size: usize) -> Vec<u8> {
    (0..size).map(|position| u8::try_from(position * 31 % 251).expect("less than 251")).collect()
}

fn stream(method: &str, body: RecvBody, echoed: HeaderMap) -> Response<tonic::body::Body> {
    let (sender, receiver) = mpsc::channel(4);
    let (echoes, greets) = (method == "Echo", method == "Greet");
    let mut trailers = echoed.clone();
    tokio::spawn(async move {
        let mut body = body;
        let mut size = 0;
        if greets {
            let _ = sender.send(Frame::data(frame(b"hello"))).await;
        }
        while let Some(received) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let Ok(received) = received else { return };
            let Ok(data) = received.into_data() else { continue };
            size += data.len();
            if echoes && sender.send(Frame::data(data)).await.is_err() {
                return;
            }
        }
        if !echoes {
            let _ = sender.send(Frame::data(frame(size.to_string().as_bytes()))).await;
        }
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let _ = sender.send(Frame::trailers(trailers)).await;
    });
    let mut response = Response::new(tonic::body::Body::new(Frames(receiver)));
    *response.headers_mut() = echoed;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}
