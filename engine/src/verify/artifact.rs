//! What was signed.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sigstore_types::HashAlgorithm;

/// What a signature should be of.
#[derive(Debug, Clone)]
pub enum Artifact<'a> {
    /// Its digest.
    Digest(ArtifactDigest),
    /// Its bytes. Needed for signatures that can't be verified by a digest alone, as those of Ed25519 keys.
    Blob(&'a [u8]),
}

/// Digest of what was signed: `sha256:…`, `sha384:…` or `sha512:…`, lowercase hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactDigest(sigstore_types::ArtifactDigest);

/// It is no digest of a hash that signatures use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no digest of the form sha256:HEX, sha384:HEX or sha512:HEX")]
pub struct ArtifactDigestError {
    text: String,
}

impl ArtifactDigest {
    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// `sha256`, `sha384` or `sha512`.
    pub fn algorithm(&self) -> &'static str {
        self.0.algorithm().as_rekor_str()
    }

    pub(super) fn is_by(&self, algorithm: HashAlgorithm) -> bool {
        self.0.algorithm() == algorithm
    }

    pub(super) fn of(algorithm: HashAlgorithm, bytes: &[u8]) -> Option<Self> {
        let digest = match algorithm {
            HashAlgorithm::Sha2256 => sigstore_crypto::sha256(bytes).as_bytes().to_vec(),
            HashAlgorithm::Sha2384 => sigstore_crypto::sha384(bytes).as_bytes().to_vec(),
            HashAlgorithm::Sha2512 => sigstore_crypto::sha512(bytes).as_bytes().to_vec(),
            _ => return None,
        };
        sigstore_types::ArtifactDigest::new(algorithm, digest).ok().map(Self)
    }
}

impl FromStr for ArtifactDigest {
    type Err = ArtifactDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ArtifactDigestError { text: text.chars().take(200).collect() };
        let (algorithm, hex) = text.split_once(':').ok_or_else(error)?;
        let algorithm = match algorithm {
            "sha256" => HashAlgorithm::Sha2256,
            "sha384" => HashAlgorithm::Sha2384,
            "sha512" => HashAlgorithm::Sha2512,
            _ => return Err(error()),
        };
        let bytes = HEXLOWER.decode(hex.as_bytes()).map_err(|_| error())?;
        sigstore_types::ArtifactDigest::new(algorithm, bytes).map(Self).map_err(|_| error())
    }
}

impl fmt::Display for ArtifactDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), HEXLOWER.encode(self.as_bytes()))
    }
}

impl From<ArtifactDigest> for Artifact<'_> {
    fn from(digest: ArtifactDigest) -> Self {
        Self::Digest(digest)
    }
}

impl From<&ArtifactDigest> for Artifact<'_> {
    fn from(digest: &ArtifactDigest) -> Self {
        Self::Digest(digest.clone())
    }
}

impl Artifact<'_> {
    /// Its digest by this hash; `None` if only one by another hash is known.
    pub(super) fn digest(&self, algorithm: HashAlgorithm) -> Option<ArtifactDigest> {
        match self {
            Self::Digest(digest) => digest.is_by(algorithm).then(|| digest.clone()),
            Self::Blob(bytes) => ArtifactDigest::of(algorithm, bytes),
        }
    }

    /// As the verifier takes it.
    pub(super) fn for_verifier(&self) -> sigstore_types::Artifact<'_> {
        match self {
            Self::Digest(digest) => sigstore_types::Artifact::Digest(digest.0.clone()),
            Self::Blob(bytes) => sigstore_types::Artifact::Blob(bytes),
        }
    }
}
