//! Sessions and the tunnels they live in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use policy_check::buildkit::proto::control::BytesMessage;
use policy_check::buildkit::proto::health::HealthCheckRequest;
use policy_check::buildkit::proto::health::health_client::HealthClient;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::State;
use crate::wire::{Channel, tunnel};

/// Sessions that are open now, and the headers of all that ever were.
pub(crate) struct Sessions {
    open: Mutex<HashMap<String, Arc<Caller>>>,
    seen: Mutex<Vec<HeaderMap>>,
    changed: watch::Sender<()>,
}

/// A client that can be called through its session.
pub(crate) struct Caller {
    /// Its uuid.
    pub(crate) id: String,
    /// What calls go through.
    pub(crate) channel: Channel,
    /// `/service/method` of all that it exposes, in lower case.
    pub(crate) methods: Vec<String>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { open: Mutex::default(), seen: Mutex::default(), changed: watch::channel(()).0 }
    }
}

impl Sessions {
    /// Uuids that are open.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.open.lock().expect("no test panics here").keys().cloned().collect()
    }

    /// Headers of every session there was, oldest first.
    pub(crate) fn seen(&self) -> Vec<HeaderMap> {
        self.seen.lock().expect("no test panics here").clone()
    }

    /// Waits for a session, for ever if it never comes.
    pub(crate) async fn get(&self, id: &str) -> Arc<Caller> {
        let id = id.split_once(':').map_or(id, |(_, rest)| if rest.is_empty() { id } else { rest });
        let mut changes = self.changed.subscribe();
        loop {
            let found = self.open.lock().expect("no test panics here").get(id).cloned();
            if let Some(caller) = found.filter(|caller| !caller.channel.is_closed()) {
                return caller;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// As the real daemon does it: a session silently replaces another with its uuid.
    fn insert(&self, caller: Arc<Caller>) {
        self.open.lock().expect("no test panics here").insert(caller.id.clone(), caller);
        self.changed.send_replace(());
    }

    /// As the real daemon does it: whichever of two sessions ends first takes the entry along.
    fn remove(&self, id: &str) {
        self.open.lock().expect("no test panics here").remove(id);
    }
}

/// Opens a session over a client's stream.
pub(crate) fn open(
    state: &Arc<State>,
    headers: HeaderMap,
    incoming: Streaming<BytesMessage>,
) -> ReceiverStream<Result<BytesMessage, Status>> {
    let (sender, receiver) = mpsc::channel(16);
    let (outgoing, mut tunnelled) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(message) = tunnelled.recv().await {
            if sender.send(Ok(message)).await.is_err() {
                break;
            }
        }
    });
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    let io = tunnel(incoming, outgoing, move |_| drop(guard));
    let state = state.clone();
    tokio::spawn(async move {
        let stop = state.stop.clone();
        tokio::select! {
            () = run(state, headers, io, ended) => {}
            () = stop.cancelled() => {}
        }
    });
    ReceiverStream::new(receiver)
}

async fn run(state: Arc<State>, headers: HeaderMap, io: tokio::io::DuplexStream, ended: CancellationToken) {
    state.sessions.seen.lock().expect("no test panics here").push(headers.clone());
    let Ok(channel) = Channel::new(io).await else { return };
    let value =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let methods = headers.get_all("x-docker-expose-session-grpc-method").iter();
    let methods = methods.filter_map(|method| method.to_str().ok().map(str::to_ascii_lowercase)).collect();
    let caller = Arc::new(Caller { id: value("x-docker-expose-session-uuid"), channel, methods });
    state.sessions.insert(caller.clone());
    let interval = state.script().health_interval;
    tokio::select! {
        () = caller.channel.closed() => {}
        () = ended.cancelled() => {}
        () = monitor(&caller, interval) => {}
    }
    caller.channel.abort();
    state.sessions.remove(&caller.id);
}

/// Ends when a session's health check failed twice in a row.
async fn monitor(caller: &Caller, interval: Duration) {
    let mut client = HealthClient::new(caller.channel.clone());
    let mut failures = 0;
    while failures < 2 {
        tokio::time::sleep(interval).await;
        let check = client.check(HealthCheckRequest { service: String::new() });
        failures = match tokio::time::timeout(Duration::from_secs(15).max(interval), check).await {
            Ok(Ok(_)) => 0,
            Ok(Err(_)) | Err(_) => failures + 1,
        };
    }
}
