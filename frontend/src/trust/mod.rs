//! Whom signatures are trusted to: where trust roots come from, and until when they hold.
//!
//! Sigstore's public good instance and GitHub's are known without being told. Each is embedded in this program
//! ([`instance`]), published by [`tuf`], and kept in a [`cache`]; [`chosen`] says which copy holds. Further ones lie in files
//! ([`mod@file`]). Of all of them nothing is read before a signature is to be verified, except for files: whoever named
//! one wants to hear at once that it is wrong.

pub mod cache;
pub mod chosen;
pub mod describe;
pub mod file;
pub mod instance;
mod mirror;
pub mod tuf;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;
use jiff::Timestamp;
use policy_engine::verify::{RootKind, Trust, TrustRoot};

use self::cache::TrustCache;
use self::chosen::{Chosen, Network, Place, REFRESH_LIMIT, Stale, held, obtain, refresh};
use self::describe::{Described, State, Voucher};
use self::file::{RootFile, RootFileError};
use self::instance::{INSTANCES, Instance};
pub use self::mirror::{MIRRORS, Mirror, MirrorError, mirrors_of_environment, repository, repository_url};
use self::tuf::{TufError, Verified};
use crate::resolve::image::document::sha256;
use crate::resolve::transport::TransportOptions;
use crate::snapshot::RecordedRoot;

/// Where trust roots come from.
#[derive(Debug, Clone, Default)]
pub struct TrustOptions {
    /// `--trust-root`, in order.
    pub files: Vec<RootFile>,
    /// The cache's folder; `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// How to fetch what is stale; `None` never does.
    pub network: Option<TransportOptions>,
    /// Where to fetch it instead.
    pub mirrors: Vec<Mirror>,
}

impl TrustOptions {
    /// The trust roots, in the order in which signatures are tried under them. Those that are published are chosen
    /// when the first signature is tried, as of the time `now`; `None` is the time then.
    pub fn load(&self, now: Option<SystemTime>) -> Result<Trust, RootFileError> {
        let published = INSTANCES.into_iter().map(|instance| self.published(instance, now));
        Ok(Trust::new(published.chain(self.in_files()?).collect()))
    }

    /// The same, with those that were `recorded` in the place of what holds today. Files that are named count, for
    /// they are configuration as policies are.
    pub fn load_recorded(
        &self,
        recorded: &[RecordedRoot],
        captured: SystemTime,
    ) -> Result<Trust, RootFileError> {
        let files = self.in_files()?;
        let is_named = |root: &&RecordedRoot| files.iter().all(|file| file.name() != root.name);
        let was_recorded = |instance: &Instance| recorded.iter().any(|root| root.name == instance.name);
        let mut roots: Vec<TrustRoot> = Vec::new();
        for instance in INSTANCES.into_iter().filter(|instance| !was_recorded(instance)) {
            roots.push(self.published(instance, Some(captured)));
        }
        for RecordedRoot { name, kind, json } in recorded.iter().filter(is_named) {
            let json = json.clone().map(Vec::from);
            roots.push(TrustRoot::deferred(name, *kind, move || json));
        }
        let order = |root: &TrustRoot| match root.kind() {
            RootKind::Sigstore => 0,
            RootKind::Github => 1,
            RootKind::Private => 2,
        };
        roots.sort_by_key(order);
        roots.extend(files);
        Ok(Trust::new(roots))
    }

    /// Fetches what `instance` publishes at the time `now`, and keeps it where it can. The second half says why it
    /// can't be kept.
    pub async fn update(
        &self,
        instance: &Instance,
        now: SystemTime,
    ) -> Result<(Verified, Option<std::io::Error>), TufError> {
        let network =
            self.network(instance).ok_or_else(|| TufError::Unavailable("there is no network".to_owned()))?;
        refresh(instance.name, instance.anchor, self.cache().as_ref(), &network, timestamp(now)).await
    }

    /// What is used of `instance` at the time `now`, if nobody is asked.
    pub fn held(&self, instance: &Instance, now: SystemTime) -> Result<Chosen, Stale> {
        held(instance, self.cache().as_ref(), timestamp(now))
    }

    /// What is used of `instance` at the time `now`, described.
    pub fn describe(&self, instance: &Instance, now: SystemTime) -> Described {
        let held = self.held(instance, now);
        let described = match &held {
            Ok(chosen) => {
                let state = State::at(timestamp(now), chosen.until);
                let tuf = Voucher {
                    root_version: chosen.root_version,
                    root_expires: chosen.root_expires,
                    used_until: chosen.until,
                };
                Described { tuf: Some(tuf), ..Described::new(instance.name, state, chosen.place.name()) }
            }
            Err(stale) => Described {
                problem: Some(stale.to_string()),
                ..Described::new(instance.name, State::Stale, Place::Embedded.name())
            },
        };
        let json = held.map_or_else(|_| instance.embedded.as_bytes().to_vec(), |chosen| chosen.json);
        match file::check(instance.name, &json) {
            Ok(root) => described.with_version(sha256(&json)).with_parts(&root),
            Err(error) => Described { problem: Some(error.to_string()), ..described },
        }
    }

    fn cache(&self) -> Option<TrustCache> {
        self.cache.as_deref().map(TrustCache::new)
    }

    fn network(&self, instance: &Instance) -> Option<Network> {
        let url = repository(instance, &self.mirrors);
        self.network.clone().map(|transport| Network { url, transport, limit: REFRESH_LIMIT })
    }

    fn published(&self, instance: Instance, now: Option<SystemTime>) -> TrustRoot {
        let (cache, network) = (self.cache(), self.network(&instance));
        TrustRoot::deferred(instance.name, instance.kind, move || {
            obtain(
                &instance,
                cache.as_ref(),
                network.as_ref(),
                timestamp(now.unwrap_or_else(SystemTime::now)),
            )
        })
    }

    fn in_files(&self) -> Result<Vec<TrustRoot>, RootFileError> {
        let mut names = BTreeSet::new();
        if let Some(twice) = self.files.iter().find(|file| !names.insert(&file.name)) {
            return Err(RootFileError::Twice(twice.name.clone()));
        }
        self.files.iter().map(RootFile::load).collect()
    }
}

/// Those of the roots that signatures were tried under.
pub fn recorded(trust: &Trust) -> Vec<RecordedRoot> {
    let recorded = trust.roots().iter().filter_map(|root| {
        let json = root.used()?.map(Bytes::copy_from_slice).map_err(str::to_owned);
        Some(RecordedRoot { name: root.name().to_owned(), kind: root.kind(), json })
    });
    recorded.collect()
}

/// A time that no clock shows counts as the end of all times: everything has expired then.
pub fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
