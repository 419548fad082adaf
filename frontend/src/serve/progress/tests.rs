//! What a client of BuildKit reads.

use std::time::Duration;

use policy_engine::check::{Position, Print};
use prost::Message;

use super::*;
use crate::buildkit::proto::control::StatusResponse;

fn record(identifier: &str, verdict: Verdict, messages: &[&str]) -> Record {
    Record {
        source: SourceOp::new(identifier),
        platform: Some(Platform::new("linux", "amd64", "")),
        digest: None,
        policies: Vec::new(),
        verdict,
        messages: messages.iter().map(ToString::to_string).collect(),
        position: Some(Position { file: "p.rego".into(), line: 3, column: 1 }),
        pin: None,
        prints: Vec::new(),
        failures: Vec::new(),
        elapsed: Duration::from_millis(5),
        case: None,
    }
}

fn start(steps: &Steps, record: &Record) {
    steps.started(&record.source, record.platform.as_ref());
}

/// All messages so far, decoded, their prefix checked.
fn all(steps: &Steps) -> Vec<StatusResponse> {
    let mut subscriber = steps.subscribe();
    let mut messages = Vec::new();
    while let Some(message) = subscriber.ready() {
        assert_eq!(message[0], 0);
        assert_eq!(u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize, message.len() - 5);
        messages.push(StatusResponse::decode(&message[5..]).unwrap());
    }
    messages
}

fn logs(message: &StatusResponse) -> String {
    message.logs.iter().map(|log| std::str::from_utf8(&log.msg).unwrap()).collect()
}

#[test]
fn a_denial_is_a_failed_step() {
    let steps = Steps::new();
    let mut denied =
        record("https://me:s3cret@h/\u{1b}[31m", Verdict::Deny, &["not\nhere", "https://a:b@h/"]);
    denied
        .prints
        .push(Print { position: Position { file: "p.rego".into(), line: 9, column: 2 }, text: "saw".into() });
    start(&steps, &denied);
    steps.checked(&denied);
    let [started, ended] = all(&steps).try_into().unwrap();
    let (before, after) = (&started.vertexes[0], &ended.vertexes[0]);
    assert_eq!(before.name, "[policy] https://***@h/\u{fffd}[31m (linux/amd64)");
    assert!(before.digest.starts_with("sha256:") && before.digest.len() == 71);
    assert!(before.started.is_some() && before.completed.is_none() && before.error.is_empty());
    assert_eq!((&after.digest, &after.name, after.started), (&before.digest, &before.name, before.started));
    assert!(after.completed.is_some());
    assert_eq!(after.error, "denied by p.rego:3:1: not here");
    assert_eq!(logs(&ended), "p.rego:9:2: saw\ndenied: not\nhere\ndenied: https://***@h/\n");
    assert!(ended.logs.iter().all(|log| log.vertex == before.digest && log.stream == 2));
}

#[test]
fn one_step_per_source_and_platform() {
    let steps = Steps::new();
    let (ask, allow) = (record("local://a", Verdict::Ask, &[]), record("local://a", Verdict::Allow, &[]));
    start(&steps, &ask);
    steps.checked(&ask);
    assert_eq!(all(&steps).len(), 1, "still open");
    for _ in 0..3 {
        start(&steps, &allow);
        steps.checked(&allow);
    }
    assert_eq!(all(&steps).len(), 2, "told once");
    let mut other = record("local://a", Verdict::Allow, &[]);
    other.platform = None;
    steps.checked(&other);
    assert_eq!(all(&steps).len(), 4, "another platform is another step");
    steps.checked(&record("local://a", Verdict::Deny, &["now it is not"]));
    let messages = all(&steps);
    assert_eq!(messages[4].vertexes[0].digest, messages[0].vertexes[0].digest);
    assert_eq!(messages[4].vertexes[0].error, "denied by p.rego:3:1: now it is not");
}

#[test]
fn pins_and_errors_say_what_happened() {
    let steps = Steps::new();
    let mut pinned = record("docker-image://docker.io/library/a:1", Verdict::Convert, &[]);
    pinned.pin = Some(SourceOp::new("docker-image://docker.io/library/a:1@sha256:00"));
    steps.checked(&pinned);
    assert_eq!(logs(&all(&steps)[1]), "pinned to docker-image://docker.io/library/a:1@sha256:00\n");
    assert_eq!(all(&steps)[1].vertexes[0].error, "");
    steps.checked(&record("docker-image://b", Verdict::Error, &["registry is down"]));
    assert_eq!(all(&steps)[3].vertexes[0].error, "no decision: registry is down");
}

#[test]
fn closing_cancels_what_is_open() {
    let steps = Steps::new();
    start(&steps, &record("local://a", Verdict::Allow, &[]));
    steps.close();
    let messages = all(&steps);
    assert!(messages[1].vertexes[0].completed.is_some());
    assert_eq!(messages[1].vertexes[0].error, "context canceled");
    steps.checked(&record("local://a", Verdict::Allow, &[]));
    assert_eq!(steps.buffer.push(Bytes::from_static(b"late")), Pushed::Closed);
    assert_eq!(all(&steps).len(), 2);
}

#[test]
fn limits_are_told_once() {
    let steps = Steps::with_limits(2, MAX_BYTES);
    for source in ["local://a", "local://b", "local://c", "local://d"] {
        steps.checked(&record(source, Verdict::Allow, &[]));
    }
    let messages = all(&steps);
    assert_eq!(messages.len(), 5);
    let last = &messages[4].vertexes[0];
    assert_eq!(last.name, "[policy] further checks are not shown: a build shows 2 at most");
    assert!(last.completed.is_some());
    steps.checked(&record("local://a", Verdict::Deny, &[]));
    assert_eq!(all(&steps).len(), 6, "steps that are shown go on");

    let steps = Steps::with_limits(MAX_STEPS, 500);
    for number in 0..10 {
        steps.checked(&record(&format!("local://{number}"), Verdict::Allow, &[]));
    }
    let remarks = all(&steps).iter().filter(|m| m.vertexes[0].name.contains("not shown")).count();
    assert_eq!(remarks, 1);
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let steps = Steps::new();
    let long = "ä".repeat(20_000);
    steps.checked(&record(&format!("local://{long}"), Verdict::Deny, &["short", &long, "after"]));
    let ended = &all(&steps)[1];
    assert!(ended.vertexes[0].name.ends_with("… (more than 16384 bytes)"));
    assert_eq!(logs(ended), "denied: short\n2 more lines are not shown: a step shows 16384 bytes at most\n");
}

#[tokio::test]
async fn subscribers_get_all_and_then_the_end() {
    let steps = std::sync::Arc::new(Steps::new());
    assert_eq!(steps.buffer.push(Bytes::from_static(b"1")), Pushed::Kept);
    let mut early = steps.subscribe();
    let follower = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(message) = early.next().await {
            seen.push(message);
        }
        seen
    });
    tokio::task::yield_now().await;
    assert_eq!(steps.buffer.push(Bytes::from_static(b"2")), Pushed::Kept);
    let mut late = steps.subscribe();
    assert_eq!(late.next().await.unwrap(), "1");
    assert_eq!(late.next().await.unwrap(), "2");
    assert_eq!(late.ready(), None);
    steps.close();
    assert_eq!(late.next().await, None);
    assert_eq!(follower.await.unwrap(), ["1", "2"]);
    let mut after = steps.subscribe();
    drop(steps);
    assert_eq!(after.next().await.unwrap(), "1");
}
