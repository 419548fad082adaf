//! A thousand concurrent checks: `PolicyVerifier/CheckPolicy` on the socket of `policy-check serve`, without
//! any buildkitd.
//!
//! `POLICY_CHECK` names the program. `CONCURRENT` (1000) calls are under way at any time, spread over
//! `CONNECTIONS` (10); each of `PHASES` (10) phases makes `CALLS` (20000). After each, a line says how fast it
//! was and what the server holds: its memory and open files must settle.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use policy_benches::{MANAGED, many_rules, number};
use policy_check::buildkit::endpoint::{Address, Connector};
use policy_check::buildkit::limits;
use policy_check::buildkit::proto::policysession::{Answer, CheckPolicyRequest};
use policy_check::buildkit::proto::{gateway, pb};
use policy_check::buildkit::service::Channel;
use policy_check::serve::policy_session::ask;
use policy_testbed::{Hook, Project};

fn main() -> Result<(), String> {
    let program = std::env::var_os("POLICY_CHECK").map(PathBuf::from).ok_or("set POLICY_CHECK")?;
    let load = Load {
        concurrent: number("CONCURRENT", 1000)?,
        connections: number("CONNECTIONS", 10)?.max(1),
        phases: number("PHASES", 10)?,
        calls: number("CALLS", 20_000)?,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    for (name, policy) in [("default size", MANAGED.to_owned()), ("500 rules", many_rules(500))] {
        let project = Project::of(&[("policy.rego", &policy)]);
        let policy = project.path().join("policy.rego").display().to_string();
        // Nobody is asked there.
        let hook = Hook::start(&program, "unix:///nowhere/buildkitd.sock", &["--policy", &policy]);
        print(&format!(
            "\n{name}: {} concurrent checks over {} connections\n",
            load.concurrent, load.connections
        ));
        print(
            "| phase | checks/s | p50 ms | p99 ms | MiB | files | threads |\n|---|---|---|---|---|---|---|",
        );
        print(&format!("| before | | | | {} |", hook.usage()));
        for phase in 1..=load.phases {
            let (took, latencies) = runtime.block_on(load.run(&hook.address()));
            let rate = f64::from(u32::try_from(latencies.len()).unwrap_or(u32::MAX)) / took.as_secs_f64();
            let [p50, p99] = [50, 99].map(|percent| percentile(&latencies, percent));
            print(&format!("| {phase} | {rate:.0} | {p50:.1} | {p99:.1} | {} |", hook.usage()));
        }
    }
    Ok(())
}

fn print(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output");
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

struct Load {
    concurrent: usize,
    connections: usize,
    phases: usize,
    calls: usize,
}

impl Load {
    /// All calls of one phase: how long they took together, and each of them, sorted.
    async fn run(&self, address: &str) -> (Duration, Vec<Duration>) {
        let mut channels = Vec::new();
        for _ in 0..self.connections {
            channels.push(connect(address).await);
        }
        let left = Arc::new(AtomicUsize::new(self.calls));
        let started = Instant::now();
        let workers: Vec<_> = (0..self.concurrent)
            .map(|worker| tokio::spawn(work(channels[worker % channels.len()].clone(), Arc::clone(&left))))
            .collect();
        let mut latencies = Vec::with_capacity(self.calls);
        for worker in workers {
            latencies.extend(worker.await.expect("every check is answered"));
        }
        let took = started.elapsed();
        latencies.sort_unstable();
        (took, latencies)
    }
}

async fn connect(address: &str) -> Channel {
    let address = Address::from_str(address).expect("the hook's address");
    let connector = Connector::new(address, None, None).expect("no TLS");
    let io = connector.connect().await.expect("a hook that listens");
    let (sender, connection) = limits::client().handshake(io).await.expect("HTTP/2");
    tokio::spawn(connection);
    Channel(sender)
}

/// Asks until no calls are left.
async fn work(channel: Channel, left: Arc<AtomicUsize>) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        let started = Instant::now();
        let answer = ask(channel.clone(), request()).await.expect("an answer").result;
        assert!(matches!(answer, Some(Answer::Decision(_))), "{answer:?}");
        latencies.push(started.elapsed());
    }
    latencies
}

/// About an image of which everything is known that the policies want to know.
fn request() -> CheckPolicyRequest {
    let config =
        br#"{"architecture":"amd64","os":"linux","config":{"Labels":{"a":"b"},"Env":["PATH=/bin"]}}"#;
    let image = gateway::ResolveSourceImageResponse {
        digest: "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        config: config.to_vec(),
        ..Default::default()
    };
    let source = pb::SourceOp {
        identifier: "docker-image://docker.io/library/alpine:3.22".to_owned(),
        ..Default::default()
    };
    let platform =
        pb::Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), ..Default::default() };
    CheckPolicyRequest {
        platform: Some(platform),
        source: Some(gateway::ResolveSourceMetaResponse {
            source: Some(source),
            image: Some(image),
            ..Default::default()
        }),
        ..Default::default()
    }
}
