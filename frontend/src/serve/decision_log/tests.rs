//! The log as a whole, in files.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use policy_engine::check::{Position, Print};
use policy_engine::source::{Platform, SourceOp};
use serde_json::{Value, json};

use super::*;
use crate::serve::record::{PolicyId, Verdict};
use policy_engine::verify::{Failure, Step};

fn record(verdict: Verdict) -> Record {
    let mut source = SourceOp::new("git://https://me:s3cret@h/r.git#main");
    source.attrs.insert("git.fullurl".into(), "https://me:s3cret@h/r.git".into());
    Record {
        source,
        platform: Some(Platform::new("linux", "arm64", "")),
        digest: Some("sha256:11".into()),
        policies: vec![PolicyId { name: "p.rego".into(), digest: "sha256:22".into() }],
        verdict,
        messages: vec!["no to https://me:s3cret@h/r.git".into()],
        position: Some(Position { file: "p.rego".into(), line: 3, column: 1 }),
        pin: Some(SourceOp::new("https://s3cret@h/pin")),
        prints: vec![Print {
            position: Position { file: "p.rego".into(), line: 4, column: 2 },
            text: "saw https://me:s3cret@h/".into(),
        }],
        failures: vec![Failure::new(Step::Signature, "not by https://me:s3cret@h/")],
        elapsed: Duration::from_nanos(1_234_567),
        case: Some(json!({"case": {"identifier": "https://me:s3cret@h/"}})),
    }
}

fn build() -> Arc<BuildInfo> {
    Arc::new(BuildInfo { reference: "ref1".into(), client: "uid 1000".into() })
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn writes_all_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = DecisionLog::open(path.to_str().unwrap(), &Metrics::new()).unwrap();
    log.write(&build(), &Arc::new(record(Verdict::Ask))).await;
    log.write(&build(), &Arc::new(record(Verdict::Deny))).await;
    log.close().await.unwrap();
    assert!(log.healthy());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut lines = lines(&path);
    let time = lines[0]["time"].take();
    assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
    let wanted = json!({
        "time": null, "build": "ref1", "client": "uid 1000",
        "source": {
            "identifier": "git://https://***@h/r.git#main",
            "attrs": {"git.fullurl": "https://***@h/r.git"},
        },
        "platform": "linux/arm64", "digest": "sha256:11",
        "policies": [{"name": "p.rego", "digest": "sha256:22"}],
        "decision": "deny", "messages": ["no to https://***@h/r.git"],
        "position": {"file": "p.rego", "line": 3, "column": 1},
        "pin": {"identifier": "https://***@h/pin"},
        "milliseconds": 1.235,
        "prints": [{"position": {"file": "p.rego", "line": 4, "column": 2}, "text": "saw https://***@h/"}],
        "verification": [{"step": "signature", "message": "not by https://***@h/"}],
        "replay": {"case": {"identifier": "https://***@h/"}},
    });
    assert_eq!(lines, [wanted]);
}

#[tokio::test]
async fn loses_nothing_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, "{\"before\": true}\n").unwrap();
    let log = Arc::new(DecisionLog::open(path.to_str().unwrap(), &Metrics::new()).unwrap());
    let record = Arc::new(record(Verdict::Allow));
    let senders: Vec<_> = (0..4 * MAX_WAITING)
        .map(|_| {
            let (log, record) = (Arc::clone(&log), Arc::clone(&record));
            tokio::spawn(async move { log.write(&build(), &record).await })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    log.close().await.unwrap();
    assert_eq!(lines(&path).len(), 4 * MAX_WAITING + 1);
}

#[tokio::test]
async fn follows_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("log"), dir.path().join("log.1"));
    let log = DecisionLog::open(path.to_str().unwrap(), &Metrics::new()).unwrap();
    log.write(&build(), &Arc::new(record(Verdict::Allow))).await;
    while !std::fs::read_to_string(&path).unwrap().ends_with('\n') {
        tokio::task::yield_now().await;
    }
    std::fs::rename(&path, &old).unwrap();
    log.reopen();
    log.write(&build(), &Arc::new(record(Verdict::Error))).await;
    log.close().await.unwrap();
    assert_eq!(lines(&old)[0]["decision"], "allow");
    assert_eq!((lines(&path).len(), &lines(&path)[0]["decision"]), (1, &json!("error")));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_makes_it_unhealthy_until_it_can_write() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let metrics = Metrics::new();
    let log = DecisionLog::open(path.to_str().unwrap(), &metrics).unwrap();
    log.write(&build(), &Arc::new(record(Verdict::Allow))).await;
    while log.healthy() {
        tokio::task::yield_now().await;
    }
    assert!(!metrics.render().contains("policy_check_decision_log_errors_total 0"));
    std::fs::remove_file(&path).unwrap();
    log.reopen();
    while !log.healthy() {
        tokio::task::yield_now().await;
    }
    log.close().await.unwrap();
    assert_eq!(lines(&path).len(), 1, "the line was kept");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn closing_tells_what_is_lost() {
    let log = DecisionLog::open("/dev/full", &Metrics::new()).unwrap();
    for _ in 0..3 {
        log.write(&build(), &Arc::new(record(Verdict::Allow))).await;
    }
    let error = log.close().await.unwrap_err();
    assert_eq!(error.to_string(), "3 lines of the decision log `/dev/full` are lost");
    log.write(&build(), &Arc::new(record(Verdict::Allow))).await;
    assert!(!log.healthy());
    assert!(matches!(log.close().await, Err(DecisionLogError::Lost { lines: 4, .. })));
}

#[test]
fn names_what_cannot_be_opened() {
    let error = DecisionLog::open("/nowhere/log", &Metrics::new()).unwrap_err();
    assert!(error.to_string().starts_with("cannot open the decision log `/nowhere/log`: "), "{error}");
}

/// Names in the first column of the table below this heading of `docs/serve.md`.
fn documented(heading: &str) -> Vec<&'static str> {
    let page = include_str!("../../../../docs/serve.md");
    let (_, section) = page.split_once(heading).expect("the heading");
    let rows = section.lines().skip_while(|line| !line.starts_with("| `"));
    rows.take_while(|line| line.starts_with("| `")).filter_map(|row| row.split('`').nth(1)).collect()
}

#[tokio::test]
async fn fields_are_documented() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = DecisionLog::open(path.to_str().unwrap(), &Metrics::new()).unwrap();
    log.write(&build(), &Arc::new(record(Verdict::Deny))).await;
    log.close().await.unwrap();
    let lines = lines(&path);
    let mut fields: Vec<&str> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    let mut documented = documented("\n## Decision log\n");
    fields.sort_unstable();
    documented.sort_unstable();
    assert_eq!(fields, documented);
}
