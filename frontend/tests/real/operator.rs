//! What the operator of the hook sees and does while builds run.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::stage::{Gate, stage_with_hook};

fn denying(image: &str) -> String {
    format!(
        "package docker\n\ndefault allow := true\n\nallow := false if input.image.repo == \"REGISTRY/{image}\"\n\n\
         deny_msg contains \"not this one\" if not allow\n\n\
         decision := {{\"allow\": allow, \"deny_msg\": deny_msg}}\n"
    )
}

#[test]
fn every_decision_is_logged() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.gate(&denying("real/multi"));
    let project = stage.dockerfile("ARG IMAGE\nFROM REGISTRY/real/${IMAGE}:1\n");
    gate.build(&project).args(["--build-arg=IMAGE=single"]).finish().passes();
    gate.build(&project).args(["--build-arg=IMAGE=multi"]).finish().fails_with("Policy: not this one");
    let log = gate.hook.as_ref().expect("a hook").decisions();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let of = |image: &str, decision: &str| {
        let identifier = stage.fill(&format!("docker-image://REGISTRY/{image}"));
        let is = |line: &&Value| {
            let found =
                line["source"]["identifier"].as_str().is_some_and(|found| found.starts_with(&identifier));
            found && line["decision"] == decision
        };
        lines.iter().find(is).unwrap_or_else(|| panic!("{image} is no {decision} in {log}"))
    };
    assert!(of("real/single", "allow")["milliseconds"].as_f64().is_some());
    let denied = of("real/multi", "deny");
    assert_eq!(denied["messages"][0], "not this one");
    assert_ne!(denied["build"], of("real/single", "allow")["build"]);
}

/// The next build obeys; whoever edits a policy wants no restart.
#[test]
fn a_changed_policy_holds_without_restart() {
    let Some(stage) = stage_with_hook() else { return };
    let gate = stage.gate(&denying("real/other"));
    let project = stage.dockerfile("FROM REGISTRY/real/multi:1\n");
    gate.build(&project).finish().passes();
    gate.replace_policy(&stage.fill(&denying("real/multi")));
    let denied = |gate: &Gate| !gate.build(&project).finish().status.success();
    let noticed = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        denied(&gate)
    });
    assert!(noticed, "{}", gate.hook.as_ref().expect("a hook").log());
    gate.build(&project).finish().fails_with("Policy: not this one");
}

#[test]
fn metrics_count_what_happened() {
    let Some(stage) = stage_with_hook() else { return };
    // Free a moment ago; the hook says so where it is not any more.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let address = address.to_string();
    let args = ["--no-repo-policy", "--metrics", &address];
    let gate = stage.repository_gate(Some(&denying("real/multi")), &args);
    gate.build(&stage.dockerfile("FROM REGISTRY/real/multi:1\n")).finish().fails_with("Policy: not this one");
    let mut stream = TcpStream::connect(&address).expect("metrics");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let denied = answer.lines().find(|line| line.contains("deny") && !line.starts_with('#'));
    assert!(denied.is_some_and(|line| !line.ends_with(" 0")), "{answer}");
}
