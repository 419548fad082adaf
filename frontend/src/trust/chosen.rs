//! Which copy of an instance's trust root holds: one that was kept, the embedded one, or one that is fetched.

use std::time::Duration;

use jiff::Timestamp;
use policy_engine::verify::TrustError;

use super::cache::TrustCache;
use super::file;
use super::instance::Instance;
use super::tuf::{self, TRUSTED_ROOT, TufError, Verified};
use crate::lookup::block_on;
use crate::resolve::transport::{Transport, TransportOptions};

/// How long a run waits for a trust root that it can't do without.
pub const REFRESH_LIMIT: Duration = Duration::from_secs(10);

/// An instance's trust root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// `trusted_root.json`.
    pub json: Vec<u8>,
    /// Where it was.
    pub place: Place,
    /// Version of the TUF root that vouches for it.
    pub root_version: u64,
    /// When that TUF root expires.
    pub root_expires: Timestamp,
    /// Until when it is used, if there is no update.
    pub until: Timestamp,
}

/// Where a trust root was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In this program.
    Embedded,
    /// In the cache.
    Cache,
}

impl Place {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Cache => "cache",
        }
    }
}

/// Neither what was kept nor what is embedded holds any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is stale since {since}")]
pub struct Stale {
    /// Since when.
    pub since: Timestamp,
}

/// How an instance's repository is reached.
#[derive(Debug, Clone)]
pub struct Network {
    /// The repository, or a mirror.
    pub url: String,
    /// Proxies, certificates, timeouts.
    pub transport: TransportOptions,
    /// How long to wait at most.
    pub limit: Duration,
}

/// The copy that holds at the time `now`, without asking anybody.
///
/// - What was kept holds until its metadata expires. That is soon (a timestamp lasts some days), so that nobody can
///   hold back an update for long.
/// - The embedded copy holds as long as the TUF root that vouches for it. What was kept and is newer holds as long,
///   too: going back to an older copy would be no safer.
pub fn held(instance: &Instance, cache: Option<&TrustCache>, now: Timestamp) -> Result<Chosen, Stale> {
    let embedded = Chosen {
        json: instance.embedded.as_bytes().to_vec(),
        place: Place::Embedded,
        root_version: instance.anchor_version,
        root_expires: instance.anchor_expires,
        until: instance.anchor_expires,
    };
    let (mut since, mut holds) = (embedded.until, None);
    if let Some(kept) = cache.and_then(|cache| kept(instance, cache)) {
        let is_newer = kept.timestamp_expires > instance.embedded_at;
        let as_embedded =
            if is_newer { kept.root_expires.min(instance.anchor_expires) } else { kept.expires };
        let until = kept.expires.max(as_embedded);
        since = since.max(until);
        let Verified { content: json, root_version, root_expires, .. } = kept;
        holds = Some(Chosen { json, place: Place::Cache, root_version, root_expires, until });
    }
    let holds = holds.into_iter().chain([embedded]).find(|chosen| now <= chosen.until);
    holds.ok_or(Stale { since })
}

/// What was kept of the instance, whatever of it has expired. A newer version of this program may have kept what this
/// one can't read.
fn kept(instance: &Instance, cache: &TrustCache) -> Option<Verified> {
    let files = cache.load(instance.name);
    // Nothing has expired at that time.
    let always = Timestamp::UNIX_EPOCH;
    let kept = tuf::verify(instance.anchor, TRUSTED_ROOT, &files, always).ok()?;
    file::check(instance.name, &kept.content).is_ok().then_some(kept)
}

/// Fetches what the instance publishes now, and keeps it. A cache that can't be written is told in the second half.
pub async fn refresh(
    name: &str,
    anchor: &[u8],
    cache: Option<&TrustCache>,
    network: &Network,
    now: Timestamp,
) -> Result<(Verified, Option<std::io::Error>), TufError> {
    let transport = Transport::new(network.transport.clone());
    let transport = transport.map_err(|error| TufError::Unavailable(error.to_string()))?;
    let lock = match cache {
        Some(cache) => cache.lock(name, network.limit).await,
        None => None,
    };
    let kept = cache.map(|cache| cache.load(name)).unwrap_or_default();
    let repository = (network.url.as_str(), &transport);
    let verified = tuf::refresh(anchor, TRUSTED_ROOT, &kept, repository, network.limit, now).await?;
    let useless = |error| match error {
        TrustError::Malformed { reason, .. } => TufError::Useless(reason),
        error => TufError::Useless(error.to_string()),
    };
    file::check(name, &verified.content).map_err(useless)?;
    let problem = cache.and_then(|cache| cache.save(name, &verified.files).err());
    drop(lock);
    Ok((verified, problem))
}

/// The trust root that holds at the time `now`. Only where there is none, one is fetched, if there is a network. The
/// error says what is to be done. Blocks.
pub fn obtain(
    instance: &Instance,
    cache: Option<&TrustCache>,
    network: Option<&Network>,
    now: Timestamp,
) -> Result<Vec<u8>, String> {
    let stale = match held(instance, cache, now) {
        Ok(chosen) => return Ok(chosen.json),
        Err(stale) => stale,
    };
    let name = instance.name;
    let Some(network) = network else {
        return Err(format!(
            "the trust root `{name}` cannot be used: {stale}; run `policy-check trust update`"
        ));
    };
    // A runtime can't wait for another one on its own thread.
    let fetched = std::thread::scope(|scope| {
        let fetching = || block_on(refresh(name, instance.anchor, cache, network, now));
        scope.spawn(fetching).join()
    });
    let failed = match fetched {
        Ok(Ok(Ok((verified, _)))) => return Ok(verified.content),
        Ok(Ok(Err(error))) => error.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the update broke down".to_owned(),
    };
    Err(format!(
        "the trust root `{name}` cannot be used: {stale}, and updating it failed ({failed}); run `policy-check trust update`"
    ))
}
