//! What the hook does not know, it passes on unchanged.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body as _;
use policy_check::buildkit::proto::control;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tower_service::Service as _;

use crate::client::Client;
use crate::daemon::{Daemon, Script, raw};
use crate::hook::{ALLOW, Hook};

async fn start() -> (Daemon, Hook, Client) {
    let daemon = Daemon::start(Script::default());
    let hook = Hook::start(&daemon, ALLOW, &[]).await;
    let client = hook.client().await;
    (daemon, hook, client)
}

#[tokio::test]
async fn an_unknown_method_streams_both_ways() {
    let (_daemon, _hook, client) = start().await;
    let (sender, receiver) = mpsc::channel(1);
    let headers = [("x-echo-text", "hello"), ("x-echo-text", "again"), ("x-echo-data-bin", "AAEC/w")];
    sender.send(Bytes::from_static(b"first")).await.expect("the call is open");
    let answer =
        client.stream("/double.Raw/Echo", &headers, ReceiverStream::new(receiver)).await.expect("an answer");
    let texts: Vec<_> = answer.metadata().get_all("x-echo-text").iter().collect();
    assert_eq!(texts, ["hello", "again"]);
    let mut messages = answer.into_inner();
    assert_eq!(messages.message().await.expect("a message").expect("one"), "first");
    // Only now: a proxy that waits for the end of either side would stall here.
    sender.send(Bytes::from(vec![7; 15 << 20])).await.expect("the call is open");
    assert_eq!(messages.message().await.expect("a message").expect("one").len(), 15 << 20);
    drop(sender);
    assert!(messages.message().await.expect("a clean end").is_none());
    let trailers = messages.trailers().await.expect("trailers").expect("trailers");
    assert_eq!(
        trailers.get_bin("x-echo-data-bin").expect("a header").to_bytes().expect("base64"),
        &[0u8, 1, 2, 255][..]
    );
}

#[tokio::test]
async fn headers_and_messages_come_before_the_clients_end() {
    let (daemon, _hook, client) = start().await;
    let (sender, receiver) = mpsc::channel(1);
    let answer =
        client.stream("/double.Raw/Greet", &[], ReceiverStream::new(receiver)).await.expect("headers");
    let mut messages = answer.into_inner();
    assert_eq!(messages.message().await.expect("a message").expect("one"), "hello");
    let call = daemon.calls("/double.Raw/Greet").remove(0);
    assert!(!call.is_half_closed());
    drop(sender);
    assert_eq!(messages.message().await.expect("a message").expect("one"), "0");
    assert!(messages.message().await.expect("a clean end").is_none());
    assert!(call.is_half_closed());
    assert_eq!(call.cancellation(), None);
}

#[tokio::test]
async fn a_cancelled_call_is_cancelled_and_not_half_closed() {
    let (daemon, _hook, client) = start().await;
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let answer =
        client.stream("/double.Raw/Greet", &[], ReceiverStream::new(receiver)).await.expect("headers");
    drop(answer);
    daemon
        .until("it is cancelled", |daemon| daemon.calls("/double.Raw/Greet")[0].cancellation().is_some())
        .await;
    assert_eq!(daemon.calls("/double.Raw/Greet")[0].cancellation(), Some(h2::Reason::CANCEL));
    assert!(!daemon.calls("/double.Raw/Greet")[0].is_half_closed());
    drop(sender);
}

#[tokio::test]
async fn a_call_that_waits_for_its_answer_can_be_cancelled() {
    let (daemon, _hook, client) = start().await;
    let call = tokio::spawn(async move { client.unary("/double.Raw/Hang", &[], Bytes::new()).await });
    daemon.until("it hangs", |daemon| daemon.calls("/double.Raw/Hang").len() == 1).await;
    call.abort();
    daemon
        .until("it is cancelled", |daemon| daemon.calls("/double.Raw/Hang")[0].cancellation().is_some())
        .await;
}

#[tokio::test]
async fn an_answer_of_trailers_alone_stays_one() {
    let (_daemon, _hook, mut client) = start().await;
    let request = http::Request::post("/double.Raw/TrailersOnly")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(tonic::body::Body::empty())
        .expect("a request");
    let response = client.channel.call(request).await.expect("an answer");
    assert_eq!(response.headers()["grpc-status"], "9");
    let mut body = response.into_body();
    let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
    assert!(next.is_none(), "nothing comes after the headers");
}

#[tokio::test]
async fn details_pass_byte_for_byte_whatever_they_are() {
    let (_daemon, _hook, client) = start().await;
    for size in [1, 16 << 10, 1 << 20, 8 << 20] {
        let size_header = size.to_string();
        let answer = client.unary("/double.Raw/Details", &[("x-size", &size_header)], Bytes::new()).await;
        let status = answer.expect_err("it always fails");
        assert_eq!((status.code(), status.message()), (Code::Unknown, "with details"));
        assert_eq!(status.details(), raw::details(size), "{size} bytes of details");
    }
}

#[tokio::test]
async fn large_header_lists_pass_in_both_directions() {
    let (_daemon, _hook, client) = start().await;
    // Limits count once both ends have acknowledged them.
    client.control().info(control::InfoRequest {}).await.expect("the daemon is there");
    let value = "v".repeat(512 << 10);
    let headers = [("x-echo-a", value.as_str()), ("x-echo-b", &value), ("x-echo-c", &value)];
    let messages = tokio_stream::iter([Bytes::from_static(b"m")]);
    let answer = client.stream("/double.Raw/Echo", &headers, messages).await.expect("an answer");
    assert_eq!(answer.metadata().get("x-echo-c").expect("a header").len(), value.len());
    let mut messages = answer.into_inner();
    while messages.message().await.expect("a clean end").is_some() {}
    let trailers = messages.trailers().await.expect("trailers").expect("trailers");
    assert_eq!(trailers.get("x-echo-b").expect("a trailer").len(), value.len());
}

#[tokio::test]
async fn deadlines_and_trace_contexts_reach_the_daemon() {
    let (daemon, _hook, client) = start().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("grpc-timeout", "60S"), ("traceparent", trace), ("grpc-accept-encoding", "gzip")];
    let answer =
        client.unary("/double.Raw/Collect", &headers, Bytes::from_static(b"12345")).await.expect("an answer");
    assert_eq!(answer, "10");
    let call = daemon.calls("/double.Raw/Collect").remove(0);
    assert_eq!(call.header("grpc-timeout"), Some("60S"));
    assert_eq!(call.header("traceparent"), Some(trace));
    assert_eq!(call.header("te"), Some("trailers"));
}

#[tokio::test]
async fn an_unknown_service_is_the_daemons_to_refuse() {
    let (daemon, _hook, client) = start().await;
    let status = client.unary("/no.Such/Method", &[], Bytes::new()).await.expect_err("nobody knows it");
    assert_eq!((status.code(), status.message()), (Code::Unimplemented, "unknown service no.Such"));
    assert_eq!(daemon.calls("/no.Such/Method").len(), 1);
}

#[tokio::test]
async fn a_stalled_stream_stalls_no_other() {
    let (_daemon, _hook, client) = start().await;
    let (sender, receiver) = mpsc::channel(64);
    let stalled =
        client.stream("/double.Raw/Echo", &[], ReceiverStream::new(receiver)).await.expect("an answer");
    for _ in 0..32 {
        sender.send(Bytes::from(vec![0; 1 << 20])).await.expect("the call is open");
    }
    for _ in 0..10 {
        client.control().list_workers(control::ListWorkersRequest::default()).await.expect("an answer");
    }
    drop(sender);
    let mut messages = stalled.into_inner();
    let mut received = 0;
    while let Some(message) = messages.message().await.expect("no reset") {
        received += message.len();
    }
    assert_eq!(received, 32 << 20);
}

#[tokio::test]
async fn commands_that_build_nothing_behave_as_without_the_hook() {
    let (_daemon, _hook, client) = start().await;
    let mut control = client.control();
    let usage = control.disk_usage(control::DiskUsageRequest::default()).await.expect("du").into_inner();
    assert_eq!(usage.record[0].size, 42);
    let mut pruned = control.prune(control::PruneRequest::default()).await.expect("prune").into_inner();
    let mut ids = Vec::new();
    while let Some(record) = pruned.message().await.expect("a record") {
        ids.push(record.id);
    }
    assert_eq!(ids, ["pruned0", "pruned1", "pruned2"]);
    let info = control.info(control::InfoRequest {}).await.expect("info").into_inner();
    assert_eq!(info.buildkit_version.expect("a version").version, "v0.32.2");
    let history = control::BuildHistoryRequest { early_exit: true, ..Default::default() };
    let history = control.listen_build_history(history).await.expect("history");
    assert!(history.metadata().contains_key("buildkit-current-timestamp"));
}

#[tokio::test]
async fn a_daemon_that_is_gone_is_told_and_a_new_one_is_found() {
    let (mut daemon, _hook, client) = start().await;
    client.control().info(control::InfoRequest {}).await.expect("the daemon is there");
    daemon.kill();
    let status = client.control().info(control::InfoRequest {}).await.expect_err("nobody is there");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    daemon.restart();
    let again = async {
        while client.control().info(control::InfoRequest {}).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), again).await.expect("the new daemon is found");
}
