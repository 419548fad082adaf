//! The connection to buildkitd that belongs to one connection of a client. So nobody waits for the windows
//! of others, and what ends one ends no other.

use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::sync::Mutex;
use tonic::Status;

use crate::buildkit::endpoint::Connector;
use crate::buildkit::limits;

/// How long buildkitd may take to accept a connection.
const CONNECTS_WITHIN: Duration = Duration::from_secs(10);

/// Connects when first used, and again after buildkitd was restarted. No call is ever made twice.
pub struct Uplink {
    connector: Connector,
    current: Mutex<Option<SendRequest<Bytes>>>,
}

impl Uplink {
    /// To where `connector` leads.
    pub fn new(connector: Connector) -> Self {
        Self { connector, current: Mutex::new(None) }
    }

    /// To make calls with.
    pub async fn sender(&self) -> Result<SendRequest<Bytes>, Status> {
        let mut current = self.current.lock().await;
        if let Some(sender) = current.take()
            && let Ok(sender) = sender.ready().await
        {
            return Ok(current.insert(sender).clone());
        }
        let connected =
            tokio::time::timeout(CONNECTS_WITHIN, self.connector.connect()).await.map_err(|_| {
                Status::unavailable(format!("buildkitd at {} does not answer", self.connector.address()))
            })?;
        let io = connected.map_err(|error| Status::unavailable(error.to_string()))?;
        let (sender, connection) =
            limits::client().handshake(limits::buffered(io)).await.map_err(|error| {
                Status::unavailable(format!(
                    "no HTTP/2 with buildkitd at {}: {error}",
                    self.connector.address()
                ))
            })?;
        // Ends when buildkitd ends it, or nobody calls any more. Every call hears of it by itself.
        tokio::spawn(async { drop(connection.await) });
        Ok(current.insert(sender).clone())
    }
}
