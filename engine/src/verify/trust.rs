//! Whom signatures are trusted to: trust roots by name.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use sigstore_trust_root::TrustedRoot;
use sigstore_verify::Verifier;

/// Bytes of a `trusted_root.json`.
pub const TRUST_ROOT_LIMIT: usize = 4 << 20;

/// The trust roots that signatures are verified against, in the order they are tried.
#[derive(Debug, Default)]
pub struct Trust {
    roots: Vec<Arc<TrustRoot>>,
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
    material: Result<Material, String>,
}

struct Material {
    root: TrustedRoot,
    verifier: Verifier,
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
        Self { roots: roots.into_iter().map(Arc::new).collect() }
    }

    /// The roots, in the order they are tried.
    pub fn roots(&self) -> &[Arc<TrustRoot>] {
        &self.roots
    }
}

impl TrustRoot {
    /// Reads a `trusted_root.json` (Sigstore protobuf specs, `dev.sigstore.trustroot.v1.TrustedRoot`).
    pub fn parse(name: &str, kind: RootKind, json: &[u8]) -> Result<Self, TrustError> {
        if json.len() > TRUST_ROOT_LIMIT {
            return Err(TrustError::TooLarge { name: name.to_owned() });
        }
        let malformed = |reason: String| TrustError::Malformed { name: name.to_owned(), reason };
        let text = std::str::from_utf8(json).map_err(|_| malformed("it is not UTF-8 text".to_owned()))?;
        let root = TrustedRoot::from_json(text).map_err(|error| malformed(error.to_string()))?;
        let verifier = Verifier::new(&root).map_err(|error| malformed(error.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            kind,
            version: format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(json))),
            material: Ok(Material { root, verifier }),
        })
    }

    /// A root that should be there and can't be used: every signature fails under it, for this reason.
    pub fn unusable(name: &str, kind: RootKind, reason: impl Into<String>) -> Self {
        let (name, version) = (name.to_owned(), String::new());
        Self { name, kind, version, material: Err(reason.into()) }
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
    pub(super) fn material(&self) -> Result<(&TrustedRoot, &Verifier), &str> {
        self.material.as_ref().map(|material| (&material.root, &material.verifier)).map_err(String::as_str)
    }
}

impl std::fmt::Debug for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustRoot").field("name", &self.name).field("version", &self.version).finish()
    }
}
