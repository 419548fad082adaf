//! Accepts connections until it is told to stop, and then waits for the builds that run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::guard::Guard;
use super::operator::tell;
use super::uplink::Uplink;
use crate::buildkit::endpoint::{Accepted, Connector, Listener};
use crate::buildkit::grpc::Room;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after `accept` failed, mostly because there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long connections may take to end once no build runs.
const LAST_CALLS: Duration = Duration::from_secs(2);
/// How often it is looked whether builds still run, when stopping.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A server that stands ready.
pub struct Server {
    /// What connections share.
    pub guard: Arc<Guard>,
    /// Where they come in.
    pub listener: Listener,
    /// Where buildkitd is.
    pub connector: Connector,
    /// How long builds may go on after `stop`.
    pub patience: Duration,
}

impl Server {
    /// Serves until `stop` is true. No build begins after that; those that run have time to end. `now` ends
    /// the waiting.
    pub async fn run(self, mut stop: watch::Receiver<bool>, mut now: watch::Receiver<bool>) {
        let (end, ended) = watch::channel(false);
        let mut connections = JoinSet::new();
        let stopped = async {
            // Nobody who could tell is left: that is a reason to stop as well.
            let _told = stop.wait_for(|stop| *stop).await;
        };
        tokio::select! {
            () = self.accept(&mut connections, &ended) => {}
            () = stopped => {}
        }
        self.guard.stop();
        let builds = async {
            while self.guard.builds.count() > 0 {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::select! {
            () = self.accept(&mut connections, &ended) => {}
            () = builds => {}
            () = tokio::time::sleep(self.patience) => {
                tell(&format!("stopping with {} builds unfinished", self.guard.builds.count()));
            }
            _told = now.wait_for(|now| *now) => {}
        }
        end.send_replace(true);
        let last_calls = async { while connections.join_next().await.is_some() {} };
        // Whoever is left is cut off.
        let _left = tokio::time::timeout(LAST_CALLS, last_calls).await;
    }

    /// Accepts connections, for ever.
    async fn accept(&self, connections: &mut JoinSet<()>, end: &watch::Receiver<bool>) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => {
                        connections.spawn(self.serve(accepted, end.clone()));
                    }
                    Err(error) => {
                        tell(&format!("cannot accept a connection: {error}"));
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_ended) = connections.join_next() => {}
            }
        }
    }

    fn serve(
        &self,
        accepted: Accepted,
        mut end: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (guard, connector) = (Arc::clone(&self.guard), self.connector.clone());
        async move {
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, accepted.handshake()).await;
            let (io, peer) = match handshake {
                Ok(Ok(ready)) => ready,
                Ok(Err(error)) => {
                    guard.metrics.refused("handshake");
                    return tell(&format!("a connection was refused: {error}"));
                }
                Err(_) => return guard.metrics.refused("handshake"),
            };
            let connection =
                Connection { guard, peer, uplink: Uplink::new(connector), room: Room::default() };
            Arc::new(connection).serve(io, &mut end).await;
        }
    }
}
