//! Whom signatures are trusted to: trust roots by name.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use jiff::Timestamp;

use super::cache::Cache;
use super::manifest::sha256;
use super::material::Material;

/// Bytes of a `trusted_root.json`.
pub const TRUST_ROOT_LIMIT: usize = 4 << 20;

/// The trust roots that signatures are verified against, in the order they are tried, and what was verified under
/// them already. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    roots: Vec<Arc<TrustRoot>>,
    cache: Arc<Cache>,
    as_of: Option<Timestamp>,
}

/// Whose a trust root is. Only under [`RootKind::Sigstore`] a signature can be of a kind that buildx knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RootKind {
    /// Sigstore's public good instance.
    Sigstore,
    /// GitHub's instance, for attestations of private repositories.
    Github,
    /// An instance that the operator named.
    Private,
}

impl RootKind {
    /// In a word.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sigstore => "sigstore",
            Self::Github => "github",
            Self::Private => "private",
        }
    }
}

/// Certificate authorities, logs and timestamp authorities: a Sigstore `trusted_root.json`. It is read and parsed
/// when the first signature is tried under it.
pub struct TrustRoot {
    name: String,
    kind: RootKind,
    loaded: LazyLock<Result<Loaded, String>, Load>,
    used: AtomicBool,
}

type Load = Box<dyn FnOnce() -> Result<Loaded, String> + Send>;

struct Loaded {
    json: Vec<u8>,
    version: String,
    material: Material,
}

/// Why a trust root can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// It is no `trusted_root.json`.
    #[error("the trust root `{name}` is malformed: {reason}")]
    Malformed {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It is larger than a trust root may be.
    #[error("the trust root `{name}` is larger than {TRUST_ROOT_LIMIT} bytes")]
    TooLarge {
        /// Its name.
        name: String,
    },
}

impl Trust {
    /// Trusts `roots`; the first under which a signature verifies counts.
    pub fn new(roots: Vec<TrustRoot>) -> Self {
        Self { roots: roots.into_iter().map(Arc::new).collect(), cache: Arc::default(), as_of: None }
    }

    /// The same with other roots, e.g. after an update. What was verified under a root that stays is not verified
    /// again.
    #[must_use]
    pub fn with_roots(&self, roots: Vec<Arc<TrustRoot>>) -> Self {
        Self { roots, cache: Arc::clone(&self.cache), as_of: self.as_of }
    }

    /// The same as of the time `now`: what was signed later doesn't verify. Without it the clock tells.
    #[must_use]
    pub fn as_of(&self, now: SystemTime) -> Self {
        // A time that no clock shows is no limit: the clock is one in any case.
        Self { as_of: Timestamp::try_from(now).ok(), ..self.clone() }
    }

    /// Whether a time is later than that of the check.
    pub(super) fn is_in_future(&self, time: Timestamp) -> bool {
        self.as_of.is_some_and(|now| time > now)
    }

    /// The roots, in the order they are tried.
    pub fn roots(&self) -> &[Arc<TrustRoot>] {
        &self.roots
    }

    pub(super) fn cache(&self) -> &Cache {
        &self.cache
    }
}

impl TrustRoot {
    /// Reads a `trusted_root.json` (Sigstore protobuf specs, `dev.sigstore.trustroot.v1.TrustedRoot`) at once.
    pub fn parse(name: &str, kind: RootKind, json: &[u8]) -> Result<Self, TrustError> {
        let loaded = parse(name, json.to_vec())?;
        let root = Self::new(name, kind, move || Ok(loaded));
        LazyLock::force(&root.loaded);
        Ok(root)
    }

    /// A root whose `trusted_root.json` is delivered by `load` when it is needed first; an error says why there is
    /// none, and every signature fails under it then. `load` may block.
    pub fn deferred(
        name: &str,
        kind: RootKind,
        load: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static,
    ) -> Self {
        let owned = name.to_owned();
        Self::new(name, kind, move || parse(&owned, load()?).map_err(|error| error.to_string()))
    }

    /// A root that should be there and can't be used: every signature fails under it, for this reason.
    pub fn unusable(name: &str, kind: RootKind, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::new(name, kind, move || Err(reason))
    }

    fn new(
        name: &str,
        kind: RootKind,
        load: impl FnOnce() -> Result<Loaded, String> + Send + 'static,
    ) -> Self {
        let (name, load): (_, Load) = (name.to_owned(), Box::new(load));
        Self { name, kind, loaded: LazyLock::new(load), used: AtomicBool::new(false) }
    }

    /// The name that policies and reports use: `sigstore`, `github`, or the operator's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose it is.
    pub fn kind(&self) -> RootKind {
        self.kind
    }

    /// `sha256:…` of the JSON it was read from; empty for one that can't be used. Loads it.
    pub fn version(&self) -> &str {
        self.loaded.as_ref().map_or("", |loaded| &loaded.version)
    }

    /// What signatures were tried under: the JSON, or why there is none. `None` until one was.
    pub fn used(&self) -> Option<Result<&[u8], &str>> {
        self.used.load(Ordering::Relaxed).then(|| self.json())
    }

    /// The `trusted_root.json`, or why there is none. Loads it.
    pub fn json(&self) -> Result<&[u8], &str> {
        self.loaded.as_ref().map(|loaded| &*loaded.json).map_err(String::as_str)
    }

    /// Its authorities and logs, and the verifier made of them; an error says why there are none. Loads it.
    pub(super) fn material(&self) -> Result<&Material, &str> {
        self.used.store(true, Ordering::Relaxed);
        self.loaded.as_ref().map(|loaded| &loaded.material).map_err(String::as_str)
    }
}

fn parse(name: &str, json: Vec<u8>) -> Result<Loaded, TrustError> {
    if json.len() > TRUST_ROOT_LIMIT {
        return Err(TrustError::TooLarge { name: name.to_owned() });
    }
    let material =
        Material::parse(&json).map_err(|reason| TrustError::Malformed { name: name.to_owned(), reason })?;
    let version = sha256(&json);
    Ok(Loaded { json, version, material })
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "test code")]

    use sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

    use super::*;

    #[test]
    fn nothing_is_loaded_before_it_is_used() {
        let loads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&loads);
        let root = TrustRoot::deferred("sigstore", RootKind::Sigstore, move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes().to_vec())
        });
        assert_eq!((root.used(), format!("{root:?}").contains("sigstore")), (None, true));
        assert_eq!(loads.load(Ordering::Relaxed), 0);
        assert!(root.material().is_ok() && root.material().is_ok());
        assert_eq!(loads.load(Ordering::Relaxed), 1);
        assert_eq!(root.used(), Some(Ok(SIGSTORE_PRODUCTION_TRUSTED_ROOT.as_bytes())));
        assert!(root.version().starts_with("sha256:"));
    }

    #[test]
    fn roots_without_material_say_why() {
        let missing = TrustRoot::unusable("sigstore", RootKind::Sigstore, "it is stale");
        assert_eq!((missing.material().err(), missing.version()), (Some("it is stale"), ""));
        assert_eq!(missing.used(), Some(Err("it is stale")));
        let malformed = TrustRoot::deferred("own", RootKind::Private, || Ok(b"{".to_vec()));
        assert!(malformed.material().err().unwrap().starts_with("the trust root `own` is malformed: "));
        assert!(TrustRoot::parse("own", RootKind::Private, b"\xff").is_err());
        let large = TrustRoot::parse("own", RootKind::Private, &vec![b' '; TRUST_ROOT_LIMIT + 1]);
        assert_eq!(large.err(), Some(TrustError::TooLarge { name: "own".to_owned() }));
    }
}
