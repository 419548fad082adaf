//! What the commands share that look things up: how to reach servers, and where answers come from and go.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use policy_engine::verify::Trust;

use super::cache_args::{self, CacheArgs};
use super::error::Error;
use super::output::Output;
use super::snapshot_args::{Capture, SnapshotArgs};
use super::trust_args::TrustArgs;
use crate::cache::Cache;
use crate::distribution::Fetcher;
use crate::resolve::transport::TransportOptions;
use crate::resolve::{Judge, Resolver};
use crate::snapshot::SnapshotError;

#[derive(Debug, clap::Args)]
pub(super) struct LookupArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    snapshot: SnapshotArgs,
    #[command(flatten)]
    cache: CacheArgs,
}

/// How to reach registries and servers.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connections")]
pub(super) struct ConnectionArgs {
    /// Registry to speak plain HTTP with; loopback needs no flag
    #[arg(long, value_name = "HOST")]
    insecure_registry: Vec<String>,
    /// Certificates to trust beside the system's, in PEM
    #[arg(long, value_name = "FILE")]
    ca_cert: Vec<PathBuf>,
}

/// The lookups of one run.
pub(super) struct Lookups {
    /// The time that policies see.
    pub(super) now: SystemTime,
    /// Whom signatures are trusted to.
    pub(super) trust: Arc<Trust>,
    transport: TransportOptions,
    capture: Capture,
    cache: Option<Arc<Cache>>,
}

impl LookupArgs {
    /// Begins the run.
    pub(super) fn begin(&self) -> Result<Lookups, Error> {
        let (capture, cache) = (self.snapshot.begin()?, self.cache.cache());
        let transport = self.connection.options();
        let dir = cache.as_ref().map(|cache| cache.dir().to_owned());
        let trust = match capture.recorded() {
            Some(snapshot) => {
                self.trust.options(dir, None)?.load_recorded(&snapshot.trust, snapshot.captured)?
            }
            None => self.trust.options(dir, Some(transport.clone()))?.load(Some(capture.now))?,
        };
        Ok(Lookups { now: capture.now, trust: Arc::new(trust), transport, capture, cache })
    }
}

impl Lookups {
    /// What looks things up; redirects are put before `judge`.
    pub(super) fn resolver(&self, judge: Option<Judge>) -> Resolver {
        let resolver = Resolver::new(self.transport.clone(), judge);
        resolver.with_origin(self.capture.origin.clone()).with_cache(self.cache.clone())
    }

    /// What gets policies and libraries from elsewhere.
    pub(super) fn fetcher(&self) -> Fetcher {
        Fetcher {
            transport: self.transport.clone(),
            cache: self.cache.clone(),
            offline: self.capture.recorded().is_some(),
            trust: Arc::clone(&self.trust),
            origin: self.capture.origin.clone(),
            ..Fetcher::default()
        }
    }

    /// Says what went wrong with the cache.
    pub(super) fn warn(&self, output: &Output) {
        cache_args::warn(self.cache.as_ref(), output);
    }

    /// Writes what was looked up, if that was wanted.
    pub(super) fn finish(&self) -> Result<(), SnapshotError> {
        self.capture.finish(&self.trust)
    }
}

impl ConnectionArgs {
    pub(super) fn options(&self) -> TransportOptions {
        TransportOptions {
            extra_ca: self.ca_cert.clone(),
            plain_http: self.insecure_registry.clone(),
            ..TransportOptions::default()
        }
    }
}
