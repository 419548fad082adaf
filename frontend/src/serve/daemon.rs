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
    capabilities: Arc<BTreeSet<String>>,
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

    /// Fails unless the buildkitd behind `sender` asks our policy sessions, and, if that is wanted, has the proxy
    /// network.
    pub async fn holds_builds_to_policy(
        &self,
        sender: SendRequest<bytes::Bytes>,
        wants_proxy: bool,
    ) -> Result<(), Status> {
        let capabilities = self.capabilities(sender).await?;
        if !capabilities.contains(POLICY_SESSION) {
            return Err(Status::failed_precondition(
                "policy-check: this buildkitd does not ask policy about sources: it needs BuildKit 0.26 or newer",
            ));
        }
        if wants_proxy && !capabilities.contains(PROXY_NETWORK) {
            return Err(Status::failed_precondition(
                "policy-check: a policy wants the network proxy (`exec.proxy`), which this buildkitd does not have: it needs BuildKit 0.31 or newer",
            ));
        }
        Ok(())
    }

    /// What the buildkitd behind `sender` can do: asked once for each version of it that is met.
    async fn capabilities(&self, sender: SendRequest<bytes::Bytes>) -> Result<Arc<BTreeSet<String>>, Status> {
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
        let capabilities = Arc::new(build.capabilities().await.map_err(failed)?);
        build.finish().await.map_err(failed)?;
        *self.known() = Some(Known { version, capabilities: Arc::clone(&capabilities) });
        Ok(capabilities)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
