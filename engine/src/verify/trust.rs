//! Whom signatures are trusted to: trust roots by name.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::material::Material;

/// Bytes of a `trusted_root.json`.
pub const TRUST_ROOT_LIMIT: usize = 4 << 20;

/// The trust roots that signatures are verified against, in the order they are tried, and what was verified under
/// them already. Clones share both.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    roots: Vec<Arc<TrustRoot>>,
    cache: Arc<Cache>,
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

/// Certificate authorities, logs and timestamp authorities: a Sigstore `trusted_root.json`.
pub struct TrustRoot {
    name: String,
    kind: RootKind,
    version: String,
    json: Cow<'static, [u8]>,
    /// Made of `json` when the first signature is verified.
    material: OnceLock<Result<Material, String>>,
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
        Self { roots: roots.into_iter().map(Arc::new).collect(), cache: Arc::default() }
    }

    /// The same with other roots, e.g. after an update. What was verified under a root that stays is not verified
    /// again.
    #[must_use]
    pub fn with_roots(&self, roots: Vec<Arc<TrustRoot>>) -> Self {
        Self { roots, cache: Arc::clone(&self.cache) }
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
    /// Reads a `trusted_root.json` (Sigstore protobuf specs, `dev.sigstore.trustroot.v1.TrustedRoot`) and refuses
    /// it at once if it is malformed.
    pub fn parse(name: &str, kind: RootKind, json: &[u8]) -> Result<Self, TrustError> {
        if json.len() > TRUST_ROOT_LIMIT {
            return Err(TrustError::TooLarge { name: name.to_owned() });
        }
        let material = Material::parse(json)
            .map_err(|reason| TrustError::Malformed { name: name.to_owned(), reason })?;
        let root = Self::lazy(name, kind, json.to_vec());
        Ok(Self { material: OnceLock::from(Ok(material)), ..root })
    }

    /// A root that is read when the first signature is verified: one that verifies none costs nothing. If it turns
    /// out to be malformed, every signature fails under it.
    pub fn lazy(name: &str, kind: RootKind, json: impl Into<Cow<'static, [u8]>>) -> Self {
        let json = json.into();
        Self {
            name: name.to_owned(),
            kind,
            version: format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(&json))),
            json,
            material: OnceLock::new(),
        }
    }

    /// A root that should be there and can't be used: every signature fails under it, for this reason.
    pub fn unusable(name: &str, kind: RootKind, reason: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            version: String::new(),
            json: Cow::Borrowed(&[]),
            material: OnceLock::from(Err(reason.into())),
        }
    }

    /// The name that policies and reports use: `sigstore`, `github`, or the operator's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose it is.
    pub fn kind(&self) -> RootKind {
        self.kind
    }

    /// `sha256:…` of the JSON it was read from; empty for one that can't be used.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its authorities and logs, and the verifier made of them; an error says why there are none.
    pub(super) fn material(&self) -> Result<&Material, &str> {
        let material = self.material.get_or_init(|| {
            if self.json.len() > TRUST_ROOT_LIMIT {
                return Err(format!("it is larger than {TRUST_ROOT_LIMIT} bytes"));
            }
            Material::parse(&self.json)
        });
        material.as_ref().map_err(String::as_str)
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot").field("name", &self.name).field("version", &self.version).finish()
    }
}
