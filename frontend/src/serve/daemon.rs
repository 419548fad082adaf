//! What the buildkitd behind us can do. One that knows no policy sessions would build without asking anybody.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use h2::client::SendRequest;
use tonic::Status;
use tonic::transport::Channel;

use crate::buildkit::internal_build::InternalBuild;
use crate::buildkit::proto::control::InfoRequest;
use crate::buildkit::proto::control::control_client::ControlClient;
use crate::buildkit::proto::control::types::BuildkitVersion;
use crate::buildkit::service::{self, ORIGIN};

/// Asks policy sessions about sources (BuildKit 0.26 and newer).
const POLICY_SESSION: &str = "source.policy.session";
/// Lets `RUN` use the network through a proxy that asks policy (BuildKit 0.31 and newer).
const PROXY_NETWORK: &str = "exec.meta.network.proxy";

/// The buildkitd that was looked at last. It may be replaced at any time.
pub struct Daemon {
    /// For builds of our own.
    channel: Channel,
    known: Mutex<Option<Known>>,
}

#[derive(Clone)]
struct Known {
    version: BuildkitVersion,
    capabilities: Capabilities,
}

/// What a buildkitd can do.
#[derive(Clone)]
pub struct Capabilities(Arc<BTreeSet<String>>);

impl Capabilities {
    /// Fails unless it has the proxy network.
    pub fn include_proxy(&self) -> Result<(), Status> {
        if self.0.contains(PROXY_NETWORK) {
            return Ok(());
        }
        Err(Status::failed_precondition(
            "policy-check: a policy wants the network proxy (`exec.proxy`), which this buildkitd does not have: it needs BuildKit 0.31 or newer",
        ))
    }
}

impl Daemon {
    /// The one that `channel` leads to.
    pub fn new(channel: Channel) -> Self {
        Self { channel, known: Mutex::default() }
    }

    /// Leads to it.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// What the buildkitd behind `sender` can do. Fails unless it asks our policy sessions.
    pub async fn holds_builds_to_policy(
        &self,
        sender: SendRequest<bytes::Bytes>,
    ) -> Result<Capabilities, Status> {
        let capabilities = self.capabilities(sender).await?;
        if !capabilities.0.contains(POLICY_SESSION) {
            return Err(Status::failed_precondition(
                "policy-check: this buildkitd does not ask policy about sources: it needs BuildKit 0.26 or newer",
            ));
        }
        Ok(capabilities)
    }

    /// Asked once for each version that is met.
    async fn capabilities(&self, sender: SendRequest<bytes::Bytes>) -> Result<Capabilities, Status> {
        let origin = http::Uri::from_static(ORIGIN);
        let info = ControlClient::with_origin(service::Channel(sender), origin).info(InfoRequest {}).await?;
        let version = info.into_inner().buildkit_version.unwrap_or_default();
        if let Some(known) = self.known().clone().filter(|known| known.version == version) {
            return Ok(known.capabilities);
        }
        let failed = |error| {
            Status::failed_precondition(format!("policy-check: cannot ask buildkitd what it can do: {error}"))
        };
        let build = InternalBuild::start(self.channel.clone(), "").map_err(failed)?;
        let capabilities = Capabilities(Arc::new(build.capabilities().await.map_err(failed)?));
        build.finish().await.map_err(failed)?;
        *self.known() = Some(Known { version, capabilities: capabilities.clone() });
        Ok(capabilities)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
