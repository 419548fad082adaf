//! `policy-check serve`: stands in front of buildkitd and holds every build to policy.

mod bridge;
pub mod build;
pub mod build_env;
pub mod builds;
pub mod cache_imports;
pub mod client_auth;
pub mod client_policy;
pub mod connection;
pub mod daemon;
pub mod decision_log;
pub mod denial;
pub mod guard;
mod health;
pub mod metrics;
pub mod metrics_http;
pub mod notify;
pub(crate) mod operator;
pub mod own_calls;
pub mod policy_session;
pub mod policy_store;
pub mod progress;
pub mod record;
mod recording_root;
pub mod repo_policy;
pub mod run;
pub mod server;
pub mod sessions;
mod solve;
mod status;
pub mod trust_refresh;
pub mod uplink;
pub mod verify;

/// Why the server cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// It cannot listen, or connect to buildkitd.
    #[error(transparent)]
    Endpoint(#[from] crate::buildkit::endpoint::EndpointError),
    /// A certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] crate::buildkit::tls::TlsError),
    /// TCP without TLS.
    #[error("{address} is TCP without TLS")]
    Unprotected {
        /// The address.
        address: String,
        /// The flag that names it, without dashes.
        side: &'static str,
    },
    /// The decision log cannot be used.
    #[error(transparent)]
    DecisionLog(#[from] decision_log::DecisionLogError),
    /// Metrics cannot be served.
    #[error("cannot serve metrics on {address}: {cause}")]
    Metrics {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        cause: std::io::Error,
    },
    /// The service manager's socket cannot be used.
    #[error(transparent)]
    Notify(#[from] notify::NotifyError),
    /// The process cannot listen for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// The policies don't load.
    #[error(transparent)]
    Policies(#[from] policy_store::LoadFailure),
    /// A trust root that was named can't be used.
    #[error(transparent)]
    TrustRoot(#[from] crate::trust::file::RootFileError),
}

impl ServeError {
    /// What to do next.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unprotected { side: "listen", .. } => Some(
                "give --tls-cert, --tls-key and --tls-ca; or, on loopback alone, --insecure-listen".to_owned(),
            ),
            Self::Unprotected { .. } => Some(
                "give --buildkit-tls-cert, --buildkit-tls-key and --buildkit-tls-ca; or, on loopback alone, --insecure-buildkit".to_owned(),
            ),
            Self::TrustRoot(error) => error.help(),
            Self::Policies(failure) => failure.problems.iter().find_map(policy_store::PolicyStoreError::help),
            _ => None,
        }
    }
}
